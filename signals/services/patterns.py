"""Smart-Money patterns of the watched instruments, kept for the charts as they are confirmed.

A detector for each series lives in memory and takes each closed bar once. After a restart it is
warmed up on the bars before; what was stored before the restart is never changed by that, except
that a zone may be touched, mitigated or filled: each of these times is set once. Warming up takes
its time, so a call does a little of it and leaves the rest to the next one.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.models import Max

from markets.models import Instrument
from markets.selectors import bars_load, base_timeframe, closed_through, instruments_watched
from markets.types import TIMEFRAME_SECONDS
from signals.models import Pattern
from signals.smc import Change, Detector, Event, Kind, Stage

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
_TIMES = ("touched_at", "mitigated_at", "filled_at")
_HAPPENED = {
    name: f"""
UPDATE signals_pattern SET {name} = %s
WHERE instrument_id = %s AND timeframe = %s AND kind = %s AND direction = %s AND at = %s
  AND confirmed_at = %s AND {name} IS NULL
"""  # noqa: S608  our own names
    for name in _TIMES
}
_ENDS = frozenset((Stage.MITIGATED, Stage.SWEPT, Stage.TAKEN, Stage.GROWN))


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
    changes: list[Change] = []
    columns = (bars.open_time, bars.open, bars.high, bars.low, bars.close)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        if known is None or row[0] > known:
            found = series.detector.push(*row)
            events.extend(found.events)
            changes.extend(found.changes)
    series.last_open = through - timeframe
    return _write(instrument, timeframe, events, changes)


@transaction.atomic
def _write(
    instrument: Instrument, timeframe: int, events: Sequence[Event], changes: Sequence[Change]
) -> int:
    if not events and not changes:
        return 0
    stored = Pattern.objects.filter(instrument=instrument, timeframe=timeframe)
    through = stored.aggregate(newest=Max("confirmed_at"))["newest"] or 0
    happened = _happened(changes)
    rows = [
        _row(instrument, timeframe, one, happened.pop(one, {}))
        for one in events
        if one.confirmed_at > through
    ]
    Pattern.objects.bulk_create(rows, ignore_conflicts=True)
    with connection.cursor() as cursor:
        for name, statement in _HAPPENED.items():
            known = [
                (times[name], instrument.pk, timeframe, *_address(one))
                for one, times in happened.items()
                if name in times
            ]
            if known:
                cursor.executemany(statement, known)
    return len(rows)


def _happened(changes: Sequence[Change]) -> dict[Event, dict[str, int]]:
    """Return the times of what happened to each zone, by the names of their columns."""
    happened: dict[Event, dict[str, int]] = {}
    for one in changes:
        for name in _times_of(one):
            happened.setdefault(one.event, {})[name] = one.at
    return happened


def _times_of(change: Change) -> tuple[str, ...]:
    if change.stage is Stage.TOUCHED:
        # The first touch uses a gap up.
        is_gap = change.event.kind is Kind.FAIR_VALUE_GAP
        return ("touched_at", "mitigated_at") if is_gap else ("touched_at",)
    if change.stage is Stage.FILLED:
        return ("filled_at",)
    return ("mitigated_at",) if change.stage in _ENDS else ()


def _address(event: Event) -> tuple[str, int, int, int]:
    return event.kind.value, event.direction, event.at, event.confirmed_at


def _row(
    instrument: Instrument, timeframe: int, event: Event, happened: Mapping[str, int]
) -> Pattern:
    return Pattern(
        instrument=instrument,
        timeframe=timeframe,
        kind=event.kind.value,
        direction=event.direction,
        top=event.top,
        bottom=event.bottom,
        at=event.at,
        confirmed_at=event.confirmed_at,
        quality=event.quality if event.kind is Kind.ORDER_BLOCK else None,
        **happened,
    )
