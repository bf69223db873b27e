"""Pack finished days of bars into blocks, which are read many times faster than rows."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction

from markets.bars import packed
from markets.models import CandleBlock
from markets.services.locks import series_lock
from markets.stored import DAY_S, rows_read

# A day of longer bars is so few rows that a block would gain nothing.
LONGEST_PACKED_S = 3_600
LARGEST_TIME = 2**62

type Series = tuple[int, int]

_HEADS = """
SELECT s.instrument_id, s.timeframe, s.stamp,
  (SELECT max(c.open_time) FROM markets_candle c
   WHERE c.instrument_id = s.instrument_id AND c.timeframe = s.timeframe)
FROM markets_seriesstamp s WHERE s.timeframe <= %s ORDER BY s.instrument_id, s.timeframe
"""
_NEXT = """
SELECT open_time FROM markets_candle
WHERE instrument_id = %s AND timeframe = %s AND open_time >= %s ORDER BY open_time LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Packed:
    """What one run did: so many days, and whether any finished day is left for the next run."""

    days: int
    is_all: bool


# Series whose every finished day was found packed: their stamp and the day of their newest bar.
_complete: dict[Series, tuple[int, int]] = {}


def blocks_pack(*, most: int = 500) -> Packed:
    """Pack at most `most` finished days of any series; the rows stay as they are.

    A day is finished when a bar of a later day is stored. Running it again, or twice at once,
    changes nothing that is packed already.
    """
    done = 0
    for instrument_id, timeframe, stamp, newest in _heads():
        series, last = (instrument_id, timeframe), newest // DAY_S * DAY_S
        if _complete.get(series) == (stamp, last):
            continue
        for day in _unpacked(series, last):
            if done == most:
                return Packed(done, is_all=False)
            _pack(series, day)
            done += 1
        _complete[series] = (stamp, last)
    return Packed(done, is_all=True)


def blocks_drop(days: Iterable[tuple[int, int, int]]) -> None:
    """Delete the blocks of these (instrument, timeframe, day), inside the caller's transaction."""
    by_series: dict[Series, set[int]] = {}
    for instrument_id, timeframe, day in days:
        by_series.setdefault((instrument_id, timeframe), set()).add(day)
    for (instrument_id, timeframe), wanted in by_series.items():
        found = CandleBlock.objects.filter(instrument_id=instrument_id, timeframe=timeframe)
        # A span with more days than SQLite takes parameters is dropped as a span.
        if len(wanted) > 500:
            found.filter(day__gte=min(wanted), day__lte=max(wanted)).delete()
        else:
            found.filter(day__in=wanted).delete()


def _heads() -> list[tuple[int, int, int, int]]:
    """Return each series that has bars: its instrument, timeframe, stamp and newest bar."""
    with connection.cursor() as cursor:
        cursor.execute(_HEADS, [LONGEST_PACKED_S])
        rows: list[tuple[int, int, int, int | None]] = cursor.fetchall()
    return [(key, frame, stamp, newest) for key, frame, stamp, newest in rows if newest is not None]


def _unpacked(series: Series, last: int) -> Iterable[int]:
    """Yield the days before `last` that have bars and no block, oldest first."""
    found = CandleBlock.objects.filter(instrument_id=series[0], timeframe=series[1])
    known = set(found.order_by().values_list("day", flat=True))
    edge = -LARGEST_TIME
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_NEXT, [*series, edge])
            row = cursor.fetchone()
        day = last if row is None else row[0] // DAY_S * DAY_S
        if day >= last:
            return
        if day not in known:
            yield day
        edge = day + DAY_S
        while edge in known:
            edge += DAY_S


def _pack(series: Series, day: int) -> None:
    """Make the block of one day, while nobody may change its rows."""
    with transaction.atomic():
        series_lock([series[0]])
        bars = rows_read(*series, day, day + DAY_S, LARGEST_TIME)
        if not len(bars):
            return
        data = packed(bars)
        CandleBlock.objects.bulk_create(
            [
                CandleBlock(
                    instrument_id=series[0],
                    timeframe=series[1],
                    day=day,
                    count=len(bars),
                    data=data,
                    digest=zlib.crc32(data),
                )
            ],
            ignore_conflicts=True,
        )
