"""Days, weeks, months and trading sessions, and what has added up since one began."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from signals.indicators.window import Floats
from signals.indicators.zones import DAY_S, Times, local_seconds

HOUR_S = 3600
MINUTE_S = 60
MONDAY_S = 4 * DAY_S
"""1970-01-05 was a Monday."""
WEEK_S = 7 * DAY_S
WEEKEND = 5


class Hours(NamedTuple):
    """The hours of a session on its own clock, Monday to Friday; the end does not belong to it."""

    zone: str
    opens_at: int
    closes_at: int


SESSIONS: Mapping[str, Hours] = {
    "sydney": Hours("Australia/Sydney", 7 * HOUR_S, 16 * HOUR_S),
    "tokyo": Hours("Asia/Tokyo", 9 * HOUR_S, 18 * HOUR_S),
    "london": Hours("Europe/London", 8 * HOUR_S, 17 * HOUR_S),
    "new_york": Hours("America/New_York", 8 * HOUR_S, 17 * HOUR_S),
}
"""The hours of foreign exchange; public holidays are not known to them."""

LENGTH_S: Mapping[str, int] = {
    "day": DAY_S,
    "week": WEEK_S,
    "month": 31 * DAY_S,
    **{name: hours.closes_at - hours.opens_at for name, hours in SESSIONS.items()},
}
"""The longest that a period can last."""


def period_start(time: Floats, name: str) -> Floats:
    """Return when the period of each bar began, UTC epoch seconds; NaN outside of a session.

    Days, weeks (from Monday) and months are those of UTC.
    """
    moments = time.astype(np.int64)
    if name == "day":
        return (moments // DAY_S * DAY_S).astype(np.float64)
    if name == "week":
        since = moments - MONDAY_S
        return (since // WEEK_S * WEEK_S + MONDAY_S).astype(np.float64)
    if name == "month":
        months = moments.astype("datetime64[s]").astype("datetime64[M]")
        return months.astype("datetime64[s]").astype(np.int64).astype(np.float64)
    return _session_start(time, moments, SESSIONS[name])


def _session_start(time: Floats, moments: Times, hours: Hours) -> Floats:
    local = local_seconds(time, hours.zone)
    midnight = local // DAY_S * DAY_S
    clock = local - midnight
    is_inside = (clock >= hours.opens_at) & (clock < hours.closes_at)
    is_inside &= weekday(local) < WEEKEND
    begun = moments - (clock - hours.opens_at)
    return np.where(is_inside, begun.astype(np.float64), np.nan)


def weekday(local: Times) -> Times:
    """Return 0 for Monday to 6 for Sunday."""
    days: Times = (local // DAY_S + 3) % 7
    return days


def month(local: Times) -> Times:
    """Return 1 to 12."""
    months: Times = local.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    return months


def day_of_month(local: Times) -> Times:
    """Return 1 to 31."""
    days = local.astype("datetime64[s]").astype("datetime64[D]")
    first = days.astype("datetime64[M]").astype("datetime64[D]")
    result: Times = (days - first).astype(np.int64) + 1
    return result


FIELDS: Mapping[str, Callable[[Times], Times]] = {
    "hour": lambda local: local % DAY_S // HOUR_S,
    "minute": lambda local: local % HOUR_S // MINUTE_S,
    "minutes_since_midnight": lambda local: local % DAY_S // MINUTE_S,
    "weekday": weekday,
    "day_of_month": day_of_month,
    "month": month,
}


class Since:
    """State of a running total, greatest, least or first value since a period began.

    Parameters
    ----------
    how : str
        "sum", "max", "min" or "first".
    """

    __slots__ = ("_gather", "_held", "_period")

    def __init__(self, how: str) -> None:
        self._gather = GATHER[how]
        self._held, self._period = np.nan, np.nan

    def push(self, values: Floats, period: Floats) -> Floats:
        """Take the next values, each with the beginning of its period; NaN outside of periods."""
        out = np.empty(len(values))
        for begin, end in _stretches(period):
            part = values[begin:end]
            if period[begin] == self._period:
                joined = np.concatenate(([self._held], part))
                out[begin:end] = self._gather(joined)[1:]
            else:
                out[begin:end] = self._gather(part)
            self._held, self._period = out[end - 1], period[begin]
        out[np.isnan(period)] = np.nan
        return out


def _first(values: Floats) -> Floats:
    return np.full(len(values), values[0])


# Each is strictly from left to right, so a cut with the value before it in front changes no bit.
GATHER: Mapping[str, Callable[[Floats], Floats]] = {
    "sum": np.add.accumulate,
    "max": np.maximum.accumulate,
    "min": np.minimum.accumulate,
    "first": _first,
}


def _stretches(period: Floats) -> list[tuple[int, int]]:
    """Return begin and end of every stretch of bars in one period."""
    if not len(period):
        return []
    # Bars outside of periods (NaN, which differs from itself) make one stretch, too.
    named = np.where(np.isnan(period), -np.inf, period)
    begins = np.flatnonzero(np.concatenate(([True], named[1:] != named[:-1])))
    ends = np.append(begins[1:], len(period))
    return list(zip(begins.tolist(), ends.tolist(), strict=True))


class Begins:
    """State of the question whether a bar is the first of its period."""

    __slots__ = ("_period",)

    def __init__(self) -> None:
        self._period = np.nan

    def push(self, period: Floats) -> Floats:
        """Take the beginnings of the next bars' periods."""
        if not len(period):
            return period
        before = np.concatenate(([self._period], period[:-1]))
        self._period = float(period[-1])
        is_first: Floats = (period != before).astype(np.float64)
        return is_first


class Previous:
    """State of the high, low or close of the newest period that is over.

    Parameters
    ----------
    how : str
        "max" (of highs), "min" (of lows) or "last" (of closes).
    reach : float
        Seconds between the beginnings of two periods after which the older one is forgotten.
    """

    __slots__ = ("_before", "_before_from", "_held", "_how", "_period", "_reach")

    def __init__(self, how: str, reach: float) -> None:
        self._how, self._reach = how, reach
        self._held = self._before = np.nan
        self._period = self._before_from = np.nan

    def push(self, values: Floats, period: Floats) -> Floats:
        """Take the next values with their periods' beginnings."""
        out = np.empty(len(values))
        for begin, end in _stretches(period):
            if period[begin] != self._period:
                self._before, self._before_from = self._held, self._period
                self._period, self._held = float(period[begin]), float(values[begin])
            part = values[begin:end]
            if self._how == "max":
                self._held = max(self._held, float(part.max()))
            elif self._how == "min":
                self._held = min(self._held, float(part.min()))
            else:
                self._held = float(part[-1])
            is_near = self._period - self._before_from <= self._reach
            out[begin:end] = self._before if is_near else np.nan
        return out
