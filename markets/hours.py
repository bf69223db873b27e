"""The hours of the markets in this process's memory, so that nobody asks the database per quote."""

from collections.abc import Mapping

from markets.sessions import ALWAYS, Calendar


class Hours:
    """Calendars by name and by instrument; one assignment replaces a value, without a lock."""

    def __init__(self) -> None:
        self._calendars: dict[str, Calendar] = {}
        self._names: dict[int, str] = {}

    def put(self, calendar: Calendar) -> None:
        self._calendars[calendar.name] = calendar

    def follow(self, names: Mapping[int, str]) -> None:
        """Remember the calendars of instruments by instrument id; `24/7` needs none."""
        found = {key: name for key, name in names.items() if name != ALWAYS}
        if any(self._names.get(key) != name for key, name in found.items()):
            self._names = {**self._names, **found}

    def calendar(self, name: str) -> Calendar | None:
        return self._calendars.get(name)

    def closed_until(self, instrument_id: int, at: int) -> int | None:
        """Return when an instrument's closed market opens; None while open or not known."""
        name = self._names.get(instrument_id)
        calendar = None if name is None else self._calendars.get(name)
        return None if calendar is None else calendar.closed_until(at)

    def clear(self) -> None:
        self._calendars, self._names = {}, {}


hours = Hours()
