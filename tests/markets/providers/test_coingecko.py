"""CoinGecko: coins are known or refused, prices are delayed, bodies are stamped by their close."""

import pytest
import pytest_asyncio

from markets.providers.coingecko.rest import CoinGeckoRest, OhlcRow
from mystic.lib.http import Refused
from mystic.lib.ratelimit import WeightBudget
from tests.markets.providers.cases.coingecko import AT, MARKET, healthy
from tests.markets.providers.conformance import quick_client

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def gecko():
    async with healthy() as server:
        yield server


@pytest_asyncio.fixture
async def rest(gecko):
    budget = WeightBudget(6_000)  # the little that no key allows is gone after five questions
    it = CoinGeckoRest(gecko.rest_url, budget, quick_client(gecko.rest_url, 10.0))
    yield it
    await it.aclose()


async def test_a_price_in_dollars_is_as_it_was_told(rest, gecko):
    (row,) = await rest.tickers(["bitcoin/usd"])
    assert (row.native_id, row.last, row.as_of_ms) == ("bitcoin/usd", 64210.5, AT * 1000)
    assert (row.bid, row.ask, row.quote_volume_24h) == (None, None, 3.1e10)
    assert row.is_delayed
    assert not row.is_cross_rate
    asked = gecko.asked("/simple/price")[0]
    assert asked.value("ids") == "bitcoin"
    assert asked.value("vs_currencies") == "usd"
    assert asked.value("include_last_updated_at") == "true"


async def test_a_price_in_tether_goes_through_the_dollar_and_says_so(rest, gecko):
    (row,) = await rest.tickers(["bitcoin/usdt"])
    assert row.last == 64210.5 / 0.999
    assert row.as_of_ms == (AT - 30) * 1000
    assert row.is_cross_rate
    assert row.is_delayed
    assert gecko.asked("/simple/price")[0].value("ids") == "bitcoin,tether"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda prices: prices.pop("bitcoin"),
        lambda prices: prices.pop("tether"),
        lambda prices: prices["bitcoin"].update(usd=None),
        lambda prices: prices["tether"].update(usd=None),
        lambda prices: prices["bitcoin"].update(usd=0),
        lambda prices: prices["bitcoin"].pop("usd"),
    ],
    ids=["base", "quote", "null", "null quote", "nought", "no currency"],
)
async def test_what_is_missing_is_left_out(rest, gecko, spoil):
    spoil(gecko.prices)
    assert await rest.tickers(["bitcoin/usdt"]) == []


async def test_many_pairs_are_one_request(rest, gecko):
    gecko.prices["ethereum"] = {"usd": 3000.0, "eur": 2700.0, "last_updated_at": AT}
    rows = await rest.tickers(["bitcoin/usdt", "ethereum/eur", "bitcoin/usd"])
    assert [row.native_id for row in rows] == ["bitcoin/usdt", "ethereum/eur", "bitcoin/usd"]
    assert rows[1].last == 2700.0
    assert len(gecko.requests) == 1
    assert gecko.requests[0].value("vs_currencies") == "eur,usd"
    assert await rest.tickers([]) == []
    assert len(gecko.requests) == 1


async def test_a_ticker_is_never_guessed(rest, gecko):
    assert rest.native_id("BTC/USDT") == "bitcoin/usdt"
    assert rest.native_id("AVAX/USDT") == "avalanche-2/usdt"
    with pytest.raises(Refused, match="CoinGecko's id of PEPE is not known"):
        rest.native_id("PEPE/USDT")
    with pytest.raises(Refused, match="no prices in WETH"):
        await rest.tickers(["bitcoin/weth"])
    gecko.coins = [("pepe", "pepe"), ("bonk", "bonk"), ("bonk-on-base", "bonk"), ("bonk-2", "BONK")]
    found = await rest.find_ids(["PEPE", "BONK", "NOPE"])
    assert found == {"PEPE": "pepe"}
    rest.ids.learn(found)
    assert rest.native_id("PEPE/USDT") == "pepe/usdt"
    await rest.find_ids(["WIF"])
    assert len(gecko.asked("/coins/list")) == 1


async def test_the_last_day_of_coins(rest, gecko):
    gecko.rows["ethereum"] = {**MARKET, "id": "ethereum", "current_price": None}
    (row,) = await rest.markets(["bitcoin", "ethereum", "unlisted"])
    assert (row.native_id, row.last, row.open_24h) == ("bitcoin/usd", 64210.5, 65000.0)
    assert (row.high_24h, row.low_24h, row.quote_volume_24h) == (65000.0, 63000.0, 3.1e10)
    assert row.as_of_ms == 1_795_250_400_123
    with pytest.raises(Refused, match="1 to 250 coins"):
        await rest.markets([])


async def test_a_body_is_stamped_with_its_close(rest, gecko):
    far = 4_102_444_800_000  # it has not ended yet
    gecko.bodies["bitcoin"] = [[far, 2, 4, 1, 3], [1_723_161_600_000, 2.0, 4.0, 1.0, 3.0]]
    assert await rest.ohlc("bitcoin", days=1) == [
        OhlcRow(1_723_161_600 - 1_800, 1_723_161_600, 2.0, 4.0, 1.0, 3.0)
    ]
    assert (await rest.ohlc("bitcoin", days=30))[0].open_time == 1_723_161_600 - 14_400
    assert (await rest.ohlc("bitcoin", days=365))[0].open_time == 1_723_161_600 - 345_600
    with pytest.raises(Refused, match="not of 2"):
        await rest.ohlc("bitcoin", days=2)
    with pytest.raises(Refused):
        await rest.ohlc("unlisted")


async def test_the_key_travels_in_a_header(gecko):
    env = {"COINGECKO_BASE_URL": gecko.rest_url, "COINGECKO_API_KEY": "CG-secret"}
    keyed = CoinGeckoRest.from_settings(env)
    await keyed.tickers(["bitcoin/usd"])
    await keyed.aclose()
    asked = gecko.requests[0]
    assert {k.lower(): v for k, v in asked.headers.items()}["x-cg-demo-api-key"] == "CG-secret"
    assert "secret" not in str(asked.query)
    assert keyed.budget.limit == 25
    assert keyed.source == "replay:coingecko"
