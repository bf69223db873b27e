"""What a stored series lacks: neither a bar nor the venue's word that there is none."""

from collections.abc import Iterable

from django.db import connection

from markets.models import Candle, Gap
from markets.stored import any_of, fetched

type Range = tuple[int, int]

_STEPS = """
SELECT began, open_time FROM (
  SELECT open_time, lag(open_time) OVER (ORDER BY open_time) + timeframe AS began
  FROM markets_candle
  WHERE instrument_id = %s AND timeframe = %s AND open_time >= %s AND open_time < %s
) AS steps WHERE open_time > began ORDER BY open_time
"""


def ranges_missing(instrument_id: int, timeframe: int, since: int, until: int) -> list[Range]:
    """Return the ranges of [since, until) without a bar that are not absent, oldest first."""
    if since >= until:
        return []
    rows = Candle.objects.filter(
        instrument_id=instrument_id,
        timeframe=timeframe,
        open_time__gte=since,
        open_time__lt=until,
    ).order_by("open_time")
    first = rows.values_list("open_time", flat=True).first()
    if first is None:
        holes = [(since, until)]
    else:
        last = rows.reverse().values_list("open_time", flat=True)[0]
        with connection.cursor() as cursor:
            cursor.execute(_STEPS, [instrument_id, timeframe, since, until])
            holes = [(since, first), *cursor.fetchall(), (last + timeframe, until)]
    absent = Gap.objects.filter(
        instrument_id=instrument_id,
        timeframe=timeframe,
        state=Gap.State.ABSENT,
        start__lt=until,
        end__gt=since,
    ).order_by("start")
    return _without(holes, list(absent.values_list("start", "end")))


def is_inside_absent(series: Iterable[tuple[int, int]], first: int, last: int) -> bool:
    """Tell whether a bar from `first` to `last` may lie where it was said that there is none.

    Whoever remembers such a series believes that it knows that range already.
    """
    wanted = set(series)
    one, keys = any_of("instrument_id", sorted({key for key, _ in wanted}))
    other, frames = any_of("timeframe", sorted({frame for _, frame in wanted}))
    sql = (
        f"SELECT 1 FROM markets_gap WHERE {one} AND {other} AND state = 'absent' "  # noqa: S608  constant names only
        'AND start <= %s AND "end" > %s LIMIT 1'
    )
    return bool(fetched(sql, [keys, frames, last, first]))


def has_bar_before(instrument_id: int, timeframe: int, moment: int) -> bool:
    rows = Candle.objects.filter(instrument_id=instrument_id, timeframe=timeframe)
    return rows.filter(open_time__lt=moment).exists()


def bar_after(instrument_id: int, timeframe: int, moment: int) -> int | None:
    """Return the open time of the first bar at or after a moment."""
    rows = Candle.objects.filter(instrument_id=instrument_id, timeframe=timeframe)
    later = rows.filter(open_time__gte=moment).order_by("open_time")
    return later.values_list("open_time", flat=True).first()


def _without(holes: list[Range], known: list[Range]) -> list[Range]:
    """Return the parts of the holes that lie outside of the known ranges."""
    left = []
    for start, end in holes:
        edge = start
        for low, high in known:
            if high <= edge or low >= end:
                continue
            if low > edge:
                left.append((edge, low))
            edge = max(edge, high)
        if edge < end:
            left.append((edge, end))
    return left
