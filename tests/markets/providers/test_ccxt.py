"""Any exchange through ccxt: its values are ours, its requests go through our client."""

from decimal import Decimal

import pytest
import pytest_asyncio

from markets.providers.base import CandleRow, Status
from markets.providers.ccxt_rest import CcxtRest
from mystic.lib.http import Malformed, RateLimited, Refused
from tests.markets.providers.cases.binance import OPEN_MS
from tests.markets.providers.cases.ccxt import healthy
from tests.markets.providers.conformance import quick_client

pytestmark = pytest.mark.asyncio
OPEN = OPEN_MS // 1000


@pytest_asyncio.fixture
async def venue():
    async with healthy() as server:
        yield server


@pytest_asyncio.fixture
async def rest(venue):
    it = CcxtRest("binance", venue.rest_url, client=quick_client("", 10.0))
    yield it
    await it.aclose()


async def test_bars_are_closed_by_the_exchanges_clock_and_inside_the_range(rest, venue):
    rows = await rest.klines("BTC/USDT", 60)
    assert [row.open_time for row in rows] == [OPEN + i * 60 for i in range(9)]
    assert rows[0] == CandleRow(OPEN, 100.1, 100.5, 100.0, 100.4, 1.5, trades=-1)
    rows = await rest.klines("BTC/USDT", 60, OPEN + 120, OPEN + 300)
    assert [row.open_time for row in rows] == [OPEN + 120, OPEN + 180, OPEN + 240]
    rows = await rest.klines("BTC/USDT", 60, None, OPEN + 300, limit=2)
    assert [row.open_time for row in rows] == [OPEN + 180, OPEN + 240]
    assert await rest.klines("BTC/USDT", 60, OPEN + 600, OPEN + 900) == []
    with pytest.raises(Refused, match="binance has no bars of 7 s"):
        await rest.klines("BTC/USDT", 7)


async def test_a_bar_off_the_grid_condemns_the_answer(rest, venue):
    venue.rows["BTCUSDT", "1m"][2][0] += 1
    with pytest.raises(Malformed, match="off the grid"):
        await rest.klines("BTC/USDT", 60)


async def test_the_rules_of_a_pair_in_exact_units(rest, venue):
    venue.add_symbol("SHIB", "USDT", tick="0.00000001", step="1.00")
    venue.symbols["SHIBUSDT"]["status"] = "BREAK"
    btc, shib = await rest.exchange_info(["BTC/USDT", "SHIB/USDT", "NOPE/USDT"])
    assert (btc.symbol, btc.native_id, btc.base, btc.quote) == (
        "BTC/USDT",
        "BTC/USDT",
        "BTC",
        "USDT",
    )
    assert Decimal(btc.tick).scaleb(-btc.price_scale) == Decimal("0.01")
    assert Decimal(btc.step).scaleb(-btc.base_scale) == Decimal("0.00001")
    assert Decimal(btc.min_quantity).scaleb(-btc.base_scale) == Decimal("0.00001")
    assert Decimal(btc.min_notional).scaleb(-btc.quote_scale) == 5
    assert btc.status is Status.TRADING
    assert Decimal(shib.tick).scaleb(-shib.price_scale) == Decimal("0.00000001")
    assert Decimal(shib.step).scaleb(-shib.base_scale) == 1
    assert shib.status is Status.HALTED


async def test_the_ticker_and_the_book(rest, venue):
    (ticker,) = await rest.tickers(["BTC/USDT"])
    assert (ticker.native_id, ticker.last) == ("BTC/USDT", 4.0)
    assert (ticker.bid, ticker.ask, ticker.as_of_ms) == (3.9, 4.1, OPEN_MS)
    book = await rest.depth("BTC/USDT")
    assert (book.last_update_id, book.bids, book.asks) == (9, ((1.0, 2.0),), ((1.1, 3.0),))
    venue.books["BTCUSDT"]["asks"] = [["0.9", "3"]]
    with pytest.raises(Malformed, match="crossed"):
        await rest.depth("BTC/USDT")


async def test_what_ccxt_says_becomes_our_errors(rest, venue):
    with pytest.raises(Refused, match="BadSymbol"):
        await rest.depth("NOPE/USDT")
    venue.fail("/api/v3/depth", body=b'{"code":-1003,"msg":"Too many requests"}', times=1)
    with pytest.raises(RateLimited):
        await rest.depth("BTC/USDT")
    count = len(venue.requests)
    with pytest.raises(RateLimited):
        await rest.tickers(["BTC/USDT"])
    assert len(venue.requests) == count


async def test_only_an_exchange_that_ccxt_knows_is_asked():
    env = {"CCXT_EXCHANGE": "nowhere", "CCXT_BASE_URL": ""}
    it = CcxtRest.from_settings(env)
    assert (it.source, it.is_official) == ("ccxt-nowhere", True)
    with pytest.raises(Refused, match="ccxt has no exchange 'nowhere'; set CCXT_EXCHANGE"):
        await it.server_time()
    await it.aclose()


async def test_another_address_is_a_replay_and_every_host_is_moved(rest):
    assert rest.source == "replay:ccxt-binance"
    ex = await rest._exchange()
    assert ex.urls["api"]["public"] == f"{rest._base_url}/api/v3"
    assert all(url.startswith(rest._base_url) for url in _leaves(ex.urls["api"]))


def _leaves(urls):
    if isinstance(urls, dict):
        return [leaf for one in urls.values() for leaf in _leaves(one)]
    return [urls]
