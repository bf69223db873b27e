"""The time of the bar: hours, weekdays, trading sessions."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from signals.columns.errors import ColumnError
from signals.columns.kernel import Elementwise, Kernel, Stateful
from signals.columns.series import Floats
from signals.columns.words.periods import PeriodWords
from signals.indicators.periods import (
    FIELDS,
    LENGTH_S,
    MINUTE_S,
    SESSIONS,
    Begins,
    Previous,
    Since,
    period_start,
)
from signals.indicators.zones import DAY_S, is_zone, local_seconds

if TYPE_CHECKING:
    from signals.columns.column import Column

REACH_S: Mapping[str, int] = {"day": 5 * DAY_S, "week": 7 * DAY_S, "month": 31 * DAY_S}
"""How long before this period the previous one may have begun: a day before a long weekend."""


class CalendarWords(PeriodWords):
    """The time of the bar: hours, weekdays, trading sessions.

    All of them speak of the time at which the bar opened.
    """

    __slots__ = ()

    def hour(self, zone: str = "UTC") -> "Column":
        """Return the hour of the day, 0 to 23, on the clock of a zone such as "Europe/London"."""
        return self._local("hour", zone)

    def minute(self, zone: str = "UTC") -> "Column":
        """Return the minute of the hour, 0 to 59."""
        return self._local("minute", zone)

    def minutes_since_midnight(self, zone: str = "UTC") -> "Column":
        """Return the minutes on the clock since 00:00, 0 to 1439."""
        return self._local("minutes_since_midnight", zone)

    def weekday(self, zone: str = "UTC") -> "Column":
        """Return the day of the week, 0 for Monday to 6 for Sunday."""
        return self._local("weekday", zone)

    def day_of_month(self, zone: str = "UTC") -> "Column":
        """Return the day of the month, 1 to 31."""
        return self._local("day_of_month", zone)

    def month(self, zone: str = "UTC") -> "Column":
        """Return the month, 1 to 12."""
        return self._local("month", zone)

    def session(self, name: str) -> "Column":
        """Say whether the bar opened within a session: sydney, tokyo, london or new_york.

        Monday to Friday by the session's own clock, daylight saving included; public holidays are
        not known.
        """
        start = self._session("session", name)
        return start.known()

    def minutes_into_session(self, name: str) -> "Column":
        """Return the minutes since the session opened; missing outside of it."""
        start = self._session("minutes_into_session", name)
        return (self._time() - start) / MINUTE_S

    def is_first_bar_of(self, period: str) -> "Column":
        """Say whether no bar of the same day, week or month (UTC) came before this one."""
        start = self._period("is_first_bar_of", period, calendar_only=True)
        bars = self._bars_of("is_first_bar_of", LENGTH_S[period])
        return self._of("begins", (start,), history=bars - 1, is_flag=True)

    def day_open(self) -> "Column":
        """Return the open of the day's (UTC) first bar."""
        return self._since("day_open", "first", self.open, self._period("day_open", "day"))

    def previous_high(self, period: str = "day") -> "Column":
        """Return the high of the last day, week or month (UTC) that is over.

        The last day is the last one with bars, at most five days back (a long weekend); of weeks
        and months the one before this. Without bars in it the value is missing.
        """
        return self._previous("previous_high", "max", self.high, period)

    def previous_low(self, period: str = "day") -> "Column":
        """Return the low of the last day, week or month (UTC) that is over."""
        return self._previous("previous_low", "min", self.low, period)

    def previous_close(self, period: str = "day") -> "Column":
        """Return the close of the last day, week or month (UTC) that is over."""
        return self._previous("previous_close", "last", self.close, period)

    def _previous(self, what: str, how: str, value: "Column", period: object) -> "Column":
        start = self._period(what, period, calendar_only=True)
        name = str(start.node.args[0])
        bars = self._bars_of(what, REACH_S[name] + LENGTH_S[name])
        return self._of("previous", (value, start), how, REACH_S[name], history=bars - 1)

    def _session(self, what: str, name: object) -> "Column":
        if not isinstance(name, str) or name not in SESSIONS:
            raise ColumnError(f"{what} takes one of {', '.join(SESSIONS)}, not {name!r}")
        return self._period(what, name)

    def _local(self, field: str, zone: object) -> "Column":
        if not isinstance(zone, str) or not is_zone(zone):
            raise ColumnError(f'{field} takes a time zone like "Europe/London", not {zone!r}')
        return self._of("local", (self._time(),), field, zone)


def _local(field: str, zone: str) -> Kernel:
    function = FIELDS[field]

    def calculate(time: Floats) -> Floats:
        return function(local_seconds(time, zone)).astype(np.float64)

    return Elementwise(calculate)


KERNELS: Mapping[str, Callable[..., Kernel]] = {
    "local": _local,
    "period": lambda name: Elementwise(lambda time: period_start(time, name)),
    "since": lambda how: Stateful(Since(how)),
    "begins": lambda: Stateful(Begins()),
    "previous": lambda how, reach: Stateful(Previous(how, reach)),
}
