"""Read a stored series: where it ends, its sealed bars, higher timeframes without reading twice."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
from django.conf import settings

from markets.bars import BarArrays, BarsError, resample
from markets.hits import hits
from markets.rings import Ring
from markets.stored import fetched, stored_read
from markets.types import TIMEFRAME_SECONDS

LARGEST_TIME = 2**62
# What is remembered at most: so many series, each of so many bars (48 bytes a bar).
MOST_SERIES = 512
MOST_BARS = 5_000

_HEAD = """
SELECT c.open_time, c.source,
  (SELECT s.stamp FROM markets_seriesstamp s
   WHERE s.instrument_id = c.instrument_id AND s.timeframe = c.timeframe),
  (SELECT g."end" FROM markets_gap g
   WHERE g.instrument_id = c.instrument_id AND g.timeframe = c.timeframe
     AND g.state = 'absent' AND g.start = c.open_time + c.timeframe
   ORDER BY g."end" DESC LIMIT 1),
  (SELECT g."end" FROM markets_gap g
   WHERE g.instrument_id = c.instrument_id AND g.timeframe = c.timeframe
     AND g.state = 'open' AND g."end" <= c.open_time + c.timeframe AND g."end" <= %s
   ORDER BY g."end" DESC LIMIT 1)
FROM markets_candle c WHERE c.instrument_id = %s AND c.timeframe = %s
ORDER BY c.open_time DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a stored series stands.

    `through` is the epoch second up to which it is sealed; `floor` is where its readable part
    begins, the end of the newest open gap; `stamp` changes whenever anything but its end does,
    and is None for a series that nobody stamped.
    """

    through: int
    source: str
    stamp: int | None
    floor: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """Bars that were read, with what must still be so for them to be right.

    `is_all` says that the store had no older ones from `floor` on.
    """

    ring: Ring
    stamp: int
    through: int
    floor: int
    is_all: bool


_remembered: OrderedDict[tuple[int, int, int], Remembered] = OrderedDict()
# Several threads read series: what one has just put another may already have pushed out.
_lock = threading.Lock()


def base_timeframe() -> int:
    """Return the seconds of the timeframe that is streamed and stored."""
    return TIMEFRAME_SECONDS[settings.ENV["MYSTIC_TIMEFRAME"]]


def head_of(instrument_id: int, *, end: int = LARGEST_TIME) -> Head | None:
    """Return where a series stands, or None for an empty one; `end` bounds the gaps that count."""
    base = base_timeframe()
    rows = fetched(_HEAD, [end, instrument_id, base], is_kept=True)
    if not rows:
        return None
    open_time, source, stamp, absent_end, floor = rows[0]
    return Head(max(open_time + base, absent_end or 0), source, stamp, floor or 0)


def closed_through(instrument_id: int, timeframe: int) -> int | None:
    """Return the epoch second up to which the series is sealed, or None while it is empty.

    For a timeframe above the stored one this is the end of its newest complete bar.
    """
    head = head_of(instrument_id)
    return None if head is None else head.through // timeframe * timeframe


def bars_load(
    instrument_id: int, timeframe: int, *, end: int | None = None, limit: int
) -> BarArrays:
    """Return the newest `limit` sealed bars, oldest first.

    Timeframes above the stored one are made of it. Bars before an open gap are not returned: a
    series that is read has no hole but those the venue confirmed.

    Parameters
    ----------
    instrument_id : int
        The instrument.
    timeframe : int
        Seconds, a multiple of the stored timeframe.
    end : int, optional
        Only bars that closed at or before this epoch second.
    limit : int
        The largest number of bars.

    Raises
    ------
    BarsError
        If the timeframe cannot be made of the stored one.
    """
    base = base_timeframe()
    if timeframe < base or timeframe % base:
        message = f"{timeframe} s bars cannot be made of the stored {base} s bars"
        raise BarsError(message)
    head = head_of(instrument_id, end=LARGEST_TIME if end is None else end)
    if head is None or limit <= 0:
        return BarArrays.empty(timeframe=timeframe)
    through = head.through if end is None else min(head.through, end // base * base)
    known = _grown(instrument_id, timeframe, replace(head, through=through), limit)
    hits.count("bars", is_hit=known is not None)
    if known is not None:
        return known.newest(limit)
    ratio = timeframe // base
    # Two spare buckets: the newest may be incomplete, the oldest cut.
    count = limit if ratio == 1 else (limit + 2) * ratio
    rows = _read(instrument_id, head.floor, replace(head, through=through), count)
    bars = resample(rows, timeframe, through=through)
    if head.stamp is not None and through == head.through and len(bars) <= MOST_BARS:
        ring = Ring.of(bars)
        what = Remembered(ring, head.stamp, through, head.floor, is_all=len(rows) < count)
        _remember((instrument_id, timeframe, base), what)
    return bars.newest(limit)


def _grown(instrument_id: int, timeframe: int, head: Head, limit: int) -> BarArrays | None:
    """Return the remembered bars with those that closed since, or None if they do not suffice."""
    key = (instrument_id, timeframe, base_timeframe())
    with _lock:
        known = _remembered.get(key)
    if known is None or known.stamp != head.stamp or not len(known.ring):
        return None
    bars = known.ring.bars
    if int(bars.open_time[0]) < head.floor:
        return None
    is_all = known.is_all and known.floor == head.floor
    if head.through <= known.through:
        # Asked for a moment of the past: what closed after it is not known then.
        count = int(np.searchsorted(bars.open_time + timeframe, head.through, side="right"))
        return bars.cut(slice(count)) if is_all or count >= limit else None
    if not is_all and len(bars) < limit:
        return None
    begin = known.through // timeframe * timeframe
    fresh = _read(instrument_id, begin, head, LARGEST_TIME)
    more = resample(fresh, timeframe, complete_from=begin, through=head.through)
    is_fitting = len(bars) + len(more) <= MOST_BARS
    if limit > MOST_BARS and not is_fitting:
        return None
    ring = known.ring.extended(more, most=MOST_BARS)
    is_all = is_all and is_fitting
    what = Remembered(ring, known.stamp, head.through, head.floor, is_all=is_all)
    _remember(key, what)
    return ring.bars


def _read(instrument_id: int, low: int, head: Head, count: int) -> BarArrays:
    base = base_timeframe()
    return stored_read(instrument_id, base, low, head.through, count, source=head.source)


def forget() -> None:
    """Forget every series, as a new process has."""
    with _lock:
        _remembered.clear()


def _remember(key: tuple[int, int, int], what: Remembered) -> None:
    with _lock:
        _remembered[key] = what
        _remembered.move_to_end(key)
        while len(_remembered) > MOST_SERIES:
            _remembered.popitem(last=False)
