"""Macro series: every vintage once, from its release on, however often it is read."""

from datetime import UTC, date, datetime, timedelta

import pytest

from markets.models import FeedState, Instrument, MacroPoint
from markets.selectors_feeds import UnknownFeedError, feed_points
from markets.services.feeds import SETTLE_S, known_from
from markets.services.macro import macro_read, released_at
from tests.servers import in_thread
from tests.servers_feeds import KEY, FredServer

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
UPDATED = datetime(2026, 11, 20, 21, 16, 9, tzinfo=UTC)


@pytest.fixture
def fred():
    server = FredServer()
    server.add("DGS10", "10-Year Treasury", updated="2026-11-20 15:16:09-06")
    server.values["DGS10"] = [
        (date(2026, 11, 17), date(2026, 11, 18), "4.10"),
        (date(2026, 11, 18), date(2026, 11, 19), "."),
        (date(2026, 11, 19), date(2026, 11, 20), "4.12"),
    ]
    with in_thread(server):
        yield server


@pytest.fixture
def env(settings, fred):
    """Everything is a replay: live and replayed data never meet."""
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "http://127.0.0.1:9",
        "BINANCE_WS_URL": "ws://127.0.0.1:9",
        "FRED_BASE_URL": fred.rest_url,
        "FRED_API_KEY": KEY,
        "MYSTIC_MACRO": ["DGS10"],
    }
    return settings.ENV


def epoch(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp())


def rows():
    return list(
        MacroPoint.objects.order_by("period", "vintage").values_list("period", "value", "vintage")
    )


def test_the_first_reading_takes_the_history_as_it_was_released(env, fred):
    assert macro_read(now=NOW) == 2
    first, last = MacroPoint.objects.order_by("period")
    assert (first.period, first.value, first.vintage) == (
        date(2026, 11, 17),
        4.10,
        date(2026, 11, 18),
    )
    # The day ends at midnight in St. Louis; of the newest release FRED says the moment.
    assert first.available_at == epoch(2026, 11, 19, 6, 0, 0)
    assert last.available_at == int(UPDATED.timestamp())
    assert (last.source, last.value) == ("replay:fred", 4.12)
    (one,) = Instrument.objects.filter(asset_class="macro")
    assert (one.symbol, one.name, one.quote, one.venue.code, one.is_watched) == (
        "DGS10",
        "10-Year Treasury",
        "",
        "replay:fred",
        False,
    )
    state = FeedState.objects.get()
    assert (state.name, state.failures, state.followed_from) == (
        "replay:fred:DGS10",
        0,
        int(NOW.timestamp()),
    )
    assert state.told["unit"] == "%"


def test_a_reading_that_is_not_due_asks_nothing(env, fred):
    macro_read(now=NOW)
    before = len(fred.requests)
    assert macro_read(now=NOW + timedelta(minutes=119)) == 0
    assert len(fred.requests) == before


def test_what_says_it_is_unchanged_is_not_asked_further(env, fred):
    macro_read(now=NOW)
    fred.requests.clear()
    assert macro_read(now=NOW + timedelta(hours=2)) == 0
    assert [one.path for one in fred.requests] == ["/fred/series"]


def test_later_vintages_are_new_rows_known_when_we_had_them(env, fred):
    macro_read(now=NOW)
    fred.series["DGS10"]["last_updated"] = "2026-11-23 15:16:00-06"
    fred.values["DGS10"] += [
        (date(2026, 11, 19), date(2026, 11, 23), "4.13"),
        (date(2026, 11, 20), date(2026, 11, 23), "4.20"),
    ]
    later = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
    assert macro_read(now=later) == 2
    assert rows() == [
        (date(2026, 11, 17), 4.10, date(2026, 11, 18)),
        (date(2026, 11, 19), 4.12, date(2026, 11, 20)),
        (date(2026, 11, 19), 4.13, date(2026, 11, 23)),
        (date(2026, 11, 20), 4.20, date(2026, 11, 23)),
    ]
    for row in MacroPoint.objects.filter(vintage=date(2026, 11, 23)):
        assert row.available_at >= -(-row.received_at_ms // 1000)
        assert row.available_at >= epoch(2026, 11, 23, 21, 16, 0)


def test_reading_twice_adds_nothing(env, fred):
    macro_read(now=NOW)
    before = rows()
    FeedState.objects.update(next_read_at=NOW, told={})
    assert macro_read(now=NOW + timedelta(days=1)) == 0
    assert rows() == before


def test_a_correction_on_the_day_of_its_release_counts_from_the_day_we_learnt_of_it(env, fred):
    macro_read(now=NOW)
    fred.values["DGS10"][-1] = (date(2026, 11, 19), date(2026, 11, 20), "4.99")
    FeedState.objects.update(next_read_at=NOW, told={})
    assert macro_read(now=NOW) == 1
    assert rows()[-1] == (date(2026, 11, 19), 4.99, date(2026, 11, 21))
    FeedState.objects.update(next_read_at=NOW, told={})
    assert macro_read(now=NOW) == 0


def test_without_a_key_it_is_off_and_nothing_is_asked(env, fred):
    env["FRED_API_KEY"] = ""
    assert macro_read(now=NOW) == 0
    assert (fred.requests, FeedState.objects.count()) == ([], 0)


def test_a_fault_leaves_what_is_stored_and_waits_longer_each_time(env, fred):
    macro_read(now=NOW)
    before, moment, waits = rows(), NOW + timedelta(hours=3), []
    fred.fail("/fred/series", status=400, body=b'{"error_message": "Bad Request."}')
    for _ in range(3):
        FeedState.objects.update(next_read_at=moment)
        assert macro_read(now=moment) == 0
        state = FeedState.objects.get()
        waits.append((state.next_read_at - moment).total_seconds())
    assert waits == [300, 600, 1200]
    assert (state.failures, rows()) == (3, before)
    assert "Bad Request" in state.last_error
    assert KEY not in state.last_error
    assert state.last_read_at == NOW


def test_at_most_three_series_are_read_in_one_go(env, fred):
    names = [f"S{n}" for n in range(5)]
    env["MYSTIC_MACRO"] = names
    for name in names:
        fred.add(name, name, updated="2026-11-20 15:16:09-06")
        fred.values[name] = [(date(2026, 11, 17), date(2026, 11, 18), "1")]
    assert [macro_read(now=NOW) for _ in range(3)] == [3, 2, 0]


def test_strategies_read_the_newest_period_as_it_was_published(env, fred):
    fred.values["DGS10"] = [
        (date(2026, 9, 1), date(2026, 10, 1), "1.0"),
        (date(2026, 10, 1), date(2026, 11, 2), "2.0"),
        (date(2026, 9, 1), date(2026, 11, 2), "1.5"),
        (date(2026, 9, 1), date(2026, 11, 10), "1.6"),
        (date(2026, 10, 1), date(2026, 11, 12), "2.5"),
    ]
    macro_read(now=NOW)
    at = [epoch(2026, 10, 2, 5), epoch(2026, 11, 3, 6), epoch(2026, 11, 13, 6)]
    found = feed_points("macro:DGS10", None, 0, 2**40)
    assert found.available_at.tolist() == at
    assert found.value.tolist() == [1.0, 2.0, 2.5]
    # Where the span begins changes nothing: the revision of September is no newer period.
    for start in (at[0], at[1] - 1, at[1], at[1] + 1, at[2]):
        part = feed_points("macro:DGS10", None, start, 2**40)
        assert part.available_at.tolist() == [one for one in at if one > start]
    assert feed_points("macro:DGS10", None, 0, at[1]).value.tolist() == [1.0, 2.0]


def test_a_series_that_is_not_read_is_named(env):
    with pytest.raises(UnknownFeedError, match=r"DGS1O is not read\. Did you mean DGS10\?"):
        feed_points("macro:DGS1O", None, 0)
    assert feed_points("macro:DGS10", None, 0).value.tolist() == []


@pytest.mark.parametrize(
    ("day", "updated", "wanted"),
    [
        (date(2026, 7, 3), None, (2026, 7, 4, 5, 0, 0)),
        (date(2026, 1, 5), None, (2026, 1, 6, 6, 0, 0)),
        # The day the clocks go back is 25 hours long.
        (date(2026, 11, 1), None, (2026, 11, 2, 6, 0, 0)),
        (date(2026, 11, 20), UPDATED, (2026, 11, 20, 21, 16, 9)),
        # A late evening in St. Louis is the next day in London.
        (date(2026, 11, 19), datetime(2026, 11, 20, 3, tzinfo=UTC), (2026, 11, 20, 3, 0, 0)),
        (date(2026, 11, 19), UPDATED, (2026, 11, 20, 6, 0, 0)),
    ],
)
def test_a_release_known_by_its_day_counts_from_the_end_of_it(day, updated, wanted):
    assert released_at(day, updated) == epoch(*wanted)


@pytest.mark.parametrize(
    ("natural", "followed_from", "wanted"),
    [
        (100, None, 100),
        (100, 100, 100),
        (101, 100, 500 + SETTLE_S),
        (900, 100, 900),
    ],
)
def test_a_point_counts_from_its_release_or_from_when_we_had_it(natural, followed_from, wanted):
    assert known_from(natural, followed_from=followed_from, received=500) == wanted
