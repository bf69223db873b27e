"""One strategy on one instrument: its wishes, its order, its position; for the oracle."""

from dataclasses import dataclass, field
from fractions import Fraction

from signals.columns.bulk import CODES
from signals.columns.decisions import Verdict
from tests.trading.backtest.oracle_market import down_to


@dataclass
class Wish:
    """A decision that acts: which, when, and what it told."""

    index: int
    row: int
    is_entry: bool
    is_stale: bool
    stop: int | None
    take: int | None


@dataclass
class Order:
    number: int
    rest: int = 0
    bound: int = 0
    aside: int = 0
    stop: int = 0
    take: int = 0
    wish: Wish | None = None


@dataclass
class Position:
    wish: Wish
    opened_at: int
    opened_row: int
    best_price: int
    quantity: int = 0
    stop: int = 0
    take: int = 0
    is_trailed: bool = False
    flow: int = 0
    fees: int = 0
    other: int = 0
    entries: list[tuple[int, int]] = field(default_factory=list)
    exits: list[tuple[int, int]] = field(default_factory=list)
    profits: list[Fraction] = field(default_factory=list)
    stop_order: Order | None = None
    take_order: Order | None = None
    exit_order: Order | None = None
    leave: str = ""


class Desk:
    """One strategy on one instrument."""

    def __init__(self, number, slot, market):
        self.number, self.slot, self.market = number, slot, market
        self.wishes = self._wishes()
        self.wanted = self.entry = self.position = None
        self.is_leaving = False

    def _wishes(self):
        told, market = self.market.told, self.market
        bars, listing = market.bars, market.listing
        decisions, wishes = self.slot.decisions, []
        for index, verdict in enumerate(decisions.verdict.tolist()):
            if verdict not in (CODES[Verdict.ENTER_LONG], CODES[Verdict.EXIT]):
                continue
            known = int(decisions.bar_open[index]) + self.slot.timeframe
            first = next((bar for bar in bars if bar.begins >= known), None)
            if first is None:
                continue
            waited = first.begins - known
            if not listing.is_always_open:
                before = bars[first.row - 1].begins + listing.timeframe if first.row else known
                waited = min(waited, max(before - known, 0))
            late = told.delay_bars * max(self.slot.timeframe // listing.timeframe, 1)
            prices = [
                self._units(column[index]) if told.stops == "strategy" else None
                for column in (decisions.stop, decisions.take)
            ]
            is_stale = 0 < told.patience_s < waited
            is_entry = verdict == CODES[Verdict.ENTER_LONG]
            wishes.append(Wish(index, first.row + late, is_entry, is_stale, *prices))
        return wishes

    def _units(self, price):
        if not price > 0:
            return None
        terms = self.market.terms
        return down_to(round(Fraction(float(price)) * 10**terms.price_scale), terms.tick)
