"""Alpaca's REST from documented payloads: bars, prices, assets, chains, refusals, the key."""

import asyncio
import json
import logging
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import pytest_asyncio

from markets.providers.alpaca.rest import AlpacaRest, client_of
from markets.providers.base import Status
from markets.providers.keyed import PlanLacks
from markets.providers.rows import OptionKind
from markets.providers.table import PROVIDERS, code_of, off_reason
from mystic.lib.http import Malformed, RateLimited, Refused
from tests.servers_alpaca import KEY, SECRET, AlpacaServer, bar

pytestmark = pytest.mark.asyncio
NOW = 1_795_188_600  # 2026-11-20 15:30:00 UTC


@pytest_asyncio.fixture
async def server():
    async with AlpacaServer() as it:
        yield it


def make(server, *, key=KEY, secret=SECRET, feed="iex", wall_s=NOW):
    clients = [client_of(server.rest_url, key, secret, backoff_base_s=0.01) for _ in range(2)]
    return AlpacaRest(*clients, feed=feed, wall_ms=lambda: wall_s * 1000)


@pytest_asyncio.fixture
async def rest(server):
    it = make(server)
    yield it
    await it.aclose()


async def test_bars_come_oldest_first_raw_and_the_running_one_is_dropped(rest, server):
    starts = [NOW - 240, NOW - 120, NOW - 60, NOW]  # one minute had no trade on the feed
    server.bars["AAPL"] = [bar(start) for start in starts]
    server.time_ms = NOW * 1000 + 2_000
    rows = await rest.klines("AAPL", 60)
    assert [row.open_time for row in rows] == starts[:3]
    row = rows[0]
    assert (row.open, row.high, row.low, row.close) == (231.0, 231.5, 230.9, 231.4)
    assert (row.volume, row.trades) == (1200.0, 40)
    asked = server.asked("/v2/stocks/bars")
    assert len(server.requests) == len(asked) == 1
    assert asked[0].value("adjustment") == "raw"
    assert asked[0].value("feed") == "iex"
    assert asked[0].value("sort") == "desc"


async def test_a_bar_that_ended_while_we_asked_is_not_taken_for_whole(rest, server):
    server.bars["AAPL"] = [bar(NOW - 60)]
    server.time_ms = NOW * 1000  # the very end of the bar: its last trade may be missing
    assert await rest.klines("AAPL", 60) == []


async def test_a_range_is_half_open_and_a_page_is_one_request(rest, server):
    server.bars["AAPL"] = [bar(NOW - i * 60) for i in range(1, 400)]
    start = NOW - 300 * 60
    rows = await rest.klines("AAPL", 60, start, NOW, limit=100)
    assert [row.open_time for row in rows] == [start + i * 60 for i in range(100)]
    rows = await rest.klines("AAPL", 60, start, start + 120)
    assert [row.open_time for row in rows] == [start, start + 60]
    assert len(server.requests) == 2
    assert await rest.klines("AAPL", 60, NOW + 600, NOW + 900) == []
    assert len(server.requests) == 2


async def test_a_short_page_is_continued_because_a_hole_counts_as_absent(rest, server):
    first = {"bars": {"AAPL": [bar(NOW - 300)]}, "next_page_token": "more"}
    server.fail(
        "/v2/stocks/bars",
        body=json.dumps(first).encode(),
        headers={"Date": "Fri, 20 Nov 2026 15:30:00 GMT"},
        times=1,
    )
    server.bars["AAPL"] = [bar(NOW - 240), bar(NOW - 180)]
    rows = await rest.klines("AAPL", 60, NOW - 300, NOW)
    assert [row.open_time for row in rows] == [NOW - 300, NOW - 240, NOW - 180]
    assert [r.query.get("page_token") for r in server.requests] == [None, ["more"]]


@pytest.mark.parametrize(("month", "hour"), [(7, 4), (11, 5)])
async def test_a_day_is_keyed_by_its_date_whatever_new_yorks_offset(rest, server, month, hour):
    begin = int(datetime(2026, month, 10, hour, tzinfo=UTC).timestamp())
    server.bars["AAPL"] = [bar(begin)]
    (row,) = await rest.klines("AAPL", 86400, begin - 86400 * 2, begin + 86400)
    assert datetime.fromtimestamp(row.open_time, tz=UTC) == datetime(2026, month, 10, tzinfo=UTC)


async def test_a_feed_that_is_late_gives_what_is_fifteen_minutes_old(server):
    rest = make(server, feed="delayed_sip")
    try:
        server.time_ms = NOW * 1000 + 2000
        server.bars["AAPL"] = [bar(NOW - i * 60) for i in range(1, 30)]
        rows = await rest.klines("AAPL", 60, NOW - 1800, NOW)
        assert rows[-1].open_time == NOW - 17 * 60
        asked = server.asked("/v2/stocks/bars")[0]
        assert asked.value("feed") == "sip"
        assert asked.value("end") == "2026-11-20T15:13:59Z"
        assert rest.is_delayed
        assert "15 minutes late" in rest.detail
    finally:
        await rest.aclose()


@pytest.mark.parametrize(
    "bad",
    [
        bar(NOW - 61),
        bar(NOW - 120) | {"h": 1},
        bar(NOW - 120) | {"l": -1},
        bar(NOW - 120) | {"v": -1},
        bar(NOW - 120) | {"t": "yesterday"},
        bar(NOW - 120) | {"t": "2026-11-20T15:28:00"},
        bar(NOW - 120) | {"o": "nan"},
        bar(NOW - 120) | {"c": None},
    ],
)
async def test_an_impossible_bar_condemns_the_answer(rest, server, bad):
    body = json.dumps({"bars": {"AAPL": [bad]}, "next_page_token": None}).encode()
    date_header = {"Date": "Fri, 20 Nov 2026 15:31:00 GMT"}
    server.fail("/v2/stocks/bars", body=body, headers=date_header)
    with pytest.raises(Malformed):
        await rest.klines("AAPL", 60)


async def test_doubled_bars_condemn_the_answer(rest, server):
    server.bars["AAPL"] = [bar(NOW - 120), bar(NOW - 120, close=231.2)]
    with pytest.raises(Malformed, match="doubled"):
        await rest.klines("AAPL", 60)


async def test_without_a_date_header_the_clock_is_asked(rest, server):
    server.bars["AAPL"] = [bar(NOW - 120), bar(NOW - 60)]
    body = json.dumps({"bars": {"AAPL": server.bars["AAPL"]}}).encode()
    server.fail("/v2/stocks/bars", body=body)
    rows = await rest.klines("AAPL", 60)
    assert [row.open_time for row in rows] == [NOW - 120]
    assert len(server.asked("/v2/clock")) == 1


@pytest.mark.parametrize("name", ["AAPL/../x", "aapl", "", "A" * 40, "AAPL?x=1", "AAPL\n", "ÄPL"])
async def test_no_other_text_than_a_ticker_reaches_an_address(rest, server, name):
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


async def test_assets_have_names_cents_and_fractions_where_told(rest, server):
    apple = {"symbol": "AAPL", "class": "us_equity", "status": "active", "tradable": True}
    apple |= {"name": "Apple Inc. Common Stock", "fractionable": True, "exchange": "NASDAQ"}
    server.assets = {
        "AAPL": apple,
        "BRK.B": apple | {"symbol": "BRK.B", "name": "Berkshire", "fractionable": False},
        "GONE": apple | {"symbol": "GONE", "status": "inactive", "tradable": False},
        "HALT": apple | {"symbol": "HALT", "tradable": False},
    }
    specs = await rest.exchange_info(["AAPL", "BRK.B", "GONE", "HALT", "NOPE"])
    assert [spec.native_id for spec in specs] == ["AAPL", "BRK.B", "GONE", "HALT"]
    states = [Status.TRADING, Status.TRADING, Status.DELISTED, Status.HALTED]
    assert [spec.status for spec in specs] == states
    first, second = specs[:2]
    assert (first.symbol, first.name) == ("AAPL/USD", "Apple Inc. Common Stock")
    assert Decimal(first.tick).scaleb(-first.price_scale) == Decimal("0.01")
    assert Decimal(first.step).scaleb(-first.base_scale) == Decimal("0.000000001")
    assert Decimal(second.step).scaleb(-second.base_scale) == 1
    assert len(await rest.exchange_info([])) == 4
    assert rest.native_id("BRK.B/USD") == "BRK.B"
    assert [spec.base for spec in await rest.search("berk")] == ["BRK.B"]
    assert [spec.base for spec in await rest.search("aapl")] == ["AAPL"]
    assert await rest.search(" ") == []


def snapshot(trade_at="2026-11-20T15:29:59.9Z", quote_at="2026-11-20T15:29:58.1Z", bid=231.3):
    return {
        "latestTrade": {"t": trade_at, "x": "V", "p": 231.4, "s": 100},
        "latestQuote": {"t": quote_at, "bp": bid, "ap": 231.5, "bs": 1, "as": 2},
        "dailyBar": bar(NOW - 36_000),
    }


async def test_prices_of_many_stocks_come_in_one_request(rest, server):
    server.snapshots = {
        "AAPL": snapshot(),
        "MSFT": snapshot(bid=0),
        "QUIET": {"latestTrade": None, "latestQuote": None},
    }
    rows = await rest.tickers(["AAPL", "MSFT", "QUIET", "NOPE"])
    assert [row.native_id for row in rows] == ["AAPL", "MSFT"]
    assert (rows[0].last, rows[0].bid, rows[0].ask) == (231.4, 231.3, 231.5)
    assert rows[1].bid is None
    # The age shown is that of the older of trade and quote.
    assert rows[0].as_of_ms == (NOW - 2) * 1000 + 100
    assert rows[0].open_24h is None
    assert len(server.requests) == 1


def option(bid=9.1, **more):
    return {
        "latestQuote": {"t": "2026-11-20T15:29:00.5Z", "bp": bid, "ap": 9.3, "bs": 5, "as": 7},
        "latestTrade": {"t": "2026-11-20T15:20:00Z", "p": 9.2, "s": 1},
        "greeks": {"delta": 0.52, "gamma": 0.011, "theta": -0.08, "vega": 0.41, "rho": 0.2},
        "impliedVolatility": 0.31,
        **more,
    }


async def test_a_chain_is_read_page_by_page_with_open_interest_from_elsewhere(rest, server):
    server.chain_page = 2
    server.contract_page = 1
    server.chain = {
        "AAPL270115C00230000": option(),
        "AAPL270115P00230000": {"latestQuote": option()["latestQuote"]},
        "AAPL270115C00900000": {},
        "AAPL270219C00230000": option(),
    }
    kinds = [("AAPL270115C00230000", "call", "8133"), ("AAPL270115P00230000", "put", "17")]
    server.contracts = [
        {"symbol": s, "expiration_date": "2027-01-15", "type": k, "open_interest": n}
        for s, k, n in kinds
    ] + [{"symbol": "AAPL270219C00230000", "expiration_date": "2027-02-19", "type": "call"}]
    rows = await rest.option_chain("AAPL", date(2027, 1, 15))
    assert [row.contract for row in rows] == ["AAPL270115C00230000", "AAPL270115P00230000"]
    call, put = rows
    assert (call.kind, call.strike, call.expiry) == (OptionKind.CALL, 230.0, date(2027, 1, 15))
    assert (call.bid, call.ask, call.last, call.open_interest) == (9.1, 9.3, 9.2, 8133)
    assert (call.implied_volatility, call.delta, call.gamma) == (0.31, 0.52, 0.011)
    assert (call.theta, call.vega, call.rho, call.volume) == (-0.08, 0.41, 0.2, None)
    assert call.as_of_ms == (NOW - 60) * 1000 + 500
    assert call.is_delayed  # the indicative feed
    assert (put.kind, put.delta, put.last, put.open_interest) == (OptionKind.PUT, None, None, 17)
    assert len(server.asked("/v1beta1/options/snapshots/AAPL")) == 2
    assert len(await rest.option_chain("AAPL", limit=1)) == 1
    assert await rest.option_expiries("AAPL") == [date(2027, 1, 15), date(2027, 2, 19)]


async def test_a_chain_without_open_interest_is_still_a_chain(rest, server):
    server.chain = {"AAPL270115C00230000": option()}
    server.fail("/v2/options/contracts", status=403)
    (row,) = await rest.option_chain("AAPL")
    assert (row.bid, row.open_interest) == (9.1, None)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("AAPL", option()),
        ("AAPL271315C00230000", option()),
        ("AAPL270115C00230000", option(bid=-1)),
        ("AAPL270115C00230000", option(impliedVolatility="nan")),
        ("AAPL270115C00230000", option(greeks={"delta": "inf"})),
    ],
)
async def test_an_impossible_contract_condemns_the_chain(rest, server, name, told):
    body = json.dumps({"snapshots": {name: told}, "next_page_token": None}).encode()
    server.fail("/v1beta1/options/snapshots/AAPL", body=body)
    with pytest.raises(Malformed):
        await rest.option_chain("AAPL")


async def test_the_volume_of_another_day_is_not_todays(rest, server):
    today, before = bar(NOW - 3600) | {"v": 42}, bar(NOW - 3 * 86400) | {"v": 99}
    server.chain = {
        "AAPL270115C00230000": option(dailyBar=today),
        "AAPL270115P00230000": option(dailyBar=before),
    }
    assert [row.volume for row in await rest.option_chain("AAPL")] == [42, None]


async def test_news(rest, server):
    article = {"id": 24843171, "headline": "Apple Leader", "summary": "A chip", "author": "C"}
    article |= {"created_at": "2026-11-20T15:00:00Z", "symbols": ["AAPL"], "url": "https://e.x/1"}
    server.news = [article]
    (row,) = await rest.news(["AAPL"])
    assert (row.guid, row.title, row.link) == ("alpaca:24843171", "Apple Leader", "https://e.x/1")
    assert row.published_ms == (NOW - 1800) * 1000


async def test_the_clock(rest):
    assert await rest.server_time() == NOW * 1000


async def test_what_the_plan_lacks_is_final_and_says_so(rest, server):
    told = b'{"message":"subscription does not permit querying recent SIP data"}'
    server.fail("/v2/stocks/bars", status=403, body=told)
    with pytest.raises(PlanLacks, match="does not permit querying recent SIP data") as fault:
        await rest.klines("AAPL", 60)
    assert fault.value.permanent
    assert len(server.requests) == 1


async def test_429_is_obeyed_until_the_reset_that_it_names(rest, server):
    headers = {"X-RateLimit-Reset": str(NOW + 42), "Date": "Fri, 20 Nov 2026 15:30:00 GMT"}
    server.fail("/v2/clock", status=429, headers=headers, times=1)
    with pytest.raises(RateLimited) as fault:
        await rest.server_time()
    assert fault.value.retry_after_s == 42.0
    with pytest.raises(RateLimited):
        await rest.tickers(["AAPL"])
    assert len(server.requests) == 1


async def test_a_wrong_key_is_named_and_no_key_is_ever_shown(server, caplog):
    caplog.set_level(logging.DEBUG)
    rest = make(server, key="WRONGCANARYKEY", secret="wrong-canary-secret")
    server.fail(
        "/v2/stocks/snapshots",
        status=422,
        body=b'{"message":"bad WRONGCANARYKEY and wrong-canary-secret"}',
        times=1,
    )
    faults = []
    try:
        for ask in (rest.tickers(["AAPL"]), rest.server_time(), rest.tickers(["AAPL"])):
            with pytest.raises(Refused) as fault:
                await ask
            faults.append(fault.value)
        server.fail("/v2/clock", kind="reset")
        with pytest.raises(Exception, match="127") as fault:
            await rest.server_time()
        faults.append(fault.value)
    finally:
        await rest.aclose()
    assert "check ALPACA_API_KEY and ALPACA_API_SECRET" in str(faults[1])
    shown = caplog.text + "".join(repr(one) + str(one) + repr(one.__dict__) for one in faults)
    shown += "".join(request.path + repr(request.query) for request in server.requests)
    assert "canary" not in shown.lower()


async def test_it_is_made_from_the_settings_and_off_without_a_key(server):
    env = {
        "ALPACA_DATA_URL": "https://data.alpaca.markets",
        "ALPACA_API_URL": "https://paper-api.alpaca.markets",
        "ALPACA_API_KEY": "k",
        "ALPACA_API_SECRET": "",
        "ALPACA_FEED": "iex",
        "BINANCE_REST_URL": "https://data-api.binance.vision",
        "BINANCE_WS_URL": "wss://data-stream.binance.vision",
    }
    assert off_reason(PROVIDERS["alpaca"], env) == "ALPACA_API_SECRET is not set"
    env["ALPACA_API_SECRET"] = "s"
    assert off_reason(PROVIDERS["alpaca"], env) == ""
    rest = AlpacaRest.from_settings(env)
    assert (rest.source, rest.is_official, rest.is_delayed) == ("alpaca", True, False)
    assert "one venue" in rest.detail
    await rest.aclose()
    for name in ("ALPACA_DATA_URL", "ALPACA_API_URL"):
        changed = env | {name: server.rest_url}
        rest = AlpacaRest.from_settings(changed)
        assert (rest.source, rest.is_official) == ("replay:alpaca", False)
        assert code_of(PROVIDERS["alpaca"], changed) == rest.source
        await rest.aclose()


async def test_asking_stops_when_it_is_cancelled(rest, server):
    server.fail("/v2/clock", kind="silence")
    task = asyncio.create_task(rest.server_time())
    await server.until(lambda: server.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
