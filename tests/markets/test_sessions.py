"""Hours of markets: holidays, early closes and daylight saving against the exchange's own words."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given
from hypothesis import strategies as st

from markets.models import SessionDay
from markets.services.sessions import (
    SessionsError,
    calendars_wanted,
    sessions_due,
    sessions_sync,
)
from markets.sessions import ALWAYS, Calendar

# NYSE's own list for 2026: https://www.nyse.com/markets/hours-calendars
HOLIDAYS_2026 = {
    date(2026, 1, 1),  # New Year's Day
    date(2026, 1, 19),  # Martin Luther King, Jr. Day
    date(2026, 2, 16),  # Washington's Birthday
    date(2026, 4, 3),  # Good Friday
    date(2026, 5, 25),  # Memorial Day
    date(2026, 6, 19),  # Juneteenth
    date(2026, 7, 3),  # Independence Day, observed
    date(2026, 9, 7),  # Labor Day
    date(2026, 11, 26),  # Thanksgiving Day
    date(2026, 12, 25),  # Christmas Day
}
# Both close at 13:00 New York time, which is 18:00 UTC in winter.
HALF_DAYS_2026 = {date(2026, 11, 27), date(2026, 12, 24)}


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.fixture(scope="module")
def days():
    words = ["-m", "markets.providers.exchange_hours", "XNYS", "2025-12-15", "2027-01-15"]
    done = subprocess.run([sys.executable, *words], capture_output=True, check=True)
    told = json.loads(done.stdout)
    assert told["calendar"] == "XNYS"
    return {date.fromisoformat(day): (opens, closes) for day, opens, closes in told["days"]}


@pytest.fixture(scope="module")
def nyse(days):
    return Calendar.of("XNYS", days.values())


def test_the_exchange_is_closed_on_its_holidays_and_weekends_only(days):
    day, closed = date(2026, 1, 1), set()
    while day.year == 2026:
        if day.weekday() < 5 and day not in days:
            closed.add(day)
        assert day.weekday() < 5 or day not in days
        day += timedelta(days=1)
    assert closed == HOLIDAYS_2026


def test_half_days_end_at_one_and_no_other_day_does(days):
    short = {
        day for day, (opens, closes) in days.items() if day.year == 2026 and closes - opens < 23_400
    }
    assert short == HALF_DAYS_2026
    assert days[date(2026, 11, 27)] == (at("2026-11-27T14:30"), at("2026-11-27T18:00"))


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        (date(2026, 3, 6), "2026-03-06T14:30"),  # the Friday before the clocks go forward
        (date(2026, 3, 9), "2026-03-09T13:30"),
        (date(2026, 10, 30), "2026-10-30T13:30"),  # the Friday before they go back
        (date(2026, 11, 2), "2026-11-02T14:30"),
    ],
)
def test_daylight_saving_moves_the_opening(days, day, opens):
    assert days[day] == (at(opens), at(opens) + 6 * 3600 + 1800)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-20T14:29:59", False),
        ("2026-11-20T14:30:00", True),
        ("2026-11-20T20:59:59", True),
        ("2026-11-20T21:00:00", False),
        ("2026-11-21T15:00:00", False),  # Saturday
        ("2026-11-26T15:00:00", False),  # Thanksgiving
        ("2026-11-27T17:59:59", True),
        ("2026-11-27T18:00:00", False),
        ("2026-07-03T15:00:00", False),
    ],
)
def test_open_and_closed(nyse, moment, is_open):
    assert nyse.is_open(at(moment)) is is_open
    assert nyse.has_open(at(moment), at(moment) + 60) is (is_open or moment.endswith("29:59"))


def test_what_comes_next(nyse):
    friday, saturday = at("2026-11-20T15:00"), at("2026-11-21T15:00")
    assert nyse.next_close(friday) == at("2026-11-20T21:00")
    assert nyse.closed_until(friday) is None
    assert nyse.closed_until(saturday) == at("2026-11-23T14:30")
    assert nyse.next_close(saturday) == at("2026-11-23T21:00")
    assert nyse.closed_until(at("2026-11-25T22:00")) == at("2026-11-27T14:30")
    assert nyse.next_close(at("2026-11-27T10:00")) == at("2026-11-27T18:00")


def test_a_night_has_nothing_open_and_a_day_has(nyse):
    assert not nyse.has_open(at("2026-11-20T21:00"), at("2026-11-23T14:30"))
    assert nyse.has_open(at("2026-11-20T21:00"), at("2026-11-23T14:31"))
    assert nyse.has_open(at("2026-11-20T20:59"), at("2026-11-20T21:30"))


def test_the_newest_bars_are_counted_in_open_time(nyse):
    monday = at("2026-11-23T14:40")
    assert nyse.start_of_newest(monday, slots=10, timeframe=60) == at("2026-11-23T14:30")
    assert nyse.start_of_newest(monday, slots=11, timeframe=60) == at("2026-11-20T20:59")
    assert nyse.start_of_newest(monday, slots=400, timeframe=60) == at("2026-11-20T14:30")
    sunday = at("2026-11-22T10:00")
    assert nyse.start_of_newest(sunday, slots=1, timeframe=60) == at("2026-11-20T20:59")


def test_outside_the_known_span_nothing_is_said(nyse):
    beyond = nyse.sessions[-1].closes_at + 60
    assert not nyse.knows(beyond)
    assert not nyse.is_open(beyond)
    assert nyse.closed_until(beyond) is None
    assert nyse.next_open(beyond) is None
    assert nyse.has_open(beyond, beyond + 60)
    assert Calendar("XNYS").last_begun(beyond) is None
    assert Calendar("XNYS").closed_until(beyond) is None


def test_a_market_without_hours_is_always_open():
    always = Calendar(ALWAYS)
    assert always.is_open(0)
    assert always.closed_until(10**9) is None
    assert always.has_open(5, 6)
    assert always.start_of_newest(6000, slots=10, timeframe=60) == 5400


def test_sessions_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="ends at 5"):
        Calendar.of("X", [(5, 5)])
    with pytest.raises(ValueError, match="overlap at 8"):
        Calendar.of("X", [(8, 12), (5, 9)])


@given(
    st.lists(st.integers(1, 500), min_size=2, max_size=24), st.integers(0, 9000), st.integers(1, 60)
)
def test_answers_agree_with_looking_at_every_second(lengths, moment, span):
    edges, now = [], 0
    for length in lengths:
        now += length
        edges.append(now)
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    calendar = Calendar.of("X", pairs)

    def is_open(second):
        return any(opens <= second < closes for opens, closes in pairs)

    assert calendar.is_open(moment) is is_open(moment)
    later = [opens for opens, _ in pairs if opens > moment]
    assert calendar.next_open(moment) == (min(later) if later else None)
    if calendar.knows(moment) and calendar.knows(moment + span - 1):
        whole = any(is_open(second) for second in range(moment, moment + span))
        assert calendar.has_open(moment, moment + span) is whole


@pytest.mark.django_db
def test_the_command_writes_two_years_and_a_second_run_changes_nothing(capsys):
    call_command("sessions_sync")
    said = capsys.readouterr().out
    stored = list(SessionDay.objects.order_by("day").values_list("day", "opens_at", "closes_at"))
    assert said.startswith(f"XNYS: {len(stored)} days of trading")
    assert 495 < len(stored) < 510
    today = datetime.now(UTC).date()  # noqa: TID251
    assert stored[0][0] <= today - timedelta(days=360)
    assert stored[-1][0] >= today + timedelta(days=358)
    assert sessions_due(["XNYS"]) == []
    SessionDay.objects.filter(day__gt=today + timedelta(days=100)).delete()
    holiday = SessionDay.objects.create(
        calendar="XNYS",
        day=today + timedelta(days=(5 - today.weekday()) % 7),
        opens_at=1,
        closes_at=2,
    )
    assert sessions_due(["XNYS"]) == ["XNYS"]
    assert sessions_sync(["XNYS"]) == {"XNYS": len(stored)}
    assert not SessionDay.objects.filter(pk=holiday.pk).exists()
    again = SessionDay.objects.order_by("day").values_list("day", "opens_at", "closes_at")
    assert list(again) == stored


@pytest.mark.django_db
def test_an_unknown_calendar_is_refused_in_a_sentence():
    with pytest.raises(CommandError, match=r"calendar NOWHERE could not be computed: .*NOWHERE"):
        call_command("sessions_sync", "NOWHERE")
    with pytest.raises(SessionsError):
        sessions_sync(["NOWHERE"])
    assert not SessionDay.objects.exists()
    assert calendars_wanted() == ["XNYS"]
