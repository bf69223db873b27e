"""One calculation of a plan: begun at its anchor, fed with bars as they close."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

from markets.types import TIMEFRAME_NAMES
from signals.columns.feeds import feed_values, settled_through
from signals.columns.kernel import Faulty, Kernel
from signals.columns.kernels import make_kernel
from signals.columns.plan import ClockPlan
from signals.columns.series import (
    Bars,
    Floats,
    InstrumentKey,
    SeriesProvider,
    Times,
    check_bars,
)

Values = Mapping[int, Floats]
"""The newest piece of every node, by the node's identity."""
NO_ROWS = np.empty(0)


class Run:
    """The state of one series of a plan, and of the series it looks at.

    Parameters
    ----------
    plan : ClockPlan
    instrument : InstrumentKey
        What the strategy's own series stands for.
    wanted_from : int
        The first open time at which values are wanted; the calculation begins `need` bars earlier.
    """

    __slots__ = (
        *("_aligned", "_faulty", "_kernels", "_parents"),
        *("faults", "instrument", "newest", "next_open", "plan", "start"),
    )

    def __init__(self, plan: ClockPlan, instrument: InstrumentKey, wanted_from: int) -> None:
        self.plan = plan
        self.instrument = instrument if plan.clock.symbol is None else plan.clock.symbol
        self.start = self.next_open = plan.start(wanted_from)
        self._kernels: dict[int, Kernel] = {
            id(node): make_kernel(node.op, node.args)
            for node in plan.nodes
            if node.op not in ("source", "constant", "align", "feed")
        }
        self._faulty = [one for one in self._kernels.values() if isinstance(one, Faulty)]
        self.faults: dict[int, str] = {}
        """What a strategy's own code did wrong, by the open time of the bar that saw it."""
        self.newest = 0
        # Rows from `start` on look at other series at their own close: one bar further back.
        self._parents = tuple(
            type(self)(one, instrument, self.start - one.clock.timeframe) for one in plan.parents
        )
        self._aligned = {id(node): _Held() for node in plan.nodes if node.op == "align"}

    @property
    def timeframe(self) -> int:
        return self.plan.clock.timeframe

    @property
    def parents(self) -> "tuple[Run, ...]":
        """The calculations of the other series it looks at."""
        return self._parents

    def is_covered(self, provider: SeriesProvider) -> bool:
        """Say whether every series reaches back, unbroken, to where its calculation begins."""
        return self._reaches_back(provider) and all(
            one.is_covered(provider) for one in self._parents
        )

    def lacking(self, provider: SeriesProvider, moment: int) -> str:
        """Return, as seen at a moment, which series does not reach back so far, or nothing."""
        if self._reaches_back(provider):
            found = (one.lacking(provider, moment) for one in self._parents)
            return next((sentence for sentence in found if sentence), "")
        coverage = provider.coverage(self.instrument, self.timeframe)
        name = TIMEFRAME_NAMES[self.timeframe]
        symbol = self.plan.clock.symbol
        if coverage is not None and coverage.first_open <= self.last_closed_open(moment):
            series = f"the {name} bars" + ("" if symbol is None else f" of {symbol}")
            begin, wanted = _when(coverage.first_open), _when(self.start)
            return f"not enough history yet: {series} begin {begin}, needed from {wanted}"
        if symbol is None:
            return f"not enough history yet: no {name} bar has closed since the series begins"
        return f"{symbol} is not watched here, or no {name} bar of it is stored yet"

    def _reaches_back(self, provider: SeriesProvider) -> bool:
        coverage = provider.coverage(self.instrument, self.timeframe)
        return coverage is not None and coverage.first_open <= self.start

    def complete_through(self, provider: SeriesProvider, through_open: int) -> int:
        """Return the last open time up to which no series lacks a bar and no feed a point."""
        coverage = provider.coverage(self.instrument, self.timeframe)
        if coverage is None:
            return self.start - self.timeframe
        through = min(through_open, coverage.last_open)
        for one in self._parents:
            seen = one.last_closed_open(through + self.timeframe)
            complete = one.complete_through(provider, seen)
            if complete < seen:
                # The first close that would need the parent's next bar is not there yet.
                through = min(through, complete + 2 * one.timeframe - 2 * self.timeframe)
        for node in self.plan.nodes:
            if node.op == "feed":
                close = through // self.timeframe * self.timeframe + self.timeframe
                settled = settled_through(node, provider, self.instrument, close)
                through = min(through, settled - self.timeframe)
        return through // self.timeframe * self.timeframe

    def waiting(self, provider: SeriesProvider, through_open: int) -> str:
        """Return what is not complete up to a bar of a covered series, or nothing."""
        coverage = provider.coverage(self.instrument, self.timeframe)
        if coverage is not None and coverage.last_open < through_open:
            name, symbol = TIMEFRAME_NAMES[self.timeframe], self.plan.clock.symbol
            of = "" if symbol is None else f" of {symbol}"
            newest = _when(coverage.last_open)
            return f"waits for the next {name} bar{of}: the newest stored is of {newest}"
        close = through_open + self.timeframe
        for one in self._parents:
            sentence = one.waiting(provider, one.last_closed_open(close))
            if sentence:
                return sentence
        for node in self.plan.nodes:
            if node.op == "feed":
                settled = settled_through(node, provider, self.instrument, close)
                if settled < close:
                    return f"waits for {node.args[0]}, which is known up to {_when(settled)}"
        return ""

    def last_closed_open(self, moment: int) -> int:
        """Return the open time of the newest bar that has closed at a moment."""
        return moment // self.timeframe * self.timeframe - self.timeframe

    def feed(self, provider: SeriesProvider, through_open: int) -> tuple[Bars, Values]:
        """Calculate every bar not seen yet up to `through_open`; return them with their values."""
        bars = provider.bars(self.instrument, self.timeframe, self.next_open, through_open)
        self.next_open = max(self.next_open, through_open + self.timeframe)
        count = len(bars.open_time)
        if not count:
            return bars, {id(node): NO_ROWS for node in self.plan.nodes}
        check_bars(bars, self.timeframe)
        closes = bars.open_time + self.timeframe
        values: dict[int, Floats] = {}
        for parent in self._parents:
            self._feed_parent(parent, provider, closes, values)
        for node in self.plan.nodes:
            key = id(node)
            if node.op == "source":
                values[key] = np.asarray(getattr(bars, str(node.args[0])), dtype=np.float64)
            elif node.op == "constant":
                values[key] = np.full(count, float(node.args[0]))
            elif node.op == "feed":
                values[key] = feed_values(node, provider, self.instrument, closes)
            elif node.op != "align":
                inputs = [values[id(one)] for one in node.inputs]
                values[key] = self._kernels[key].push(inputs)
        self.newest = int(bars.open_time[-1])
        for kernel in self._faulty:
            for row, fault in kernel.faults.items():
                self.faults.setdefault(int(bars.open_time[row]), fault)
        return bars, values

    def _feed_parent(
        self, parent: "Run", provider: SeriesProvider, closes: Times, values: dict[int, Floats]
    ) -> None:
        seen = parent.last_closed_open(int(closes[-1]))
        held_open = parent.newest
        bars, found = parent.feed(provider, seen)
        known_at = bars.open_time + parent.timeframe
        for node in self.plan.nodes:
            if node.op == "align" and node.inputs[0].clock == parent.plan.clock:
                held = self._aligned[id(node)]
                values[id(node)] = held.align(known_at, found[id(node.inputs[0])], closes)
        if parent.faults:
            opens = np.concatenate(([held_open], bars.open_time))
            looked_at = opens[np.searchsorted(known_at, closes, side="right")].tolist()
            for close, one in zip(closes.tolist(), looked_at, strict=True):
                if one in parent.faults:
                    self.faults.setdefault(close - self.timeframe, parent.faults[one])


def _when(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, tz=UTC):%Y-%m-%d %H:%M}"


class _Held:
    """The newest value of a coarser series, held until the next one has closed."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = np.nan

    def align(self, known_at: Times, values: Floats, closes: Times) -> Floats:
        """Return for every close the last value known at or before it."""
        steps = np.concatenate((np.array([self._value]), values))
        self._value = float(steps[-1])
        result: Floats = steps[np.searchsorted(known_at, closes, side="right")]
        return result
