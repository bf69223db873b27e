"""Store sealed bars: written once, never changed silently, told after the commit."""

import functools
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from markets.events import BarsClosed
from markets.models import Candle, CandleBlock, CandleRevision, Gap, SeriesStamp
from markets.services.blocks import blocks_drop
from markets.services.bulk import bars_insert
from markets.services.holes import is_inside_absent
from markets.services.locks import series_lock
from markets.services.stamps import series_stamp
from markets.stored import DAY_S, any_of, each_of, fetched
from markets.types import Bar
from mystic.lib.bus import publish

type Key = tuple[int, int, int]
type Series = tuple[int, int]
type Values = tuple[float, ...]

_NAMES = "instrument_id, timeframe, open_time, open, high, low, close, volume, source"

# The order makes each look one into the index: without it a plan may read the whole table.
_LOOK = """
SELECT
  (SELECT count(*) FROM markets_gap g WHERE g.{keys} AND g.timeframe = %s AND g.state = 'absent'
     AND g."end" > %s AND g.start <= %s),
  (SELECT count(*) FROM markets_seriesstamp s WHERE s.{keys} AND s.timeframe = %s),
  count((SELECT c.open_time FROM markets_candle c
         WHERE c.instrument_id = one.id AND c.timeframe = %s AND c.open_time >= %s
         ORDER BY c.open_time LIMIT 1))
FROM {one}
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch changed: bars new to the store, and bars whose values the venue corrected."""

    new: tuple[Bar, ...] = ()
    revised: tuple[Bar, ...] = ()


@dataclass(frozen=True, slots=True)
class Looked:
    """How a batch lies to what is stored of its series.

    Attributes
    ----------
    is_beyond : bool
        No stored bar of these series opens at or after the first of the batch.
    is_in_absent : bool
        The span of the batch meets one where the venue was said to have no bars.
    is_stamped : bool
        Each of the series has its stamp.
    """

    is_beyond: bool
    is_in_absent: bool
    is_stamped: bool


def candles_store(bars: Iterable[Bar], *, is_announced: bool = True) -> Stored:
    """Write bars in one transaction and, after the commit, tell of those new to the store.

    A bar that is stored already with the same values changes nothing. One with other values
    replaces the row, and what it replaced is kept as a `CandleRevision`; that is not told, for
    whoever acted on the first word acted on what was known.

    Parameters
    ----------
    bars : iterable of Bar
        Sealed bars of any series.
    is_announced : bool
        False for history: those bars closed before anyone watched.
    """
    batch = {_key(bar): bar for bar in bars}
    told = list(batch.values())
    if not told:
        return Stored()
    with transaction.atomic():
        series = {(bar.instrument_id, bar.timeframe) for bar in told}
        series_lock(instrument_id for instrument_id, _ in series)
        # Bars beyond all that is stored, the usual case, are new without a comparison.
        looked = _looked(told)
        known = {} if looked.is_beyond else _known(told)
        new = tuple(bar for key, bar in batch.items() if key not in known)
        revised = tuple(
            bar for key, bar in batch.items() if key in known and known[key][0] != _values(bar)
        )
        is_appended = looked.is_beyond or not (revised or (new and _is_followed(new)))
        if new and looked.is_in_absent:
            is_appended = is_appended and not _is_believed_absent(new)
        bars_insert(new)
        _revise(revised, known)
        if not is_appended:
            blocks_drop(_day(bar) for bar in (*new, *revised))
        if not (is_appended and looked.is_stamped):
            series_stamp(series, is_changed=not is_appended)
        if is_announced:
            _announce(new)
    return Stored(new, revised)


def candles_rewind(*, instrument_ids: Sequence[int], timeframe: int, to: int) -> int:
    """Delete a replay's bars that open at or after `to`, the replay's own clock; return how many.

    A recording that is played again begins in its own past: what it will tell again must not be
    known beforehand.
    """
    series = {"instrument_id__in": instrument_ids, "timeframe": timeframe}
    with transaction.atomic():
        series_lock(instrument_ids)
        CandleBlock.objects.filter(**series, day__gt=to - DAY_S).delete()
        count, _ = Candle.objects.filter(**series, open_time__gte=to).delete()
        CandleRevision.objects.filter(**series, open_time__gte=to).delete()
        Gap.objects.filter(**series, end__gt=to).delete()
        SeriesStamp.objects.filter(**series).delete()
    return count


def _key(bar: Bar) -> Key:
    return bar.instrument_id, bar.timeframe, bar.open_time


def _day(bar: Bar) -> Key:
    return bar.instrument_id, bar.timeframe, bar.open_time // DAY_S * DAY_S


def _values(bar: Bar) -> Values:
    return bar.open, bar.high, bar.low, bar.close, bar.volume


def _looked(bars: Sequence[Bar]) -> Looked:
    """Ask all that the usual batch needs to know in one statement a timeframe."""
    first, last = min(bar.open_time for bar in bars), max(bar.open_time for bar in bars)
    by_timeframe: dict[int, set[int]] = {}
    for bar in bars:
        by_timeframe.setdefault(bar.timeframe, set()).add(bar.instrument_id)
    is_beyond, is_in_absent, is_stamped = True, False, True
    for timeframe, keys in by_timeframe.items():
        one, listed = each_of(sorted(keys))
        sql = _LOOK.format(keys=any_of("instrument_id", keys)[0], one=one)
        of_gaps = [listed, timeframe, first, last]
        asked = [*of_gaps, listed, timeframe, timeframe, first, listed]
        ((absent, stamps, reaching),) = fetched(sql, asked, is_kept=True)
        is_beyond = is_beyond and reaching == 0
        is_in_absent = is_in_absent or absent > 0
        is_stamped = is_stamped and stamps == len(keys)
    return Looked(is_beyond, is_in_absent, is_stamped)


def _known(bars: Sequence[Bar]) -> dict[Key, tuple[Values, str]]:
    """Return what is stored for the batch's series over its span of time."""
    times = [bar.open_time for bar in bars]
    of_series, parameters = _of_series({(bar.instrument_id, bar.timeframe) for bar in bars})
    rows = fetched(
        f"SELECT {_NAMES} FROM markets_candle "  # noqa: S608  constant names only
        f"WHERE {of_series} AND open_time >= %s AND open_time <= %s",
        [*parameters, min(times), max(times)],
    )
    return {(row[0], row[1], row[2]): (tuple(row[3:8]), row[8]) for row in rows}


def _is_followed(bars: Sequence[Bar]) -> bool:
    """Tell whether a stored bar of these series opens after the first."""
    of_series, parameters = _of_series({(bar.instrument_id, bar.timeframe) for bar in bars})
    sql = (
        f"SELECT 1 FROM markets_candle WHERE {of_series} "  # noqa: S608  constant names only
        "AND open_time > %s LIMIT 1"
    )
    return bool(fetched(sql, [*parameters, min(bar.open_time for bar in bars)]))


def _is_believed_absent(bars: Sequence[Bar]) -> bool:
    times = [bar.open_time for bar in bars]
    series = {(bar.instrument_id, bar.timeframe) for bar in bars}
    return is_inside_absent(series, min(times), max(times))


def _of_series(series: Set[Series]) -> tuple[str, list[Any]]:
    one, keys = any_of("instrument_id", sorted({key for key, _ in series}))
    other, frames = any_of("timeframe", sorted({frame for _, frame in series}))
    return f"{one} AND {other}", [keys, frames]


def _revise(bars: Sequence[Bar], known: dict[Key, tuple[Values, str]]) -> None:
    names = ("open", "high", "low", "close", "volume")
    CandleRevision.objects.bulk_create(
        CandleRevision(
            instrument_id=bar.instrument_id,
            timeframe=bar.timeframe,
            open_time=bar.open_time,
            source=known[_key(bar)][1],
            **dict(zip(names, known[_key(bar)][0], strict=True)),
        )
        for bar in bars
    )
    for bar in bars:
        Candle.objects.filter(pk=_key(bar)).update(
            **dict(zip(names, _values(bar), strict=True)),
            trades=bar.trades,
            source=bar.source,
            origin=str(bar.origin),
            received_at_ms=bar.received_at_ms,
        )


def _announce(bars: Sequence[Bar]) -> None:
    by_timeframe: dict[int, list[Bar]] = {}
    for bar in bars:
        by_timeframe.setdefault(bar.timeframe, []).append(bar)
    for timeframe, group in by_timeframe.items():
        group.sort(key=lambda bar: (bar.open_time, bar.instrument_id))
        event = BarsClosed(timeframe, tuple(group))
        transaction.on_commit(functools.partial(publish, event))
