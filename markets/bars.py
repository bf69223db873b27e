"""Bars as arrays, higher timeframes from lower ones, and the gate that keeps a series whole."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
import numpy.typing as npt

from markets.quality import LARGEST
from markets.types import Bar

type Floats = npt.NDArray[np.float64]
type Times = npt.NDArray[np.int64]

REMEMBERED_BARS = 8
# An int64 time and five float64 values.
BAR_BYTES = 48


class BarsError(ValueError):
    """Raised for arrays that are no series of bars; the message says what was found."""


@dataclass(frozen=True, slots=True, eq=False)
class BarArrays:
    """Sealed bars of one series, oldest first.

    Attributes
    ----------
    open_time : ndarray of int64
        UTC epoch seconds, strictly ascending, multiples of the timeframe. Slots that the venue
        has no bar for are absent.
    open, high, low, close, volume : ndarray of float64
        Prices in the quote asset, volume in the base asset.
    timeframe : int
        Seconds.
    source : str
        Where the newest bar came from.
    """

    open_time: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    timeframe: int
    source: str

    def __len__(self) -> int:
        return len(self.open_time)

    @classmethod
    def from_table(cls, table: Floats, *, timeframe: int, source: str) -> Self:
        """Return arrays of an (n, 6) table: open_time, open, high, low, close, volume."""
        opens, highs, lows, closes, volumes = np.ascontiguousarray(table[:, 1:6].T)
        # An epoch second is far below 2**53, so the way through float64 loses nothing.
        times = table[:, 0].astype(np.int64)
        return cls(times, opens, highs, lows, closes, volumes, timeframe, source)

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[float]], *, timeframe: int, source: str) -> Self:
        """Return arrays of rows (open_time, open, high, low, close, volume), oldest first."""
        table = np.array(rows, dtype=np.float64).reshape(-1, 6)
        return cls.from_table(table, timeframe=timeframe, source=source)

    @classmethod
    def empty(cls, *, timeframe: int, source: str = "") -> Self:
        return cls.from_rows([], timeframe=timeframe, source=source)

    def cut(self, part: slice) -> "BarArrays":
        """Return views of a part of the bars; nothing is copied."""
        return BarArrays(
            self.open_time[part],
            self.open[part],
            self.high[part],
            self.low[part],
            self.close[part],
            self.volume[part],
            self.timeframe,
            self.source,
        )

    def newest(self, count: int) -> "BarArrays":
        return self.cut(slice(max(len(self) - count, 0), None))


def joined(first: BarArrays, second: BarArrays) -> BarArrays:
    """Return the bars of two parts of one series, the second one newer."""
    if not len(second):
        return first
    return BarArrays(
        np.concatenate((first.open_time, second.open_time)),
        np.concatenate((first.open, second.open)),
        np.concatenate((first.high, second.high)),
        np.concatenate((first.low, second.low)),
        np.concatenate((first.close, second.close)),
        np.concatenate((first.volume, second.volume)),
        first.timeframe,
        second.source,
    )


def packed(bars: BarArrays) -> bytes:
    """Return bars as one columnar piece: n int64 times, then n float64 of each of five columns.

    The columns are open, high, low, close and volume; everything is little endian.
    """
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    return bars.open_time.astype("<i8").tobytes() + b"".join(
        column.astype("<f8").tobytes() for column in columns
    )


def unpacked(data: bytes, *, timeframe: int, source: str) -> BarArrays:
    """Return the bars of a piece that `packed` made, as views of it that cannot be written to.

    Raises
    ------
    BarsError
        If the length is not that of whole bars.
    """
    count, rest = divmod(len(data), BAR_BYTES)
    if rest:
        message = f"{len(data)} bytes are no whole number of bars of {BAR_BYTES} bytes"
        raise BarsError(message)
    times = np.frombuffer(data, "<i8", count).astype(np.int64, copy=False)
    table = np.frombuffer(data, "<f8", 5 * count, 8 * count).astype(np.float64, copy=False)
    opens, highs, lows, closes, volumes = table.reshape(5, count)
    return BarArrays(times, opens, highs, lows, closes, volumes, timeframe, source)


def bars_fault(bars: BarArrays) -> tuple[int, str] | None:
    """Return the position and the reason of the first bar that cannot be one, or None.

    The reasons are those of `markets.quality.bar_fault`, and `out_of_order` for a bar that does
    not open after the one before it.
    """
    prices = np.stack((bars.open, bars.high, bars.low, bars.close))
    inner = np.stack((bars.open, bars.close))
    is_off = (bars.open_time < 0) | (bars.open_time % bars.timeframe != 0)
    faults = (
        ("not_a_number", ~(np.isfinite(prices).all(axis=0) & np.isfinite(bars.volume))),
        ("price_not_positive", (prices <= 0).any(axis=0)),
        ("quantity_negative", bars.volume < 0),
        ("absurd", (prices > LARGEST).any(axis=0) | (bars.volume > LARGEST)),
        ("high_below_low", bars.high < bars.low),
        ("close_outside_range", ((inner < bars.low) | (inner > bars.high)).any(axis=0)),
        ("off_grid", is_off),
        ("out_of_order", np.diff(bars.open_time, prepend=-1) <= 0),
    )
    found = [(int(mask.argmax()), reason) for reason, mask in faults if mask.any()]
    return min(found, key=lambda fault: fault[0]) if found else None


def resample(
    bars: BarArrays,
    timeframe: int,
    *,
    complete_from: int | None = None,
    through: int | None = None,
) -> BarArrays:
    """Return the complete bars of a higher timeframe, on the UTC clock.

    A higher bar is complete when every slot of its bucket is known: closed, or confirmed absent
    by the venue. Missing base bars between the first and the last given one count as confirmed
    absent (the gate lets no other hole pass), so the higher bar is made of those that exist; a
    bucket without any base bar gives no higher bar. A bucket is never filled by repetition.

    Parameters
    ----------
    bars : BarArrays
        Base bars; their timeframe must divide `timeframe`.
    timeframe : int
        Seconds.
    complete_from : int, optional
        Epoch second from which on the base series is whole. Without it, the first given bar is
        where knowledge begins, and a bucket that begins earlier is left out.
    through : int, optional
        Epoch second up to which the base series is whole. Without it, the end of the last bar.

    Raises
    ------
    BarsError
        If the timeframe is not a multiple of the base timeframe.
    """
    if timeframe < bars.timeframe or timeframe % bars.timeframe:
        message = f"{timeframe} s bars cannot be made of {bars.timeframe} s bars"
        raise BarsError(message)
    if timeframe == bars.timeframe or not len(bars):
        return bars if len(bars) else BarArrays.empty(timeframe=timeframe, source=bars.source)
    first = int(bars.open_time[0]) if complete_from is None else complete_from
    last = int(bars.open_time[-1]) + bars.timeframe if through is None else through
    begin = int(np.searchsorted(bars.open_time, -(-first // timeframe) * timeframe))
    end = int(np.searchsorted(bars.open_time, last // timeframe * timeframe))
    part = bars.cut(slice(begin, max(begin, end)))
    if not len(part):
        return BarArrays.empty(timeframe=timeframe, source=bars.source)
    buckets = part.open_time // timeframe * timeframe
    starts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    ends = np.append(starts[1:], len(part)) - 1
    return BarArrays(
        buckets[starts],
        part.open[starts],
        np.maximum.reduceat(part.high, starts),
        np.minimum.reduceat(part.low, starts),
        part.close[ends],
        np.add.reduceat(part.volume, starts),
        timeframe,
        bars.source,
    )


class Verdict(StrEnum):
    """What the gate did with an offered bar."""

    SEALED = "sealed"
    DUPLICATE = "duplicate"
    OLDER = "older"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Offer:
    """The gate's answer.

    `sealed` bars are to be stored and told, in this order. `older` lies before the gate and
    differs from what the gate remembers or is too old to be remembered: compare it with the
    store. `missing` is the range [from, to) in epoch seconds that must be asked from the venue.
    """

    verdict: Verdict
    sealed: tuple[Bar, ...] = ()
    older: Bar | None = None
    missing: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Filling:
    """What a back-fill gave: bars to seal in order, late ones, and ranges the venue lacks."""

    sealed: tuple[Bar, ...] = ()
    older: tuple[Bar, ...] = ()
    absent: tuple[tuple[int, int], ...] = ()


class SeriesGate:
    """Let the closed bars of one series pass in order, each once, without a hole.

    `next_expected` is the open time of the bar that may pass next, None before the first. A bar
    beyond it waits until `fill` brought what lies between, or the venue confirmed that nothing
    does. The gate is a value in memory: after a restart it begins at the stored series' end.
    """

    __slots__ = ("_sealed", "_waiting", "next_expected", "timeframe")

    def __init__(self, timeframe: int, next_expected: int | None = None) -> None:
        self.timeframe = timeframe
        self.next_expected = next_expected
        self._waiting: dict[int, Bar] = {}
        self._sealed: deque[Bar] = deque(maxlen=REMEMBERED_BARS)

    @property
    def missing(self) -> tuple[int, int] | None:
        """The range [from, to) that keeps waiting bars waiting, or None."""
        if self.next_expected is None or not self._waiting:
            return None
        return self.next_expected, min(self._waiting)

    def offer(self, bar: Bar) -> Offer:
        """Take a bar that the venue calls closed.

        Raises
        ------
        BarsError
            If the bar is of another timeframe or off the grid; nothing has changed then.
        """
        self._checked(bar)
        if self.next_expected is not None and bar.open_time < self.next_expected:
            if self._is_remembered(bar):
                return Offer(Verdict.DUPLICATE)
            return Offer(Verdict.OLDER, older=bar)
        if self.next_expected is not None and bar.open_time > self.next_expected:
            self._waiting[bar.open_time] = bar
            return Offer(Verdict.WAITING, missing=self.missing)
        sealed = (self._seal(bar), *self._released())
        return Offer(Verdict.SEALED, sealed, missing=self.missing)

    def fill(self, rows: Iterable[Bar], through: int) -> Filling:
        """Take the venue's answer for everything from the gate up to `through`.

        The caller states that the venue has no other bars in that range; slots without a row
        count as absent. Rows at or after `through` are left alone: they are not confirmed.
        """
        begin = self.next_expected
        given = {row.open_time: self._checked(row) for row in rows}
        older = [
            row
            for time, row in sorted(given.items())
            if begin is not None and time < begin and not self._is_remembered(row)
        ]
        # What the stream told of this range came first and is as final as the answer.
        found = {
            time: bar
            for time, bar in sorted((given | self._waiting).items())
            if time < through and (begin is None or time >= begin)
        }
        for time in found:
            self._waiting.pop(time, None)
        sealed = [self._seal(bar) for bar in found.values()]
        absent = self._holes(begin, list(found), through)
        if self.next_expected is not None:
            self.next_expected = max(through, self.next_expected)
        sealed.extend(self._released())
        return Filling(tuple(sealed), tuple(older), absent)

    def waiting_times(self) -> tuple[int, ...]:
        """Return the open times of the bars that wait."""
        return tuple(self._waiting)

    def forget_waiting(self, times: Iterable[int]) -> None:
        """Drop waiting bars that turned out to be impossible."""
        for time in times:
            self._waiting.pop(time, None)

    def _checked(self, bar: Bar) -> Bar:
        if bar.timeframe != self.timeframe or bar.open_time % self.timeframe:
            message = f"a {bar.timeframe} s bar at {bar.open_time} in a {self.timeframe} s series"
            raise BarsError(message)
        return bar

    def _is_remembered(self, bar: Bar) -> bool:
        return any(
            (s.open_time, s.open, s.high, s.low, s.close, s.volume)
            == (bar.open_time, bar.open, bar.high, bar.low, bar.close, bar.volume)
            for s in self._sealed
        )

    def _seal(self, bar: Bar) -> Bar:
        self._sealed.append(bar)
        self.next_expected = bar.close_time
        return bar

    def _released(self) -> list[Bar]:
        """Return the waiting bars that may pass now."""
        released = []
        while self.next_expected in self._waiting:
            released.append(self._seal(self._waiting.pop(self.next_expected)))
        return released

    def _holes(
        self, begin: int | None, times: Sequence[int], through: int
    ) -> tuple[tuple[int, int], ...]:
        holes: list[tuple[int, int]] = []
        edge = times[0] if begin is None and times else begin
        if edge is None:
            return ()
        for time in (*times, through):
            if time > edge:
                holes.append((edge, time))
            edge = max(edge, time + self.timeframe)
        return tuple(holes)
