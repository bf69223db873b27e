"""Local time of whole arrays: a zone's offsets as two arrays, from the time zone database."""

from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray

from signals.indicators.window import Floats

Times = NDArray[np.int64]

FIRST, LAST = date(1970, 1, 1), date(2100, 1, 1)
DAY_S = 86400
STEP_S = 7 * DAY_S
"""No zone changes its clock twice within a week."""


@lru_cache(maxsize=64)
def is_zone(name: str) -> bool:
    """Say whether it is UTC or a place of the time zone database, the same on every machine."""
    return name == "UTC" or ("/" in name and name in available_timezones())


@lru_cache(maxsize=64)
def zone_offsets(name: str) -> tuple[Times, Times]:
    """Return when a zone's clock changes (UTC epoch seconds) and what is added from then on.

    Raises
    ------
    zoneinfo.ZoneInfoNotFoundError
        If there is no such zone.
    """
    zone = ZoneInfo(name)

    def offset(moment: int) -> int:
        shift = datetime.fromtimestamp(moment, UTC).astimezone(zone).utcoffset()
        return int(shift.total_seconds()) if shift is not None else 0

    start, end = (_midnight(one) for one in (FIRST, LAST))
    changes, added = [start], [offset(start)]
    for moment in range(start + STEP_S, end, STEP_S):
        if offset(moment) == added[-1]:
            continue
        low, high = moment - STEP_S, moment
        while high - low > 1:
            between = (low + high) // 2
            low, high = (between, high) if offset(between) == added[-1] else (low, between)
        changes.append(high)
        added.append(offset(high))
    return np.array(changes), np.array(added)


def local_seconds(time: Floats, zone: str) -> Times:
    """Return the wall clock of a zone as if it were UTC: epoch seconds plus the zone's offset."""
    moments = time.astype(np.int64)
    if zone == "UTC":
        return moments
    changes, added = zone_offsets(zone)
    place = np.searchsorted(changes, moments, side="right") - 1
    shifted: Times = moments + added[np.maximum(place, 0)]
    return shifted


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
