"""Smart-Money patterns of the watched instruments, kept for the charts as they are confirmed.

A detector for each series lives in memory and takes each closed bar once. After a restart it is
warmed up on the bars before; what was stored before the restart is never changed by that, except
that a zone may be mitigated. Warming up takes its time, so a call does a little of it and leaves
the rest to the next one.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.models import Max

from markets.models import Instrument
from markets.selectors import bars_load, base_timeframe, closed_through, instruments_watched
from markets.types import TIMEFRAME_SECONDS
from signals.models import Pattern
from signals.smc import Detector, Event, Mitigation

WARM_UP_BARS = 600
LONGEST_TIMEFRAME = TIMEFRAME_SECONDS["4h"]
# So long one call warms series up; what closed in a series that is warm is always taken.
WARM_UP_S = 0.2

type Key = tuple[int, int]


@dataclass(slots=True)
class _Series:
    """A detector and the open time of the last bar it took."""

    detector: Detector = field(default_factory=Detector)
    last_open: int | None = None


# By (timeframe, instrument id), so that in their order short timeframes come first.
_series: dict[Key, _Series] = {}
# Series with a close that was not taken yet.
_waiting: set[Key] = set()
_turn = threading.Lock()
_MITIGATE = """
UPDATE signals_pattern SET mitigated_at = %s
WHERE instrument_id = %s AND timeframe = %s AND kind = %s AND direction = %s AND at = %s
  AND confirmed_at = %s AND mitigated_at IS NULL
"""


def drawn_timeframes() -> list[int]:
    """Return the timeframes whose patterns are kept: those that the stored bars make, up to 4 h."""
    base = base_timeframe()
    return [
        seconds
        for seconds in TIMEFRAME_SECONDS.values()
        if seconds >= base and seconds % base == 0 and seconds <= max(LONGEST_TIMEFRAME, base)
    ]


def patterns_store(bar_close: int) -> int:
    """Take every bar that closed up to `bar_close`; return how many patterns were new.

    Series that must be warmed up first may be left waiting for `patterns_resume`.
    """
    with _turn:
        instruments = {one.pk: one for one in instruments_watched()}
        closed = [one for one in drawn_timeframes() if bar_close % one == 0]
        _waiting.update((timeframe, pk) for timeframe in closed for pk in instruments)
        return _take_waiting(instruments)


def patterns_resume() -> int:
    """Go on with the series that were left waiting; return how many patterns were new."""
    with _turn:
        return _take_waiting({one.pk: one for one in instruments_watched()}) if _waiting else 0


def _take_waiting(instruments: dict[int, Instrument]) -> int:
    """Take the closes of every warm series, then warm others up until it was enough."""
    _waiting.difference_update([key for key in _waiting if key[1] not in instruments])
    cold = {key for key in _waiting if key not in _series or _series[key].last_open is None}
    stored = sum(_next_store(key, instruments) for key in sorted(_waiting - cold))
    end = time.monotonic() + WARM_UP_S
    for key in sorted(cold):
        if time.monotonic() >= end:
            break
        stored += _next_store(key, instruments)
    return stored


def _next_store(key: Key, instruments: dict[int, Instrument]) -> int:
    _waiting.discard(key)
    timeframe, pk = key
    return _series_store(instruments[pk], timeframe)


def _series_store(instrument: Instrument, timeframe: int) -> int:
    series = _series.setdefault((timeframe, instrument.pk), _Series())
    through = closed_through(instrument.pk, timeframe)
    if through is None or series.last_open == through - timeframe:
        return 0
    known = series.last_open
    missed = WARM_UP_BARS if known is None else (through - known) // timeframe - 1
    bars = bars_load(instrument.pk, timeframe, limit=min(missed, WARM_UP_BARS))
    if known is not None and missed > WARM_UP_BARS:
        series.detector = Detector()
    events: list[Event] = []
    mitigations: list[Mitigation] = []
    columns = (bars.open_time, bars.open, bars.high, bars.low, bars.close)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        if known is None or row[0] > known:
            found = series.detector.push(*row)
            events.extend(found.events)
            mitigations.extend(found.mitigations)
    series.last_open = through - timeframe
    return _write(instrument, timeframe, events, mitigations)


@transaction.atomic
def _write(
    instrument: Instrument,
    timeframe: int,
    events: Sequence[Event],
    mitigations: Sequence[Mitigation],
) -> int:
    if not events and not mitigations:
        return 0
    stored = Pattern.objects.filter(instrument=instrument, timeframe=timeframe)
    through = stored.aggregate(newest=Max("confirmed_at"))["newest"] or 0
    ended = {one.event: one.at for one in mitigations}
    fresh = [
        _row(instrument, timeframe, one, ended.pop(one, None))
        for one in events
        if one.confirmed_at > through
    ]
    Pattern.objects.bulk_create(fresh, ignore_conflicts=True)
    known = [
        (at, instrument.pk, timeframe, one.kind.value, one.direction, one.at, one.confirmed_at)
        for one, at in ended.items()
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_MITIGATE, known)
    return len(fresh)


def _row(instrument: Instrument, timeframe: int, event: Event, mitigated_at: int | None) -> Pattern:
    return Pattern(
        instrument=instrument,
        timeframe=timeframe,
        kind=event.kind.value,
        direction=event.direction,
        top=event.top,
        bottom=event.bottom,
        at=event.at,
        confirmed_at=event.confirmed_at,
        mitigated_at=mitigated_at,
    )
