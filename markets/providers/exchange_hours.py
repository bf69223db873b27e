"""Print the sessions of a market's calendar; run as a child, for its packages are heavy.

    python -m markets.providers.exchange_hours XNYS 2025-11-21 2027-11-21

prints one JSON object: the calendar's name and its days as [day, opens_at, closes_at], UTC epoch
seconds. `exchange_calendars` needs 2 s and over 100 MB, so no process that stays imports it.
"""

import json
import sys
from typing import Any


def sessions_of(name: str, start: str, end: str) -> list[tuple[str, int, int]]:
    """Return the days on which a market is open from `start` to `end`, ISO dates, inclusive.

    Raises
    ------
    ValueError
        If `exchange_calendars` does not know the name or the dates.
    """
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        calendar: Any = exchange_calendars.get_calendar(name, start=start, end=end)
    except InvalidCalendarName as fault:
        raise ValueError(str(fault)) from None
    schedule = calendar.schedule
    return [
        (day.date().isoformat(), int(opens.timestamp()), int(closes.timestamp()))
        for day, opens, closes in zip(
            schedule.index, schedule["open"], schedule["close"], strict=True
        )
    ]


def main() -> int:
    name, start, end = sys.argv[1:4]
    try:
        days = sessions_of(name, start, end)
    except ValueError as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    json.dump({"calendar": name, "days": days}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
