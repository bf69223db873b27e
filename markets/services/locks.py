"""Let one writer at a time change a series, in every process."""

from collections.abc import Iterable

from django.db import connection

# The first half of our advisory locks' keys on PostgreSQL; the second is the instrument.
CANDLES = 7_203
_LOCK = """
SELECT pg_advisory_xact_lock(%s, one.id) FROM (
  SELECT unnest(%s::int[]) AS id ORDER BY 1
) AS one
"""


def series_lock(instrument_ids: Iterable[int]) -> None:
    """Hold these instruments' series until the transaction ends.

    SQLite's transactions exclude one another from their begin on, so nothing is to do there.
    """
    if connection.vendor != "postgresql":
        return
    keys = ",".join(str(key) for key in sorted({key % 2**31 for key in instrument_ids}))
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [CANDLES, f"{{{keys}}}"])
