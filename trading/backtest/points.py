"""Many points of a search made in one process: what they share is read and calculated once.

A point gives figures only. Its decisions are those of the whole span, of which a fold takes its
part: a decision depends on the bars before it and not on the range that is asked for.
"""

from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals.columns.array_series import ArrayBars
from signals.columns.bulk import ColumnCache, DecisionArrays, Told, decide_all
from signals.columns.compiled import StrategyLike, strategy_key
from signals.columns.series import InstrumentKey, SeriesProvider
from trading.backtest.assumptions import Assumptions
from trading.backtest.curves import Days, days_of, held
from trading.backtest.engine import simulate
from trading.backtest.portfolio import Funding, Listing, Slot
from trading.backtest.results import Simulation
from trading.backtest.space import Point, applied
from trading.backtest.trade_figures import trade_figures
from trading.performance.metrics import figures, periods_of
from trading.performance.types import TradeFigures

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
DECIDED_KEPT = 4
MOST_STEPS = 256
"""Returns of a trial that are kept: of days, or of as many days together as give so few."""


@dataclass(frozen=True, slots=True)
class Daily:
    """Equity at each UTC day's close, before it what the account began with; in the currency.

    `row` are the steps of the simulation that tell it, one fewer.
    """

    time: Times
    equity: Floats
    row: Times

    @property
    def returns(self) -> Floats:
        """Return one number a day; empty where the equity is not above zero throughout."""
        if len(self.equity) < 2 or self.equity.min() <= 0:
            return np.empty(0)
        found: Floats = self.equity[1:] / self.equity[:-1] - 1.0
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a point gave: figures by name, and what they are made of.

    Attributes
    ----------
    benchmark : floats
        Buying and holding at the times of `daily`, 1 at its beginning.
    exposure : ints
        After each step.
    final : int
        Equity at the end, units.
    """

    metrics: dict[str, float | None]
    daily: Daily
    trades: TradeFigures
    benchmark: Floats
    exposure: Times
    final: int


@dataclass(slots=True)
class Ground:
    """What all points of a search share.

    Attributes
    ----------
    make : callable
        Returns the strategy with these parameters; refuses with a ParamError.
    instruments : sequence
        As the provider knows them, in the order of the listings.
    listings : sequence of Listing
        With the bars of the whole span.
    params, assumptions
        Those that a point is put into.
    from_open, through_open : int
        First and last bar of the strategy that is decided on.
    """

    make: Callable[[Mapping[str, Any]], StrategyLike]
    provider: SeriesProvider
    instruments: Sequence[InstrumentKey]
    listings: Sequence[Listing]
    params: Mapping[str, Any]
    assumptions: Assumptions
    timeframe: int
    from_open: int
    through_open: int
    cache: ColumnCache = field(default_factory=ColumnCache)
    _decided: "OrderedDict[object, list[DecisionArrays]]" = field(default_factory=OrderedDict)
    _days: dict[tuple[int, int], Days] = field(default_factory=dict)
    _held: dict[tuple[int, int], Floats] = field(default_factory=dict)

    def outcome(
        self,
        point: Point,
        *,
        from_open: int | None = None,
        through_open: int | None = None,
        cash: int | None = None,
        tell: Told | None = None,
    ) -> Outcome:
        """Return what a point gives on a part of the span, flat at its beginning.

        Raises
        ------
        ParamError
            Where the strategy does not take the point.
        ColumnError
            As `evaluate`.
        """
        first = self.from_open if from_open is None else from_open
        last = self.through_open if through_open is None else through_open
        params, assumptions = applied(point, self.params, self.assumptions)
        if cash is not None:
            assumptions = replace(assumptions, cash=cash)
        decided = self._decisions(self.make(params), tell)
        slots = [
            Slot(number, _between(one, first, last), self.timeframe)
            for number, one in enumerate(decided)
        ]
        return self._figured(slots, assumptions, first, last)

    def _figured(
        self, slots: Sequence[Slot], assumptions: Assumptions, first: int, last: int
    ) -> Outcome:
        """Return what decisions give on the bars from the first to the last that is decided on."""
        end = last + self.timeframe
        listings = [_part(one, first, end) for one in self.listings]
        simulation = simulate(listings, slots, assumptions)
        always = [one.is_always_open for one in listings]
        days = self._days_of(simulation.times, (first, last), is_every_day=any(always))
        daily = daily_of(simulation, assumptions, first, days)
        trades = trade_figures(simulation.trades, listings, slots, assumptions)
        benchmark = self._benchmark(listings, simulation.times, daily, (first, last))
        metrics = figures(
            day_equity=daily.equity,
            periods=periods_of(always),
            trades=trades,
            exposure=simulation.exposure,
            benchmark=benchmark,
        )
        final = int(simulation.equity[-1]) if len(simulation.equity) else assumptions.cash
        return Outcome(metrics, daily, trades, benchmark, simulation.exposure, final)

    def idle(self, *, from_open: int, through_open: int, cash: int) -> Outcome:
        """Return what a part of the span gives where nothing is traded."""
        times, codes, none = np.empty(0, np.int64), np.empty(0, np.int8), np.empty(0)
        silent = DecisionArrays(times, codes, none, none, none, none, {})
        slots = [Slot(number, silent, self.timeframe) for number in range(len(self.listings))]
        assumptions = replace(self.assumptions, cash=cash)
        return self._figured(slots, assumptions, from_open, through_open)

    def _days_of(self, times: Times, span: tuple[int, int], *, is_every_day: bool) -> Days:
        """Return the days of a part; every point has the same steps there."""
        found = self._days.get(span)
        if found is None:
            found = self._days[span] = days_of(times, is_every_day=is_every_day)
        return found

    def _benchmark(
        self, listings: Sequence[Listing], times: Times, daily: Daily, span: tuple[int, int]
    ) -> Floats:
        """Return buying and holding at the same days; only its changes count, not its size."""
        found = self._held.get(span)
        if found is None:
            found = self._held[span] = held(listings, times, 1)
        grown: Floats = np.concatenate(([1.0], found[daily.row]))
        return grown

    def _decisions(self, strategy: StrategyLike, tell: Told | None) -> list[DecisionArrays]:
        key = strategy_key(strategy)
        found = self._decided.pop(key, None)
        if found is None:
            found = [
                decide_all(
                    strategy,
                    self.provider,
                    instrument=one,
                    from_open=self.from_open,
                    through_open=self.through_open,
                    cache=self.cache,
                    tell=tell,
                )
                for one in self.instruments
            ]
        self._decided[key] = found
        while len(self._decided) > DECIDED_KEPT:
            self._decided.popitem(last=False)
        return found


def daily_of(simulation: Simulation, assumptions: Assumptions, begin: int, days: Days) -> Daily:
    """Return the equity at the end of each UTC day, after what the account began with."""
    unit = 10**assumptions.scale
    time = np.concatenate(([begin], days.time)).astype(np.int64)
    equity = np.concatenate(([assumptions.cash / unit], simulation.equity[days.row] / unit))
    return Daily(time, equity, days.row)


def stitched(parts: Sequence[Outcome], periods: int) -> tuple[Daily, dict[str, float | None]]:
    """Return parts that follow each other as one: each begins with what the last left.

    A day that belongs to two parts ends with the later one.
    """
    first = parts[0].daily
    time = np.concatenate([first.time[:1], *(one.daily.time[1:] for one in parts)])
    equity = np.concatenate([first.equity[:1], *(one.daily.equity[1:] for one in parts)])
    held_on, level = [np.ones(1)], 1.0
    for one in parts:
        held_on.append(one.benchmark[1:] * level)
        level *= float(one.benchmark[-1])
    last = np.append(time[1:] != time[:-1], [True])
    daily = Daily(time[last], equity[last], np.empty(0, dtype=np.int64))
    columns = {
        one.name: np.concatenate([getattr(part.trades, one.name) for part in parts])
        for one in fields(TradeFigures)
    }
    return daily, figures(
        day_equity=daily.equity,
        periods=periods,
        trades=TradeFigures(**columns),
        exposure=np.concatenate([one.exposure for one in parts]),
        benchmark=np.concatenate(held_on)[last],
    )


def path_of(returns: Floats) -> str:
    """Return returns as a short text: at most 256 numbers, each of so many days together."""
    together = -(-len(returns) // MOST_STEPS) if len(returns) else 1
    whole = np.log1p(np.maximum(returns, -0.999999))
    sums = np.add.reduceat(whole, np.arange(0, len(whole), together)) if len(whole) else whole
    return b64encode(np.expm1(sums).astype("<f4").tobytes()).decode()


def returns_from(path: str) -> Floats:
    """Return the numbers of `path_of`."""
    return np.frombuffer(b64decode(path), dtype="<f4").astype(np.float64)


def _between(decided: DecisionArrays, first: int, last: int) -> DecisionArrays:
    low = int(np.searchsorted(decided.bar_open, first, side="left"))
    high = int(np.searchsorted(decided.bar_open, last, side="right"))
    if low == 0 and high == len(decided.bar_open):
        return decided
    part = slice(low, high)
    return DecisionArrays(
        decided.bar_open[part],
        decided.verdict[part],
        decided.price[part],
        decided.stop[part],
        decided.take[part],
        decided.confidence[part],
        {},
    )


def _part(listing: Listing, begin: int, end: int) -> Listing:
    """Return a listing with its bars from `begin` to before `end`."""
    low, high = np.searchsorted(listing.bars.open_time, (begin, end)).tolist()
    funding = listing.funding
    if funding is not None:
        start, stop = np.searchsorted(funding.at, (begin, end)).tolist()
        funding = Funding(funding.at[start:stop], funding.rate[start:stop])
    return replace(listing, bars=ArrayBars.of(listing.bars, slice(low, high)), funding=funding)
