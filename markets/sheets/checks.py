"""What makes a file of bars acceptable, judged piece by piece."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from markets.bars import BarArrays
from markets.quality import LARGEST

# So many faults and holes are told; all of them are counted.
MOST_TOLD = 50
LONGEST_SHOWN = 40
# A time of so many digits counts milliseconds: in seconds it lies beyond the year 5138.
LEAST_MS = 10**11

# What a column may be called, in lower case.
TIME_NAMES = frozenset({"open_time", "time", "timestamp", "date", "datetime", "ts"})
VALUE_NAMES = ("open", "high", "low", "close", "volume")
# Columns that an export writes beside the bars; the file's own name says where bars come from.
IGNORED_NAMES = frozenset({"source", "origin"})

type Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a file, at a line (1 is the header; a row of a Parquet file)."""

    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        place = f"line {self.line}" + (f", {self.column}" if self.column else "")
        shown = f" ({self.value[:LONGEST_SHOWN]!r})" if self.value else ""
        return f"{place}{shown}: {self.reason}"


class FileRefused(ValueError):  # noqa: N818  the policy is the name
    """Nothing of the file is taken; `faults` are the first ones, `total` counts all."""

    def __init__(self, faults: list[Fault], total: int | None = None) -> None:
        self.faults = faults
        self.total = len(faults) if total is None else total
        more = f"; and {self.total - 1:,} more" if self.total > 1 else ""
        super().__init__(f"{faults[0]}{more}")


def refuse(line: int, reason: str, *, column: str = "", value: str = "") -> FileRefused:
    """Return the refusal of a file that cannot be read any further."""
    return FileRefused([Fault(line, column, value, reason)])


@dataclass(frozen=True, slots=True)
class Hole:
    """Slots [start, end) between two bars of the file, UTC epoch seconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Rows of a file in its own order, not judged yet.

    `times` count seconds or milliseconds as `is_ms` says; `values` is (n, 5): open, high, low,
    close, volume.
    """

    lines: Array
    times: Array
    values: Array
    trades: Array
    is_ms: bool


class Checker:
    """Judges the chunks of one file in their order and remembers what it found.

    Parameters
    ----------
    timeframe : int
        Seconds of a bar.
    now_s : int
        The present, UTC epoch seconds: a bar that is not over by then is refused.
    """

    def __init__(self, *, timeframe: int, now_s: int) -> None:
        self._timeframe = timeframe
        self._now_s = now_s
        self._last: int | None = None
        self.faults: list[Fault] = []
        self.fault_count = 0
        self.holes: list[Hole] = []
        self.hole_count = 0
        self.slots_missing = 0
        self.rows = 0
        self.first: int | None = None

    @property
    def last(self) -> int | None:
        """The open time of the newest row so far."""
        return self._last

    def add(self, fault: Fault) -> None:
        self.fault_count += 1
        if len(self.faults) < MOST_TOLD:
            self.faults.append(fault)

    def take(self, chunk: Chunk, *, source: str) -> BarArrays:
        """Judge a chunk; what it holds is worth nothing once there is a fault."""
        self.rows += len(chunk.times)
        times = chunk.times // 1000 if chunk.is_ms else chunk.times
        odd = (chunk.times % 1000 != 0) if chunk.is_ms else np.zeros(len(times), dtype=bool)
        self._judge_values(chunk)
        self._judge_times(chunk, times, odd)
        columns = np.ascontiguousarray(chunk.values.T)
        opens, highs, lows, closes, volumes = columns
        return BarArrays(times, opens, highs, lows, closes, volumes, self._timeframe, source)

    def finish(self) -> None:
        """Refuse the file if anything was wrong with it, or if it holds no bar."""
        if self.fault_count:
            raise FileRefused(self.faults, self.fault_count)
        if not self.rows:
            raise refuse(1, "the file has no bar; a header and at least one row are wanted")

    def _judge_values(self, chunk: Chunk) -> None:
        values = chunk.values
        opens, highs, lows, closes, volumes = values.T
        is_number = np.isfinite(values)
        for column, name in enumerate(VALUE_NAMES):
            self._tell(chunk, ~is_number[:, column], name, "is not a finite number")
            is_huge = is_number[:, column] & (values[:, column] > LARGEST)
            self._tell(chunk, is_huge, name, f"is larger than {LARGEST:g}")
        whole = is_number.all(axis=1)
        for column, name in enumerate(VALUE_NAMES[:4]):
            is_low = whole & (values[:, column] <= 0)
            self._tell(chunk, is_low, name, "must be greater than zero")
        self._tell(chunk, whole & (volumes < 0), "volume", "must not be negative")
        self._tell(chunk, whole & (highs < lows), "high", "lies below low")
        inside = whole & (highs >= lows)
        for name, column in (("open", opens), ("close", closes)):
            is_out = inside & ((column > highs) | (column < lows))
            self._tell(chunk, is_out, name, "lies outside of low and high")

    def _judge_times(self, chunk: Chunk, times: Array, odd: Array) -> None:
        if not len(times):
            return
        frame = self._timeframe
        before = np.concatenate(([times[0] - 1 if self._last is None else self._last], times[:-1]))
        off = odd | (times % frame != 0)
        self._tell(chunk, times < 0, "time", "lies before 1970")
        self._tell(chunk, off, "time", f"is not a multiple of the timeframe of {frame} s")
        self._tell(chunk, times == before, "time", "is there twice")
        self._tell(chunk, times < before, "time", "is older than the row before; sort the file")
        is_late = times + frame > self._now_s
        self._tell(chunk, is_late, "time", "is not over yet: bars of the future are refused")
        self._holes(before, times)
        self.first = int(times[0]) if self.first is None else self.first
        self._last = int(times[-1])

    def _holes(self, before: Array, times: Array) -> None:
        frame = self._timeframe
        is_hole = times - before > frame
        for start, end in zip(before[is_hole] + frame, times[is_hole], strict=True):
            self.hole_count += 1
            self.slots_missing += int(end - start) // frame
            if len(self.holes) < MOST_TOLD:
                self.holes.append(Hole(int(start), int(end)))

    def _tell(self, chunk: Chunk, mask: Array, column: str, reason: str) -> None:
        places = np.flatnonzero(mask)
        self.fault_count += len(places)
        for place in places[: max(0, MOST_TOLD - len(self.faults))].tolist():
            if column == "time":
                value = str(int(chunk.times[place]))
            else:
                value = repr(float(chunk.values[place, VALUE_NAMES.index(column)]))
            self.faults.append(Fault(int(chunk.lines[place]), column, value, reason))


def columns_read(names: list[str]) -> dict[str, int]:
    """Return the place of each column by its own name: time, open, ..., volume, trades.

    Raises
    ------
    FileRefused
        For a header that lacks a column, has one twice, or one that is not known.
    """
    found: dict[str, int] = {}
    for place, raw in enumerate(names):
        name = raw.strip().lower()
        name = "time" if name in TIME_NAMES else name
        if name in IGNORED_NAMES:
            continue
        if name not in {"time", "trades", *VALUE_NAMES}:
            known = "open_time, open, high, low, close, volume, trades, source, origin"
            reason = f"the column is not known; known are {known}"
            raise refuse(1, reason, column=f"column {place + 1}", value=raw)
        if name in found:
            raise refuse(1, "the column is there twice", column=name, value=raw)
        found[name] = place
    missing = [name for name in ("time", *VALUE_NAMES) if name not in found]
    if missing:
        wanted = ", ".join("open_time" if name == "time" else name for name in missing)
        raise refuse(1, f"the header lacks {wanted}")
    return found
