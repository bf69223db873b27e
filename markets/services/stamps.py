"""The number by which whoever remembers a series knows whether its past changed."""

import secrets
from collections.abc import Iterable

from django.db import connection

from markets.stored import any_of

_FIRST = (
    "INSERT INTO markets_seriesstamp (instrument_id, timeframe, stamp) VALUES (%s, %s, %s) "
    "ON CONFLICT (instrument_id, timeframe) DO NOTHING"
)
_AGAIN = (
    "INSERT INTO markets_seriesstamp (instrument_id, timeframe, stamp) VALUES (%s, %s, %s) "
    "ON CONFLICT (instrument_id, timeframe) DO UPDATE SET stamp = excluded.stamp"
)
_KNOWN = "SELECT instrument_id, timeframe FROM markets_seriesstamp WHERE "


def series_stamp(series: Iterable[tuple[int, int]], *, is_changed: bool) -> None:
    """Give (instrument, timeframe) pairs a new stamp where their past changed, or their first."""
    wanted = set(series)
    with connection.cursor() as cursor:
        if not is_changed:
            # Almost always all of them have one: a look is cheaper than hundreds of inserts.
            condition, keys = any_of("instrument_id", {one[0] for one in wanted})
            cursor.execute(_KNOWN + condition, [keys])
            wanted -= {(row[0], row[1]) for row in cursor.fetchall()}
        rows = [(*one, secrets.randbits(62)) for one in sorted(wanted)]
        if rows:
            cursor.executemany(_AGAIN if is_changed else _FIRST, rows)
