"""Quoting on a recorded stream: what would have been filled, and what it would have brought.

`strict` is pessimistic: a resting order fills only where a trade or the other side's best price
goes strictly beyond its own, so whoever stood at the same price came first; it then trades at its
own price, and at most what was traded or shown there. `queue` fills it besides where trades at its
own price have taken all that stood ahead of it (`signals.making.queue`); it wants the depth of the
book. New quotes take `latency_ms` to arrive, and the old ones can be hit meanwhile. The stops of an
account are not part of it, nor is what our orders would have changed in the market.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from signals.making.aftermath import Aftermath, aftermath, waits
from signals.making.maker import Maker, Wanted, is_moved
from signals.making.parameters import Parameters
from signals.making.queue import Cancels, FillModel, Levels, Place
from signals.making.quoting import PARTS, Grid
from signals.making.tape import Depth, Event, Scales, Top, Trade
from signals.making.withdrawal import Hold, MarketNow


@dataclass(frozen=True, slots=True)
class SimulatedFill:
    """One execution; `mid` is the one on which the quote was made, money in quote units.

    `waited_ms` is how long the order had rested, `ahead` what stood before it as it came, where
    that is known.
    """

    at_ms: int
    is_buy: bool
    quantity: int
    price: int
    mid: int
    notional: int
    fee: int
    spread: int
    waited_ms: int = 0
    ahead: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it: profit = spread captured + inventory profit - fees, to the unit.

    Attributes
    ----------
    spread_captured : int
        Each fill's distance from the mid on which its quote was made, times its quantity.
    inventory_profit : int
        What the mid's moves after the quotes did to what was bought and sold, adverse selection
        included; what is still held counts at the last mid.
    decisions, quoted : int
        How often quotes were calculated, and how often something was to rest.
    holds : mapping
        How often each reason withdrew a side or both.
    after : mapping
        The mid's move after fills, by milliseconds.
    wait_ms : (float, int) or None
        Median and longest time that a filled order had rested.
    path : tuple of (at_ms, inventory)
        What was held after each fill.
    """

    fills: tuple[SimulatedFill, ...]
    inventory: int
    spread_captured: int
    inventory_profit: int
    fees: int
    profit: int
    seconds: float
    decisions: int
    quoted: int
    placed: int
    holds: Mapping[Hold, int]
    model: FillModel = FillModel.STRICT
    after: Mapping[int, Aftermath] = field(default_factory=dict)
    wait_ms: tuple[float, int] | None = None
    path: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class _Resting:
    price: int
    left: int
    mid: int
    joined_ms: int
    place: Place
    joined_behind: int | None


@dataclass(slots=True)
class _Desk:
    """The running state of one simulation."""

    parameters: Parameters
    scales: Scales
    maker_fee_ppm: int
    model: FillModel = FillModel.STRICT
    cancels: Cancels = field(default_factory=Cancels)
    levels: Levels = field(default_factory=Levels)
    inventory: int = 0
    placed: int = 0
    bid: _Resting | None = None
    ask: _Resting | None = None
    fills: list[SimulatedFill] = field(default_factory=list)

    def withdraw(self) -> None:
        self.bid = self.ask = None

    def rest(self, wanted: Wanted, at_ms: int) -> None:
        """Let the wanted quotes rest; one that is near enough keeps its place."""
        found = wanted.quotes
        if found is None:
            self.withdraw()
            return
        room = self.parameters.max_inventory - self.inventory
        bid_size, ask_size = min(found.bid_size, room), min(found.ask_size, self.inventory)
        bid, ask = self.bid, self.ask
        self.bid = self._kept(bid, found.bid, bid_size) or self._new(
            found.bid, bid_size, (found.mid, at_ms), is_bid=True
        )
        self.ask = self._kept(ask, found.ask, ask_size) or self._new(
            found.ask, ask_size, (found.mid, at_ms), is_bid=False
        )

    def _kept(self, resting: _Resting | None, price: int | None, size: int) -> _Resting | None:
        """Return the resting order where it may stay; a smaller one keeps its place, too."""
        if price is None or size <= 0:
            return None
        if resting is not None and not is_moved(resting.price, price, self.parameters.replace_bps):
            resting.left = min(resting.left, size)
            return resting
        return None

    def _new(
        self, price: int | None, size: int, made: tuple[int, int], *, is_bid: bool
    ) -> _Resting | None:
        """Let a new order join behind all that is shown at its price."""
        if price is None or size <= 0:
            return None
        mid, at_ms = made
        self.placed += 1
        shown = self.levels.size(price, is_bid=is_bid)
        place = Place(self.cancels, shown, shown or 0)
        return _Resting(price, size, mid, at_ms, place, shown)

    def fill_at(self, trade: Trade) -> None:
        """Fill what a trade at an order's own price leaves after those ahead of it."""
        bid, ask = self.bid, self.ask
        if bid is not None and trade.price == bid.price and trade.is_sell is not False:
            self.bid = self._taken(bid, bid.place.take(trade.quantity), trade.at_ms, is_buy=True)
        if ask is not None and trade.price == ask.price and trade.is_sell is not True:
            self.ask = self._taken(ask, ask.place.take(trade.quantity), trade.at_ms, is_buy=False)

    def see(self, depth: Depth) -> None:
        """Take changed levels; orders at their prices move up where others left."""
        if depth.is_lost:
            self.levels.forget()
            return
        if depth.is_whole:
            self.levels.forget()
            self.levels.is_known = True
        sides = (
            (self.bid, self.levels.bids, depth.bids),
            (self.ask, self.levels.asks, depth.asks),
        )
        for resting, levels, changes in sides:
            levels.update(changes)
            if resting is None or not self.levels.is_known:
                continue
            if depth.is_whole or any(price == resting.price for price, _ in changes):
                resting.place.see(levels.get(resting.price, 0))

    def fill_below(self, price: int, quantity: int, at_ms: int) -> None:
        """Fill the bid where the market trades or is offered strictly below it."""
        if self.bid is not None and price < self.bid.price:
            self.bid.place.reach()
            self.bid = self._taken(self.bid, quantity, at_ms, is_buy=True)

    def fill_above(self, price: int, quantity: int, at_ms: int) -> None:
        """Fill the ask where the market trades or is bid strictly above it."""
        if self.ask is not None and price > self.ask.price:
            self.ask.place.reach()
            self.ask = self._taken(self.ask, quantity, at_ms, is_buy=False)

    def _taken(
        self, resting: _Resting, quantity: int, at_ms: int, *, is_buy: bool
    ) -> _Resting | None:
        taken = min(resting.left, quantity)
        if taken <= 0:
            return resting
        notional = self.scales.worth(taken, resting.price, is_paid=is_buy)
        at_mid = self.scales.worth(taken, resting.mid)
        self.fills.append(
            SimulatedFill(
                at_ms=at_ms,
                is_buy=is_buy,
                quantity=taken,
                price=resting.price,
                mid=resting.mid,
                notional=notional,
                fee=-(-notional * self.maker_fee_ppm // PARTS),
                spread=at_mid - notional if is_buy else notional - at_mid,
                waited_ms=at_ms - resting.joined_ms,
                ahead=resting.joined_behind,
            )
        )
        self.inventory += taken if is_buy else -taken
        resting.left -= taken
        return resting if resting.left else None


def simulate(
    events: Iterable[Event],
    parameters: Parameters,
    grid: Grid,
    *,
    maker_fee_ppm: int,
    max_age_ms: int = 3_000,
    latency_ms: int = 100,
    scales: Scales | None = None,
    model: FillModel = FillModel.STRICT,
    cancels: Cancels | None = None,
) -> Report:
    """Quote on a stream of best prices, trades and depth, in the order in which they were received.

    Parameters
    ----------
    model : FillModel
        `queue` wants the depth of the book among the events.
    cancels : Cancels, optional
        How cancelled size is shared out; in proportion unless told.

    Raises
    ------
    ValueError
        If the stream has no best prices, runs backwards in time, or has no depth for `queue`.
    """
    maker = Maker(parameters, grid, maker_fee_ppm=maker_fee_ppm, max_age_ms=max_age_ms)
    desk = _Desk(parameters, scales or Scales(), maker_fee_ppm, model, cancels or Cancels())
    run = _Run(maker, desk, max_age_ms, latency_ms)
    for event in events:
        run.on_event(event)
    return run.report()


class _Run:
    """One pass over a stream."""

    def __init__(self, maker: Maker, desk: _Desk, max_age_ms: int, latency_ms: int) -> None:
        self._maker, self._desk = maker, desk
        self._max_age_ms, self._latency_ms = max_age_ms, latency_ms
        self._top: Top | None = None
        self._first_ms = self._now_ms = self._decided_ms = 0
        self._coming: tuple[int, Wanted] | None = None
        self._decisions = self._quoted = 0
        self._holds: Counter[Hold] = Counter()
        self._times: list[int] = []
        self._mids: list[float] = []
        self._has_depth = False

    def on_event(self, event: Event) -> None:
        """Let what was decided arrive, fill what the event crosses, learn from it, decide."""
        if event.at_ms < self._now_ms:
            message = f"the stream runs backwards: {event.at_ms} after {self._now_ms}"
            raise ValueError(message)
        self._first_ms = self._first_ms or event.at_ms
        self._now_ms = event.at_ms
        self._arrive()
        if isinstance(event, Top):
            self._on_top(event)
        elif isinstance(event, Trade):
            self._on_trade(event)
        else:
            self._has_depth = True
            self._desk.see(event)
            return  # quotes are made of best prices and trades, whatever else is recorded
        if event.at_ms - self._decided_ms >= self._maker.parameters.refresh_ms:
            self._decide()

    def _arrive(self) -> None:
        top = self._top
        if top is not None and self._now_ms - top.at_ms > self._max_age_ms + self._latency_ms:
            self._desk.withdraw()
            self._coming = None
            self._maker.on_cut()
        if self._coming is not None and self._coming[0] <= self._now_ms:
            self._desk.rest(self._coming[1], self._now_ms)
            self._coming = None

    def _on_top(self, top: Top) -> None:
        self._top = top
        if not 0 < top.bid < top.ask:
            return
        self._desk.fill_below(top.ask, top.ask_size, top.at_ms)
        self._desk.fill_above(top.bid, top.bid_size, top.at_ms)
        mid = (top.bid + top.ask) / 2
        self._times.append(top.at_ms)
        self._mids.append(mid)
        self._maker.on_mid(mid, top.at_ms)

    def _on_trade(self, trade: Trade) -> None:
        self._desk.fill_below(trade.price, trade.quantity, trade.at_ms)
        self._desk.fill_above(trade.price, trade.quantity, trade.at_ms)
        if self._desk.model is FillModel.QUEUE:
            self._desk.fill_at(trade)
        if self._top is not None:
            self._maker.on_trade(trade.price, (self._top.bid + self._top.ask) / 2, trade.at_ms)

    def _decide(self) -> None:
        top = self._top
        if top is None:
            return
        market = MarketNow(self._now_ms, top.bid, top.ask, age_ms=self._now_ms - top.at_ms)
        wanted = self._maker.wanted(market, self._desk.inventory)
        self._decided_ms = self._now_ms
        self._coming = (self._now_ms + self._latency_ms, wanted)
        self._decisions += 1
        self._quoted += wanted.bid is not None or wanted.ask is not None
        self._holds.update(wanted.holds)

    def report(self) -> Report:
        """Count what came of it, what is held valued at the last mid."""
        top, desk = self._top, self._desk
        if top is None:
            message = "the stream has no best prices"
            raise ValueError(message)
        if desk.model is FillModel.QUEUE and not self._has_depth:
            message = "the stream has no depth: a place in the queue cannot be told; use strict"
            raise ValueError(message)
        bought = sum(fill.notional for fill in desk.fills if fill.is_buy)
        sold = sum(fill.notional for fill in desk.fills if not fill.is_buy)
        fees = sum(fill.fee for fill in desk.fills)
        spread = sum(fill.spread for fill in desk.fills)
        held = desk.scales.worth(desk.inventory, (top.bid + top.ask) // 2)
        gross = sold - bought + held
        return Report(
            fills=tuple(desk.fills),
            inventory=desk.inventory,
            spread_captured=spread,
            inventory_profit=gross - spread,
            fees=fees,
            profit=gross - fees,
            seconds=(self._now_ms - self._first_ms) / 1000,
            decisions=self._decisions,
            quoted=self._quoted,
            placed=desk.placed,
            holds=dict(self._holds),
            model=desk.model,
            after=aftermath(
                [(one.at_ms, one.is_buy, one.quantity) for one in desk.fills],
                self._times,
                self._mids,
            ),
            wait_ms=waits([one.waited_ms for one in desk.fills]),
            path=_path(desk.fills),
        )


def _path(fills: Iterable[SimulatedFill]) -> tuple[tuple[int, int], ...]:
    """Return what was held after each fill."""
    held, found = 0, []
    for one in fills:
        held += one.quantity if one.is_buy else -one.quantity
        found.append((one.at_ms, held))
    return tuple(found)
