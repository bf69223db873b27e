"""Keep the calendars of the markets: a year back, a year ahead, as rows."""

import logging
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import msgspec
from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone

from markets.models import Instrument, SessionDay
from markets.sessions import ALWAYS

log = logging.getLogger(__name__)

STOCKS = "XNYS"
ROOT = Path(__file__).resolve().parents[2]
SPAN = timedelta(days=365)
# A calendar is computed again when it ends sooner than this: about once a week.
LEAST_AHEAD = SPAN - timedelta(days=7)
CHILD_WITHIN_S = 60


class _Told(msgspec.Struct):
    calendar: str
    days: list[tuple[date, int, int]]


class SessionsError(Exception):
    """Raised when a calendar cannot be had; the sentence says why."""


def calendars_wanted() -> list[str]:
    """Return the names of the calendars that stored instruments follow, and that of US stocks."""
    names = Instrument.objects.exclude(session_calendar__in=["", ALWAYS]).order_by()
    found = set(names.values_list("session_calendar", flat=True).distinct())
    return sorted({STOCKS, *found})


def sessions_due(names: Sequence[str]) -> list[str]:
    """Return those of the calendars of which nothing is stored or which end too soon."""
    enough = (timezone.now() + LEAST_AHEAD).date()
    ends = dict(
        SessionDay.objects.filter(calendar__in=names)
        .order_by()
        .values_list("calendar")
        .annotate(Max("day"))
    )
    return [name for name in names if name not in ends or ends[name] < enough]


def sessions_sync(names: Sequence[str] | None = None) -> dict[str, int]:
    """Write the sessions of these calendars and return how many days each has.

    The calendars are computed in a child process; nothing is asked over the network. Days that a
    calendar no longer has are removed inside the span, for an exchange may announce a holiday.

    Raises
    ------
    SessionsError
        If one could not be computed; those before it are written.
    """
    today = timezone.now().date()
    counts = {}
    for name in calendars_wanted() if names is None else names:
        told = _told(name, today - SPAN, today + SPAN)
        _write(told)
        counts[name] = len(told.days)
        log.info("the calendar %s has %d days of trading", name, counts[name])
    return counts


def sessions_span(name: str) -> tuple[date, date] | None:
    """Return the first and last stored day of a calendar, or None."""
    found = SessionDay.objects.filter(calendar=name).aggregate(first=Min("day"), last=Max("day"))
    return None if found["first"] is None else (found["first"], found["last"])


def _told(name: str, start: date, end: date) -> _Told:
    program = "markets.providers.exchange_hours"
    words = [sys.executable, "-m", program, name, start.isoformat(), end.isoformat()]
    try:
        done = subprocess.run(  # noqa: S603  our own module; a name is one argument
            words, cwd=ROOT, capture_output=True, timeout=CHILD_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        message = f"the calendar {name} could not be computed: {type(fault).__name__}"
        raise SessionsError(message) from fault
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise SessionsError(f"the calendar {name} could not be computed: {(said or ['?'])[-1]}")
    return msgspec.json.decode(done.stdout, type=_Told)


def _write(told: _Told) -> None:
    if not told.days:
        return
    days = [
        SessionDay(calendar=told.calendar, day=day, opens_at=opens, closes_at=closes)
        for day, opens, closes in told.days
    ]
    first, last = told.days[0][0], told.days[-1][0]
    with transaction.atomic():
        SessionDay.objects.bulk_create(
            days,
            update_conflicts=True,
            unique_fields=["calendar", "day"],
            update_fields=["opens_at", "closes_at"],
            batch_size=200,
        )
        stored = SessionDay.objects.filter(calendar=told.calendar, day__gte=first, day__lte=last)
        known = {one.day for one in days}
        gone = [row.pk for row in stored if row.day not in known]
        SessionDay.objects.filter(pk__in=gone).delete()
