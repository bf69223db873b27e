"""Interactive Brokers by a gateway of tests; the real one needs a logged-in program."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from importlib.util import find_spec

import pytest

from markets.providers.ibkr import IbkrRest
from markets.providers.ibkr_gateway import (
    Gateway,
    GatewayBar,
    GatewayQuote,
    GatewayStock,
    IbAsyncGateway,
    error_of,
    second_of,
)
from markets.providers.keyed import PlanLacks
from markets.providers.table import PROVIDERS, off_reason
from mystic.lib.http import Malformed, RateLimited, Refused, Unreachable
from mystic.lib.ratelimit import WeightBudget

pytestmark = pytest.mark.asyncio
NOW = 1_795_188_600  # 2026-11-20 15:30:00 UTC
BAR = GatewayBar(NOW - 60, 231.0, 231.5, 230.9, 231.4, 1200.0, 40)
QUOTE = GatewayQuote("AAPL", 231.4, 231.3, 231.5, NOW * 1000 - 900, is_delayed=False)


class LoopbackGateway(Gateway):
    """Answers from tables and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.given_bars, self.given_quotes = [BAR], [QUOTE]
        self.stocks = {"AAPL": GatewayStock("AAPL", "APPLE INC", "USD")}
        self.is_closed = False

    async def clock(self):
        return NOW + 5

    async def stock(self, ticker):
        return self.stocks.get(ticker)

    async def search(self, text):
        return [one for one in self.stocks.values() if text.lower() in one.name.lower()]

    async def bars(self, ticker, size, duration, end_s):
        self.asked.append((ticker, size, duration, end_s))
        return self.given_bars

    async def quotes(self, tickers):
        return self.given_quotes

    async def aclose(self):
        self.is_closed = True


@pytest.fixture
def gateway():
    return LoopbackGateway()


@pytest.fixture
def rest(gateway):
    return IbkrRest(gateway, budget=WeightBudget(10**6))


async def test_bars_are_closed_half_open_and_oldest_first(rest, gateway):
    times = [NOW, NOW - 60, NOW - 180]
    gateway.given_bars = [replace(BAR, start=time) for time in times]
    rows = await rest.klines("AAPL", 60)
    assert [row.open_time for row in rows] == [NOW - 180, NOW - 60]
    assert (rows[0].open, rows[0].close, rows[0].volume, rows[0].trades) == (231, 231.4, 1200, 40)
    rows = await rest.klines("AAPL", 60, NOW - 180, NOW - 60)
    assert [row.open_time for row in rows] == [NOW - 180]
    assert gateway.asked[1] == ("AAPL", "1 min", "120 S", NOW - 60)
    assert await rest.klines("AAPL", 60, NOW + 60) == []


@pytest.mark.parametrize(
    ("timeframe", "start", "words"),
    [
        (60, NOW - 86_400, "60000 S"),
        (300, NOW - 3 * 86_400, "4 D"),
        (86_400, NOW - 800 * 86_400, "3 Y"),
    ],
)
async def test_a_span_is_asked_in_its_words(rest, gateway, timeframe, start, words):
    gateway.given_bars = []
    await rest.klines("AAPL", timeframe, start)
    assert gateway.asked[0][2] == words


@pytest.mark.parametrize(
    "bad",
    [
        [replace(BAR, start=NOW - 61)],
        [replace(BAR, high=1.0)],
        [replace(BAR, low=float("nan"))],
        [replace(BAR, open=1.797e308)],
        [replace(BAR, volume=-1.0)],
        [BAR, BAR],
    ],
)
async def test_an_impossible_bar_condemns_the_answer(rest, gateway, bad):
    gateway.given_bars = bad
    with pytest.raises(Malformed):
        await rest.klines("AAPL", 60)


async def test_prices_say_when_they_are_late(rest, gateway):
    late = replace(QUOTE, ticker="MSFT", bid=None, ask=None, as_of_ms=None, is_delayed=True)
    gateway.given_quotes = [QUOTE, late, replace(QUOTE, last=None)]
    rows = await rest.tickers(["AAPL", "MSFT", "NONE"])
    assert [(row.native_id, row.bid, row.is_delayed) for row in rows] == [
        ("AAPL", 231.3, False),
        ("MSFT", None, True),
    ]
    assert rows[1].as_of_ms is None
    assert rest.is_delayed
    assert rest.is_official is False


async def test_rules_and_search(rest, gateway):
    gateway.stocks["SAP"] = GatewayStock("SAP", "SAP SE", "EUR")
    (spec,) = await rest.exchange_info(["AAPL", "SAP", "NOPE"])
    assert (spec.symbol, spec.name, spec.step) == ("AAPL/USD", "APPLE INC", 10**9)
    assert [one.base for one in await rest.search("apple")] == ["AAPL"]
    assert await rest.server_time() == (NOW + 5) * 1000
    with pytest.raises(Refused, match="no ticker"):
        await rest.tickers(["AAPL; DROP"])
    with pytest.raises(Refused, match="14400 s"):
        await rest.klines("AAPL", 14400)
    await rest.aclose()
    assert gateway.is_closed


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (162, "Historical data pacing violation", RateLimited),
        (200, "No security definition has been found", Refused),
        (354, "Requested market data is not subscribed", PlanLacks),
        (10197, "No market data during competing live session", PlanLacks),
        (1100, "Connectivity has been lost", Unreachable),
    ],
)
async def test_an_error_has_the_name_that_says_what_to_do(code, message, kind):
    fault = error_of(code, message)
    assert type(fault) is kind
    assert message in str(fault)


async def test_a_bars_time_is_a_day_or_has_a_zone():
    assert second_of(date(2026, 11, 20)) == NOW - (15 * 60 + 30) * 60
    assert second_of(datetime(2026, 11, 20, 15, 30, tzinfo=UTC)) == NOW
    new_york = timezone(timedelta(hours=-5))
    assert second_of(datetime(2026, 11, 20, 10, 30, tzinfo=new_york)) == NOW
    for wrong in (datetime(2026, 11, 20), "20261120", None):  # noqa: DTZ001  the fault meant
        with pytest.raises(Malformed):
            second_of(wrong)


@pytest.mark.parametrize(("port", "paper"), [(7496, "7497"), (4001, "4002")])
async def test_the_port_of_a_live_account_is_refused(port, paper):
    with pytest.raises(Refused, match=f"set IBKR_PORT to {paper}"):
        await IbAsyncGateway("127.0.0.1", port, 1).clock()


async def test_the_missing_package_has_a_clear_reason():
    env = {"IBKR_HOST": "127.0.0.1", "IBKR_PORT": 4002, "IBKR_CLIENT_ID": 17}
    env |= {"BINANCE_REST_URL": "https://data-api.binance.vision"}
    env |= {"BINANCE_WS_URL": "wss://data-stream.binance.vision"}
    assert off_reason(PROVIDERS["ibkr"], env | {"IBKR_HOST": ""}) == "IBKR_HOST is not set"
    if find_spec("ib_async") is not None:
        assert off_reason(PROVIDERS["ibkr"], env) == ""
        pytest.skip("ib_async is installed")
    reason = off_reason(PROVIDERS["ibkr"], env)
    assert "pip install ib_async" in reason
    rest = IbkrRest.from_settings(env)
    with pytest.raises(Refused, match="pip install ib_async"):
        await rest.server_time()
    await rest.aclose()
