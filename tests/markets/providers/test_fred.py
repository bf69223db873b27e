"""FRED: every vintage with its day, missing values left out, the key in no text."""

import logging
from datetime import UTC, date, datetime, timedelta

import pytest
import pytest_asyncio

from markets.providers.fred import FredRest, stamp_of, vintages_of
from markets.providers.rows import ObservationRow
from mystic.lib.http import Blocked, Malformed, RateLimited, Refused
from tests.servers_feeds import KEY, FredServer

pytestmark = pytest.mark.asyncio
TODAY = date(2026, 11, 21)
PATH = "/fred/series/observations"


@pytest_asyncio.fixture
async def server():
    async with FredServer() as one:
        one.add("CPIAUCSL", "Consumer Price Index", updated="2026-11-13 07:36:02-06", unit="Index")
        one.values["CPIAUCSL"] = [
            (date(2026, 9, 1), date(2026, 10, 14), "324.0"),
            (date(2026, 9, 1), date(2026, 11, 13), "324.3"),
            (date(2026, 10, 1), date(2026, 11, 13), "325.1"),
            (date(2026, 8, 1), date(2026, 9, 11), "."),
        ]
        yield one


@pytest_asyncio.fixture
async def rest(server):
    one = FredRest(server.rest_url, KEY)
    yield one
    await one.aclose()


def ask(rest, *, known_from=date(2026, 1, 1), today=TODAY):
    return rest.observations(
        "CPIAUCSL", known_from=known_from, today=today, period_from=date(2016, 1, 1)
    )


async def test_a_revision_is_a_row_of_its_own_and_a_point_is_missing(rest, server):
    assert await ask(rest) == [
        ObservationRow(date(2026, 9, 1), 324.0, date(2026, 10, 14)),
        ObservationRow(date(2026, 9, 1), 324.3, date(2026, 11, 13)),
        ObservationRow(date(2026, 10, 1), 325.1, date(2026, 11, 13)),
    ]
    (asked,) = server.asked(PATH)
    assert (asked.value("realtime_start"), asked.value("realtime_end")) == (
        "2026-01-01",
        "9999-12-31",
    )
    assert asked.value("file_type") == "json"


async def test_what_was_valid_at_the_beginning_is_dated_there_never_earlier(rest):
    found = await ask(rest, known_from=date(2026, 10, 20))
    assert found[0] == ObservationRow(date(2026, 9, 1), 324.0, date(2026, 10, 20))


async def test_ten_years_are_asked_in_spans_that_fred_allows(rest, server):
    days = [date(2016, 1, 4) + timedelta(days=n) for n in range(3900)]
    server.values["CPIAUCSL"] = [(one, one + timedelta(days=1), str(one.day)) for one in days]
    found = await ask(rest, known_from=date(2016, 1, 1))
    assert [row.period for row in found] == days
    assert all(row.vintage == row.period + timedelta(days=1) for row in found)
    spans = [(a.value("realtime_start"), a.value("realtime_end")) for a in server.asked(PATH)]
    assert spans == [
        ("2016-01-01", "2020-12-04"),
        ("2020-12-05", "2025-11-08"),
        ("2025-11-09", "9999-12-31"),
    ]


async def test_pages_are_put_together(rest, server):
    server.page = 2
    assert len(await ask(rest)) == 3
    assert [a.value("offset") for a in server.asked(PATH)] == ["0", "2"]


async def test_a_series_says_what_it_is_and_when_it_was_published(rest):
    found = await rest.series("CPIAUCSL")
    assert (found.title, found.unit, found.frequency) == ("Consumer Price Index", "Index", "Daily")
    assert found.updated_at == datetime(2026, 11, 13, 13, 36, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-20 15:16:09-06", datetime(2026, 11, 20, 21, 16, 9, tzinfo=UTC)),
        ("2026-11-20 15:16:09+05:30", datetime(2026, 11, 20, 9, 46, 9, tzinfo=UTC)),
        ("2026-11-20 15:16:09", None),
        ("2026-13-20 15:16:09-06", None),
        ("", None),
    ],
)
async def test_a_time_without_a_zone_is_no_moment(text, wanted):
    assert stamp_of(text) == wanted


async def test_a_value_that_returns_is_a_revision_twice():
    one = date(2026, 1, 1)
    rows = [
        ObservationRow(one, value, date(2026, 2, day))
        for value, day in ((1.0, 1), (2.0, 2), (2.0, 3), (1.0, 4))
    ]
    assert vintages_of(rows[::-1]) == [rows[0], rows[1], rows[3]]


async def test_a_wrong_key_and_an_unknown_series_are_told_apart(rest, server):
    with pytest.raises(Refused, match="The series does not exist"):
        await rest.series("NOSUCH")
    wrong = FredRest(server.rest_url, "f" * 32)
    with pytest.raises(Refused, match="api_key is not registered"):
        await wrong.series("CPIAUCSL")
    await wrong.aclose()


@pytest.mark.parametrize("how", ["refused", "echoed", "reset", "html", "429", "403", "silence"])
async def test_the_key_is_in_no_error_and_no_log(server, caplog, how):
    caplog.set_level(logging.DEBUG, logger="mystic")
    rest = FredRest(server.rest_url, KEY)
    rest._client.total_s = 0.5 if how == "silence" else 10
    body = f'{{"error_code":400,"error_message":"Bad {KEY} here"}}'.encode()
    match how:
        case "refused":
            server.fail("/fred/series", status=400, body=b'{"error_message": "Bad Request."}')
        case "echoed":
            server.fail("/fred/series", status=400, body=body)
        case "html":
            server.fail("/fred/series", body=b"<html>")
        case "429" | "403":
            server.fail("/fred/series", status=int(how))
        case _:
            server.fail("/fred/series", kind=how)
    with pytest.raises(Exception, match="fred") as caught:
        await rest.series("CPIAUCSL")
    await rest.aclose()
    fault, told = caught.value, []
    while fault is not None:
        told.append(f"{fault!r} {fault}")
        fault = fault.__cause__
    assert KEY not in " ".join(told) + caplog.text


@pytest.mark.parametrize("status", [423, 429])
async def test_too_many_requests_are_waited_out(rest, server, status):
    server.fail("/fred/series", status=status)
    with pytest.raises(RateLimited) as caught:
        await rest.series("CPIAUCSL")
    assert caught.value.retry_after_s == 20
    with pytest.raises(RateLimited, match="asked to be silent"):
        await rest.series("CPIAUCSL")
    assert len(server.asked("/fred/series")) == 1


async def test_a_block_is_final(rest, server):
    server.fail("/fred/series", status=403)
    with pytest.raises(Blocked):
        await rest.series("CPIAUCSL")
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["", "1e999", "nan", "four"])
async def test_a_value_that_is_no_number_condemns_the_answer(rest, server, value):
    server.values["CPIAUCSL"].append((date(2026, 7, 1), date(2026, 8, 1), value))
    with pytest.raises(Malformed, match="2026-07-01"):
        await ask(rest)
