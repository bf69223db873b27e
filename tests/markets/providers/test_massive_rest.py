"""Massive's REST from documented payloads: bars, prices, references, chains, refusals, the key."""

import json
import logging
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import pytest_asyncio

from markets.providers.base import Status
from markets.providers.keyed import PlanLacks
from markets.providers.massive.rest import SNAPSHOTS, MassiveRest, client_of
from markets.providers.rows import OptionKind
from markets.providers.table import PROVIDERS, off_reason
from mystic.lib.http import Malformed, RateLimited, Refused
from mystic.lib.ratelimit import WeightBudget
from tests.servers_massive import KEY, NOT_ENTITLED, MassiveServer, bar, contract

pytestmark = pytest.mark.asyncio
NOW = 1_795_188_600  # 2026-11-20 15:30:00 UTC
MS = NOW * 1000


@pytest_asyncio.fixture
async def server():
    async with MassiveServer() as it:
        yield it


def make(server, *, key=KEY, calls=6000):
    client = client_of(server.rest_url, key, backoff_base_s=0.01)
    return MassiveRest(client, calls_per_minute=calls, wall_ms=lambda: MS)


@pytest_asyncio.fixture
async def rest(server):
    it = make(server)
    yield it
    await it.aclose()


async def test_bars_come_oldest_first_raw_and_the_running_one_is_dropped(rest, server):
    starts = [MS - 240_000, MS - 120_000, MS - 60_000, MS]
    server.bars["AAPL", "1", "minute"] = [bar(start) for start in starts]
    server.time_ms = MS + 2_000
    rows = await rest.klines("AAPL", 60)
    assert [row.open_time * 1000 for row in rows] == starts[:3]
    row = rows[0]
    assert (row.open, row.high, row.low, row.close) == (130.4, 133.4, 129.9, 130.1)
    assert (row.volume, row.trades) == (70790.0, 5)
    (asked,) = server.requests
    assert (asked.value("adjusted"), asked.value("sort")) == ("false", "desc")
    assert not rest.is_delayed


async def test_bars_that_are_late_are_closed_fifteen_minutes_later(rest, server):
    server.status = "DELAYED"
    server.time_ms = MS + 2_000
    server.bars["AAPL", "1", "minute"] = [bar(MS - i * 60_000) for i in range(1, 30)]
    rows = await rest.klines("AAPL", 60, NOW - 1800, NOW)
    assert rows[-1].open_time == NOW - 16 * 60
    assert rest.is_delayed
    assert "15 minutes" in rest.detail


async def test_a_range_is_half_open_and_a_limit_counts_base_bars(rest, server):
    server.bars["AAPL", "5", "minute"] = [bar(MS - i * 300_000) for i in range(1, 400)]
    server.time_ms = MS + 2_000
    start = NOW - 300 * 300
    rows = await rest.klines("AAPL", 300, start, NOW, limit=100)
    assert [row.open_time for row in rows] == [start + i * 300 for i in range(100)]
    assert server.requests[0].value("limit") == "500"
    rows = await rest.klines("AAPL", 300, start, start + 600)
    assert [row.open_time for row in rows] == [start, start + 300]
    newest = await rest.klines("AAPL", 300, None, NOW, limit=3)
    assert [row.open_time for row in newest] == [NOW - 900, NOW - 600, NOW - 300]
    assert len(server.requests) == 3


async def test_a_short_page_is_continued_because_a_hole_counts_as_absent(rest, server):
    path = f"/v2/aggs/ticker/AAPL/range/1/minute/{MS - 300_000}/{MS - 1}"
    more = f"{server.rest_url}{path}?cursor=more&limit=10&sort=asc"
    first = {"status": "OK", "results": [bar(MS - 300_000)], "next_url": more}
    headers = {"Date": "Fri, 20 Nov 2026 15:30:00 GMT"}
    server.fail(path, body=json.dumps(first).encode(), headers=headers, times=1)
    server.bars["AAPL", "1", "minute"] = [bar(MS - 240_000), bar(MS - 180_000)]
    rows = await rest.klines("AAPL", 60, NOW - 300, NOW)
    assert [row.open_time for row in rows] == [NOW - 300, NOW - 240, NOW - 180]
    assert [r.query.get("cursor") for r in server.requests] == [None, ["more"]]


async def test_no_results_is_no_bar(rest):
    assert await rest.klines("AAPL", 60, NOW - 600, NOW) == []


@pytest.mark.parametrize(("month", "hour"), [(7, 4), (11, 5)])
async def test_a_day_is_keyed_by_its_date_whatever_new_yorks_offset(rest, server, month, hour):
    begin = int(datetime(2026, month, 10, hour, tzinfo=UTC).timestamp())
    server.bars["AAPL", "1", "day"] = [bar(begin * 1000)]
    (row,) = await rest.klines("AAPL", 86400, begin - 86400 * 2, begin + 86400)
    assert datetime.fromtimestamp(row.open_time, tz=UTC) == datetime(2026, month, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "bad",
    [
        bar(MS - 61_000),
        bar(MS - 120_000) | {"h": 1},
        bar(MS - 120_000) | {"l": -1},
        bar(MS - 120_000) | {"v": -1},
        bar(-60_000),
        bar(10**17),
        bar(MS - 120_000) | {"o": "nan"},
        bar(MS - 120_000) | {"n": -5},
    ],
)
async def test_an_impossible_bar_condemns_the_answer(rest, server, bad):
    # Seen by a clock far ahead, so that every bar counts as closed.
    body = json.dumps({"status": "OK", "results": [bad]}).encode()
    path = f"/v2/aggs/ticker/AAPL/range/1/minute/{(NOW - 600) * 1000}/{MS - 1}"
    server.fail(path, body=body, headers={"Date": "Fri, 20 Nov 2099 15:31:00 GMT"})
    if bad["t"] > MS:
        assert await rest.klines("AAPL", 60, NOW - 600, NOW) == []  # far in the future
        return
    with pytest.raises(Malformed):
        await rest.klines("AAPL", 60, NOW - 600, NOW)


async def test_no_other_text_than_a_ticker_reaches_an_address(rest, server):
    for name in ("AAPL/../x", "aapl", "", "O:AAPL", "AAPL?x=1"):
        for ask in (
            rest.klines(name, 60),
            rest.tickers([name]),
            rest.exchange_info([name]),
            rest.option_chain(name),
            rest.option_expiries(name),
            rest.news([name]),
        ):
            with pytest.raises(Refused, match="no ticker"):
                await ask
    assert server.requests == []


async def test_a_timeframe_it_is_not_asked_for(rest, server):
    with pytest.raises(Refused, match="14400 s"):
        await rest.klines("AAPL", 14400)
    assert server.requests == []


def listed(ticker, name, **more):
    told = {"ticker": ticker, "name": name, "market": "stocks", "active": True}
    return told | {"currency_name": "usd"} | more


async def test_references_have_names_and_are_found_by_them(rest, server):
    server.listed = {
        "AAPL": listed("AAPL", "Apple Inc."),
        "APLE": listed("APLE", "Apple Hospitality REIT", active=False),
        "X:BTCUSD": listed("X:BTCUSD", "Apple coin", market="crypto"),
    }
    specs = await rest.exchange_info(["AAPL", "APLE", "NOPE"])
    assert [(s.symbol, s.name, s.status) for s in specs] == [
        ("AAPL/USD", "Apple Inc.", Status.TRADING),
        ("APLE/USD", "Apple Hospitality REIT", Status.DELISTED),
    ]
    assert Decimal(specs[0].tick).scaleb(-specs[0].price_scale) == Decimal("0.01")
    assert Decimal(specs[0].step).scaleb(-specs[0].base_scale) == 1
    server.requests.clear()
    assert [spec.base for spec in await rest.search("apple")] == ["AAPL", "APLE"]
    assert len(server.requests) == 1
    server.page = 2
    assert [spec.base for spec in await rest.exchange_info([])] == ["AAPL", "APLE"]
    assert len(server.requests) == 3


def snapshot(ticker, **more):
    trade = {"p": 120.47, "s": 236, "t": 1_795_188_599_900_000_001, "x": 10, "i": "4046"}
    quote = {"P": 120.48, "S": 8, "p": 120.46, "s": 4, "t": 1_795_188_598_100_000_000}
    return {"ticker": ticker, "lastTrade": trade, "lastQuote": quote, **more}


async def test_prices_of_many_stocks_come_in_one_request(rest, server):
    minute = {"t": MS - 60_000, "c": 20.5, "o": 20, "h": 21, "l": 19, "v": 5}
    cleared = {"t": 0, "c": 0, "o": 0, "h": 0, "l": 0, "v": 0}
    server.snapshots = {
        "AAPL": snapshot("AAPL"),
        "LATE": {"ticker": "LATE", "min": minute},
        "NULL": {"ticker": "NULL", "min": cleared, "lastTrade": None},
    }
    rows = await rest.tickers(["AAPL", "LATE", "NULL", "NOPE"])
    assert [row.native_id for row in rows] == ["AAPL", "LATE"]
    first, late = rows
    assert (first.last, first.bid, first.ask) == (120.47, 120.46, 120.48)
    assert first.as_of_ms == MS - 1900  # the older of trade and quote
    assert (late.last, late.bid, late.as_of_ms) == (20.5, None, MS)
    assert len(server.requests) == 1


async def test_a_chain_is_read_page_by_page(rest, server):
    server.page = 2
    server.chain = [
        contract(230, "2027-01-15"),
        contract(232.5, "2027-01-15", "put", greeks={}, last_quote=None, last_trade=None),
        contract(235, "2027-01-15"),
        contract(230, "2027-02-19"),
    ]
    rows = await rest.option_chain("AAPL", date(2027, 1, 15))
    assert [row.contract for row in rows] == [
        "AAPL270115C00230000",
        "AAPL270115P00232500",
        "AAPL270115C00235000",
    ]
    call, put = rows[:2]
    assert (call.kind, call.strike, call.expiry) == (OptionKind.CALL, 230.0, date(2027, 1, 15))
    assert (call.bid, call.ask, call.last, call.volume) == (9.1, 9.3, 9.2, 512)
    assert (call.open_interest, call.implied_volatility) == (8133, 0.31)
    assert (call.delta, call.gamma, call.theta, call.vega) == (0.52, 0.011, -0.08, 0.41)
    assert (call.rho, call.underlying_price, call.as_of_ms) == (None, 231.4, MS - 500)
    assert not call.is_delayed
    assert (put.kind, put.delta, put.bid, put.last) == (OptionKind.PUT, None, None, None)
    assert put.is_delayed  # nothing says that it is real time
    assert len(server.requests) == 2
    assert all("apikey" not in str(request.query).lower() for request in server.requests)
    assert len(await rest.option_chain("AAPL", limit=1)) == 1


@pytest.mark.parametrize(
    "base", ["https://evil.example", "http://127.0.0.1:1", "//evil.example", "::", "", "file://"]
)
async def test_the_next_page_stays_on_the_same_host(rest, server, base):
    server.page = 1
    server.chain = [contract(230, "2027-01-15"), contract(235, "2027-01-15")]
    body = {"status": "OK", "results": server.chain[:1], "next_url": f"{base}/v3/x?cursor=1"}
    server.fail("/v3/snapshot/options/AAPL", body=json.dumps(body).encode())
    with pytest.raises(Malformed, match="another host"):
        await rest.option_chain("AAPL")
    assert len(server.requests) == 1


async def test_expiries_are_read_from_every_page(rest, server):
    server.page = 2
    days = ["2027-01-15", "2027-01-15", "2027-02-19"]
    server.contracts = [{"ticker": "O:x", "expiration_date": day} for day in days]
    assert await rest.option_expiries("AAPL") == [date(2027, 1, 15), date(2027, 2, 19)]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"ticker": "O:AAPL270115C00235000"},
        {"expiration_date": "2027-01-16"},
        {"contract_type": "put"},
        {"contract_type": "other"},
        {"ticker": "AAPL"},
        {"expiration_date": "soon"},
    ],
)
async def test_a_contract_whose_name_and_details_differ_condemns_the_chain(rest, server, changed):
    wrong = contract(230, "2027-01-15")
    wrong["details"] |= changed
    body = json.dumps({"status": "OK", "results": [wrong]}).encode()
    server.fail("/v3/snapshot/options/AAPL", body=body)
    with pytest.raises(Malformed):
        await rest.option_chain("AAPL")


async def test_news_is_asked_once_for_each_name_and_told_once(rest, server):
    article = {"id": "8ec6", "title": "Markets", "article_url": "https://e.x/2"}
    article |= {"published_utc": "2026-11-20T15:00:00Z", "description": "The rally"}
    server.news = [article]
    (row,) = await rest.news(["AAPL", "MSFT"])
    assert (row.guid, row.title, row.summary) == ("massive:8ec6", "Markets", "The rally")
    assert row.published_ms == MS - 1_800_000
    assert len(server.requests) == 2


async def test_the_clock(rest):
    assert await rest.server_time() == MS


async def test_what_the_plan_lacks_is_final_and_says_so(rest, server):
    server.fail(SNAPSHOTS, status=403, body=json.dumps(NOT_ENTITLED).encode())
    with pytest.raises(PlanLacks, match="not entitled to this data") as fault:
        await rest.tickers(["AAPL"])
    assert fault.value.permanent
    assert len(server.requests) == 1


async def test_429_without_a_hint_waits_for_the_next_minute(server):
    client = client_of(server.rest_url, KEY)
    budget = WeightBudget(100, wall_ms=lambda: MS + 20_000)
    rest = MassiveRest(client, budget=budget)
    server.fail("/v1/marketstatus/now", status=429, times=1)
    try:
        with pytest.raises(RateLimited):
            await rest.server_time()
        with pytest.raises(RateLimited):
            await rest.klines("AAPL", 60)
    finally:
        await rest.aclose()
    assert len(server.requests) == 1
    left_ms = budget.blocked_until_ms - (MS + 20_000)
    assert 1_000 <= left_ms <= 61_000 * 1.1 + 1


async def test_the_free_plan_waits_and_is_marked_late(server):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)
        raise TimeoutError

    client = client_of(server.rest_url, KEY)
    budget = WeightBudget(5, wall_ms=lambda: MS, sleep=sleep)
    rest = MassiveRest(client, calls_per_minute=5, budget=budget)
    assert rest.is_delayed
    try:
        for _ in range(4):
            await rest.server_time()
        with pytest.raises(TimeoutError):
            await rest.server_time()
    finally:
        await rest.aclose()
    assert len(server.requests) == 4
    assert slept == [60.0]


async def test_a_wrong_key_is_named_and_no_key_is_ever_shown(server, caplog):
    caplog.set_level(logging.DEBUG)
    rest = make(server, key="WRONG-canary-key")
    server.fail(SNAPSHOTS, status=400, body=b'{"error":"bad WRONG-canary-key"}', times=1)
    faults = []
    try:
        for ask in (rest.tickers(["AAPL"]), rest.server_time()):
            with pytest.raises(Refused) as fault:
                await ask
            faults.append(fault.value)
    finally:
        await rest.aclose()
    assert "check MASSIVE_API_KEY" in str(faults[1])
    assert "Unknown API Key" in str(faults[1])
    shown = caplog.text + "".join(repr(one) + str(one) + repr(one.__dict__) for one in faults)
    shown += "".join(request.path + repr(request.query) for request in server.requests)
    assert "canary" not in shown.lower()


async def test_it_is_made_from_the_settings_and_off_without_a_key(server):
    env = {
        "MASSIVE_BASE_URL": "https://api.massive.com",
        "MASSIVE_API_KEY": "",
        "MASSIVE_CALLS_PER_MINUTE": 5,
        "BINANCE_REST_URL": "https://data-api.binance.vision",
        "BINANCE_WS_URL": "wss://data-stream.binance.vision",
    }
    assert off_reason(PROVIDERS["massive"], env) == "MASSIVE_API_KEY is not set"
    env["MASSIVE_API_KEY"] = "k"
    assert off_reason(PROVIDERS["massive"], env) == ""
    rest = MassiveRest.from_settings(env)
    assert (rest.source, rest.is_official, rest.is_delayed) == ("massive", True, True)
    await rest.aclose()
    rest = MassiveRest.from_settings(env | {"MASSIVE_BASE_URL": server.rest_url})
    assert (rest.source, rest.is_official) == ("replay:massive", False)
    await rest.aclose()
