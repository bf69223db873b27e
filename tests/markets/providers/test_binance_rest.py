"""Binance's REST: closed bars only, rules in exact units, weights, the budget of the venue."""

from decimal import Decimal

import pytest
import pytest_asyncio

from markets.providers.base import CandleRow, Status, TradeRow, is_official, source_name
from markets.providers.binance.rest import BinanceRest, budget_default
from mystic.lib.http import Blocked, HttpClient, Malformed, RateLimited, Refused, Unreachable
from mystic.lib.ratelimit import Priority
from tests.servers import HTML, kline_row

pytestmark = pytest.mark.asyncio
MINUTE = 60_000
OPEN = 1_723_161_600_000  # 2024-08-09 00:00 UTC
PRICES = ("100.1", "100.5", "100.0", "100.4")
KLINES = "/api/v3/klines"


@pytest_asyncio.fixture
async def rest(binance):
    client = HttpClient(binance.rest_url, total_s=2.0, backoff_base_s=0.01)
    it = BinanceRest(binance.rest_url, budget_default(), client)
    yield it
    await it.aclose()


@pytest.fixture
def bars(binance):
    """Ten bars, the last of which is still running."""
    rows = [kline_row(OPEN + i * MINUTE, PRICES) for i in range(10)]
    binance.rows["BTCUSDT", "1m"] = rows
    binance.time_ms = OPEN + 9 * MINUTE + 30_000
    return rows


async def test_the_running_bar_is_dropped_by_the_venues_clock(rest, binance, bars):
    rows = await rest.klines("BTCUSDT", 60)
    assert [row.open_time for row in rows] == [OPEN // 1000 + i * 60 for i in range(9)]
    assert rows[0] == CandleRow(OPEN // 1000, 100.1, 100.5, 100.0, 100.4, 1.5, trades=3)
    binance.time_ms = OPEN + 10 * MINUTE - 1
    assert len(await rest.klines("BTCUSDT", 60)) == 9
    binance.time_ms = OPEN + 10 * MINUTE
    assert len(await rest.klines("BTCUSDT", 60)) == 10


async def test_a_range_is_half_open_and_asked_in_milliseconds(rest, binance, bars):
    start, end = OPEN // 1000 + 120, OPEN // 1000 + 300
    rows = await rest.klines("BTCUSDT", 60, start, end, limit=5000)
    assert [row.open_time for row in rows] == [start, start + 60, start + 120]
    asked = binance.asked(KLINES)[0]
    assert asked.value("startTime") == str(start * 1000)
    assert asked.value("endTime") == str(end * 1000 - 1)
    assert asked.value("limit") == "1000"
    assert asked.value("interval") == "1m"


async def test_the_clock_is_asked_only_where_the_range_may_reach_it(rest, binance, bars):
    await rest.server_time()
    past = OPEN // 1000 + 300
    await rest.klines("BTCUSDT", 60, OPEN // 1000, past)
    assert len(binance.asked("/api/v3/time")) == 1
    await rest.klines("BTCUSDT", 60, OPEN // 1000, past + 3600)
    assert len(binance.asked("/api/v3/time")) == 2


async def test_a_replay_that_was_wound_back_is_believed(rest, binance, bars):
    await rest.server_time()
    binance.time_ms = OPEN + 2 * MINUTE
    assert len(await rest.klines("BTCUSDT", 60)) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[3].__setitem__(2, "99.0"),
        lambda rows: rows[3].__setitem__(4, "NaN"),
        lambda rows: rows[3].__setitem__(5, "-1"),
        lambda rows: rows[3].__setitem__(0, rows[3][0] + 1),
        lambda rows: rows[3].__setitem__(0, rows[2][0]),
        lambda rows: rows[3].pop(),
        lambda rows: rows.reverse(),
    ],
    ids=["high", "nan", "volume", "grid", "double", "short", "order"],
)
async def test_one_impossible_bar_condemns_the_answer(rest, binance, bars, spoil):
    spoil(bars)
    with pytest.raises(Malformed):
        await rest.klines("BTCUSDT", 60)


async def test_the_rules_of_a_pair_in_exact_units(rest, binance):
    binance.add_symbol("SHIB", "USDT", tick="0.00000001", step="1.00")
    btc, shib = await rest.exchange_info(["BTCUSDT", "SHIBUSDT"])
    assert (btc.symbol, btc.native_id, btc.base, btc.quote) == (
        "BTC/USDT",
        "BTCUSDT",
        "BTC",
        "USDT",
    )
    assert Decimal(btc.tick).scaleb(-btc.price_scale) == Decimal("0.01")
    assert Decimal(btc.step).scaleb(-btc.base_scale) == Decimal("0.00001")
    assert Decimal(btc.min_quantity).scaleb(-btc.base_scale) == Decimal("0.00001")
    assert Decimal(btc.min_notional).scaleb(-btc.quote_scale) == Decimal(5)
    assert btc.status is Status.TRADING
    assert Decimal(shib.tick).scaleb(-shib.price_scale) == Decimal("0.00000001")
    assert Decimal(shib.step).scaleb(-shib.base_scale) == 1


async def test_an_unknown_pair_does_not_hide_the_others(rest, binance):
    specs = await rest.exchange_info(["BTCUSDT", "NOPEUSDT", "ETHUSDT"])
    assert [spec.native_id for spec in specs] == ["BTCUSDT", "ETHUSDT"]
    assert await rest.exchange_info(["NOPEUSDT"]) == []


@pytest.mark.parametrize("status", ["HALT", "BREAK", "END_OF_DAY", "CANCEL_ONLY", "NEW_WORD"])
async def test_a_status_that_is_not_trading_is_halted(rest, binance, status):
    binance.symbols["BTCUSDT"]["status"] = status
    (spec,) = await rest.exchange_info(["BTCUSDT"])
    assert spec.status is Status.HALTED


async def test_a_rule_that_is_no_number_is_malformed(rest, binance):
    binance.symbols["BTCUSDT"]["filters"][0]["tickSize"] = "small"
    with pytest.raises(Malformed, match="BTCUSDT PRICE_FILTER tickSize is 'small'"):
        await rest.exchange_info(["BTCUSDT"])


async def test_the_book_and_the_ticker(rest, binance):
    binance.books["BTCUSDT"] = {"lastUpdateId": 9, "bids": [["1.0", "2"]], "asks": [["1.1", "3"]]}
    book = await rest.depth("BTCUSDT", 5)
    assert (book.last_update_id, book.bids, book.asks) == (9, ((1.0, 2.0),), ((1.1, 3.0),))
    assert binance.asked("/api/v3/depth")[0].value("limit") == "5"
    numbers = {"lastPrice": "4", "bidPrice": "0", "askPrice": "4.1", "openPrice": "2"}
    numbers |= {"highPrice": "5", "lowPrice": "1", "volume": "7", "quoteVolume": "28"}
    binance.tickers["BTCUSDT"] = {"symbol": "BTCUSDT", **numbers, "closeTime": 11}
    (ticker,) = await rest.tickers(["BTCUSDT"])
    assert (ticker.last, ticker.bid, ticker.ask) == (4.0, None, 4.1)
    assert (ticker.open_24h, ticker.high_24h, ticker.low_24h) == (2.0, 5.0, 1.0)
    assert (ticker.volume_24h, ticker.quote_volume_24h, ticker.as_of_ms) == (7.0, 28.0, 11)


@pytest.mark.parametrize(
    "book",
    [
        {"lastUpdateId": 9, "bids": [["2", "2"]], "asks": [["1.1", "3"]]},
        {"lastUpdateId": 9, "bids": [["1", "-2"]], "asks": []},
        {"lastUpdateId": 9, "bids": [["nan", "2"]], "asks": []},
        {"bids": [], "asks": []},
    ],
)
async def test_a_book_that_cannot_be_is_malformed(rest, binance, book):
    binance.books["BTCUSDT"] = book
    with pytest.raises(Malformed):
        await rest.depth("BTCUSDT")


async def test_every_request_pays_its_documented_weight(rest, binance, bars):
    binance.used_weight = 0
    binance.books["BTCUSDT"] = {"lastUpdateId": 9, "bids": [], "asks": []}
    spent = []
    for ask in (
        rest.server_time,
        lambda: rest.klines("BTCUSDT", 60, OPEN // 1000, OPEN // 1000 + 60),
        lambda: rest.exchange_info(["BTCUSDT"]),
        lambda: rest.depth("BTCUSDT", 100),
        lambda: rest.depth("BTCUSDT", 1000),
        lambda: rest.depth("BTCUSDT", 5000),
        lambda: rest.tickers([]),
    ):
        before = rest.budget.used
        await ask()
        spent.append(rest.budget.used - before)
    assert spent == [1, 2, 20, 5, 50, 250, 2]


async def test_the_used_weight_header_is_read_back(rest, binance):
    binance.used_weight = 1234
    await rest.server_time()
    assert rest.budget.used == 1234


async def test_429_blocks_every_route_until_retry_after(rest, binance, bars):
    binance.fail(KLINES, status=429, headers={"Retry-After": "1"}, times=1)
    with pytest.raises(RateLimited):
        await rest.klines("BTCUSDT", 60, OPEN // 1000, OPEN // 1000 + 60)
    count = len(binance.requests)
    for ask in (rest.server_time(), rest.depth("BTCUSDT"), rest.exchange_info(["BTCUSDT"])):
        with pytest.raises(RateLimited):
            await ask
    assert len(binance.requests) == count
    rest.budget.blocked_until_ms -= 2000
    assert len(await rest.klines("BTCUSDT", 60, OPEN // 1000, OPEN // 1000 + 60)) == 1


@pytest.mark.parametrize(
    ("fault", "error", "tries"),
    [
        ({"status": 418, "headers": {"Retry-After": "120"}}, RateLimited, 1),
        ({"status": 451, "body": b'{"code":0,"msg":"restricted location"}'}, Blocked, 1),
        ({"status": 503}, Unreachable, 3),
        ({"body": HTML}, Malformed, 1),
        ({"body": b"{}"}, Malformed, 1),
        ({"body": b""}, Malformed, 1),
        ({"kind": "cut"}, Unreachable, 3),
        ({"kind": "reset"}, Unreachable, 3),
        ({"status": 400, "body": b'{"code":-1120,"msg":"Invalid interval."}'}, Refused, 1),
    ],
)
async def test_faults_have_their_names_and_their_tries(rest, binance, bars, fault, error, tries):
    binance.fail(KLINES, **fault)
    with pytest.raises(error):
        await rest.klines("BTCUSDT", 60)
    assert len(binance.asked(KLINES)) == tries


async def test_back_fill_gives_way_to_urgent_work(rest, binance, bars):
    rest.budget.used = rest.budget.limit // 2
    waited = []

    async def wait(seconds):
        waited.append(seconds)
        rest.budget.used = 0

    rest.budget._sleep = wait
    await rest.server_time(priority=Priority.LIVE)
    assert waited == []
    await rest.klines("BTCUSDT", 60, 0, 60, priority=Priority.BACKFILL)
    assert len(waited) == 1


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://data-api.binance.vision", "binance"),
        ("https://API.binance.com/", "binance"),
        ("wss://stream.binance.com:9443", "binance"),
        ("http://data-api.binance.vision", "replay:binance"),
        ("https://data-api.binance.vision.evil.example", "replay:binance"),
        ("https://evil.example/data-api.binance.vision", "replay:binance"),
        ("https://data-api.binance.vision@evil.example", "replay:binance"),
        ("https://testnet.binance.vision", "replay:binance"),
        ("http://127.0.0.1:8765", "replay:binance"),
    ],
)
async def test_only_the_official_hosts_are_the_venue(url, name):
    assert source_name("binance", url) == name
    assert is_official("binance", url) is (name == "binance")


async def test_a_timeframe_it_does_not_have(rest, binance):
    with pytest.raises(Refused, match="no bars of 7 s"):
        await rest.klines("BTCUSDT", 7)
    assert binance.requests == []


async def test_past_trades_are_checked_and_in_order(rest, binance):
    told = [
        {"a": 7, "p": "100.5", "q": "0.25", "f": 9, "l": 9, "T": OPEN, "m": True, "M": True},
        {"a": 8, "p": "100.6", "q": "1", "f": 10, "l": 11, "T": OPEN + 5, "m": False, "M": True},
    ]
    binance.agg_trades["BTCUSDT"] = told
    rows = await rest.agg_trades("BTCUSDT", OPEN, OPEN + 1000)
    assert rows == [
        TradeRow(7, 100.5, 0.25, is_sell=True, at_ms=OPEN),
        TradeRow(8, 100.6, 1.0, is_sell=False, at_ms=OPEN + 5),
    ]
    asked = binance.asked("/api/v3/aggTrades")[0]
    assert (asked.value("startTime"), asked.value("endTime")) == (str(OPEN), str(OPEN + 999))
    assert rest.budget.used == 4
    for spoilt in ({"p": "0"}, {"q": "nan"}, {"a": 8}):
        binance.agg_trades["BTCUSDT"] = [{**told[0], **spoilt}, told[1]]
        with pytest.raises(Malformed):
            await rest.agg_trades("BTCUSDT", from_id=7)


async def test_the_settings_name_the_address():
    it = BinanceRest.from_settings({"BINANCE_REST_URL": "https://data-api.binance.vision"})
    assert (it.source, it.is_official) == ("binance", True)
    await it.aclose()


async def test_names_of_symbols(rest):
    assert rest.native_id("BTC/USDT") == "BTCUSDT"
