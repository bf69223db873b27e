"""The one pass over the bars that finds everything."""

from typing import NamedTuple

from signals.smc.events import BEARISH, BULLISH, Event, Kind, Mitigation
from signals.smc.history import TRIM_AT, History
from signals.smc.series import Series
from signals.smc.structure import Structure
from signals.smc.swings import is_high, is_low
from signals.smc.zones import Gaps, OrderBlocks, block_index


class Found(NamedTuple):
    """What one close made known, in the order in which it came about."""

    events: tuple[Event, ...]
    mitigations: tuple[Mitigation, ...]


NOTHING = Found((), ())
# From so many bars on it is worth a look which of them nobody needs.
FORGET_AT = 2 * TRIM_AT


class Detector:
    """Find Smart-Money structure bar by bar, in constant time a bar on average.

    Parameters
    ----------
    swing : int
        Bars on either side of a swing.

    Attributes
    ----------
    structure : Structure
        Trend and the swings that may break next.
    blocks : OrderBlocks
    gaps : Gaps
        The unmitigated zones, the nearest one last.
    last_high, last_low : Event or None
        The newest confirmed swings, broken or not.
    last_breaks : dict
        The newest break by (kind, direction).
    count : int
        Bars pushed.
    """

    __slots__ = (
        "_ended",
        "_events",
        "_history",
        "_middle_change",
        "blocks",
        "count",
        "gaps",
        "last_breaks",
        "last_high",
        "last_low",
        "structure",
        "swing",
    )

    def __init__(self, swing: int = 5) -> None:
        if swing < 1:
            raise ValueError(f"a swing needs at least 1 bar on either side, not {swing}")
        self.swing = swing
        self.count = 0
        self.structure = Structure()
        self.blocks = OrderBlocks()
        self.gaps = Gaps()
        self.last_high: Event | None = None
        self.last_low: Event | None = None
        self.last_breaks: dict[tuple[Kind, int], Event] = {}
        self._history = History()
        self._middle_change = 0.0
        self._events: list[Event] = []
        self._ended: list[Mitigation] = []

    def push(self, time: int, open_: float, high: float, low: float, close: float) -> Found:
        """Take the bar that just closed and return what its close made known."""
        self.take(time, open_, high, low, close)
        return self.told() if self._events or self._ended else NOTHING

    def told(self) -> Found:
        """Return what is known and was not handed out yet."""
        found = Found(tuple(self._events), tuple(self._ended))
        self._events, self._ended = [], []
        return found

    def take(self, time: int, open_: float, high: float, low: float, close: float) -> None:
        """Take the bar that just closed and keep what its close made known.

        Each step is asked for by the cheapest comparison that can rule it out: most bars of most
        series make nothing known.
        """
        history, structure, blocks, gaps = self._history, self.structure, self.blocks, self.gaps
        highs, lows, swing = history.highs, history.lows, self.swing
        history.times.append(time)
        highs.append(high)
        lows.append(low)
        last = len(highs) - 1
        index = history.first + last
        self.count = index + 1
        if low < blocks.floor or high > blocks.ceiling or low <= gaps.floor or high >= gaps.ceiling:
            taken = blocks.take_mitigated(high, low) + gaps.take_mitigated(high, low)
            self._ended += [Mitigation(one, time, index) for one in taken]
        at = last - swing
        if at >= swing and (
            highs[at - 1] <= highs[at] > highs[at + 1] or lows[at - 1] >= lows[at] < lows[at + 1]
        ):
            self._confirm_swings(at)
        if not structure.low <= close <= structure.high:
            self._record_break(index, close)
        if last >= 2 and (low > highs[last - 2] or high < lows[last - 2]):
            self._find_gap(last, high, low)
        self._middle_change = close - open_
        if last >= FORGET_AT:
            history.forget_before(structure.oldest_index(index) - 2 * swing)

    def _event(
        self, kind: Kind, direction: int, zone: tuple[float, float], index: int, source: int
    ) -> Event:
        times, last = self._history.times, self.count - 1
        at = times[index - self._history.first]
        event = Event(kind, direction, *zone, at, times[-1], index, last, source)
        self._events.append(event)
        return event

    def _confirm_swings(self, at: int) -> None:
        history = self._history
        highs, lows, index = history.highs, history.lows, history.first + at
        if highs[at - 1] <= highs[at] > highs[at + 1] and is_high(highs, at, self.swing):
            level = highs[at]
            self.last_high = self._event(Kind.SWING_HIGH, BEARISH, (level, level), index, index)
            self.structure.swing_high(index, level)
        if lows[at - 1] >= lows[at] < lows[at + 1] and is_low(lows, at, self.swing):
            level = lows[at]
            self.last_low = self._event(Kind.SWING_LOW, BULLISH, (level, level), index, index)
            self.structure.swing_low(index, level)

    def _record_break(self, index: int, close: float) -> None:
        broken = self.structure.take_break(close)
        kind = Kind.CHOCH if broken.is_change else Kind.BOS
        zone = (broken.level, broken.level)
        event = self._event(kind, broken.direction, zone, index, broken.source_index)
        self.last_breaks[kind, broken.direction] = event
        history = self._history
        at = block_index(history, broken.direction, broken.source_index, index)
        if at is None:
            return
        zone = (history.highs[at - history.first], history.lows[at - history.first])
        self.blocks.add(
            self._event(Kind.ORDER_BLOCK, broken.direction, zone, at, broken.source_index)
        )

    def _find_gap(self, last: int, high: float, low: float) -> None:
        history, change = self._history, self._middle_change
        if change > 0 and history.highs[last - 2] < low:
            direction, zone = BULLISH, (low, history.highs[last - 2])
        elif change < 0 and history.lows[last - 2] > high:
            direction, zone = BEARISH, (history.lows[last - 2], high)
        else:
            return
        middle = history.first + last - 1
        self.gaps.add(self._event(Kind.FAIR_VALUE_GAP, direction, zone, middle, middle))


def detect(bars: Series, swing: int = 5) -> Found:
    """Return every event and mitigation of a series, in the order in which they became known."""
    detector = Detector(swing)
    rows = (bars.open_time, bars.open, bars.high, bars.low, bars.close)
    for row in zip(*(one.tolist() for one in rows), strict=True):
        detector.take(*row)
    return detector.told()
