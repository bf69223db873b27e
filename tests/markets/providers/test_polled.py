"""A stream made of requests: quotes while it answers, its state while it does not."""

import asyncio
from dataclasses import replace

import pytest

from markets.providers.base import TickerRow
from markets.providers.polled import PolledStream
from mystic.lib.http import Blocked, Unreachable

pytestmark = pytest.mark.asyncio
ROW = TickerRow("BTC/USDT", 100.0, 99.0, 101.0, *(None,) * 5, 1_723_161_600_000)
ROW = replace(ROW, bid_size=2.0)


class Prices:
    source, is_official = "ccxt-kraken", True

    def __init__(self):
        self.rows = [ROW]
        self.fault = None
        self.asked = []

    async def tickers(self, native_ids):
        self.asked.append(tuple(native_ids))
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        return self.rows


@pytest.fixture
def prices():
    return Prices()


@pytest.fixture
def polled(prices, heard, start):
    return lambda: start(PolledStream(prices, ["BTC/USDT"], heard, every_s=0.02))


async def test_rows_become_quotes_and_a_size_that_is_not_told_is_nought(polled, heard):
    it = polled()
    await heard.until(lambda: len(heard.quotes) >= 2)
    quote = heard.quotes[0]
    assert (quote.native_id, quote.bid, quote.ask, quote.last) == ("BTC/USDT", 99.0, 101.0, 100.0)
    assert (quote.bid_size, quote.ask_size) == (2.0, 0.0)
    assert quote.event_ms == 1_723_161_600_000
    assert heard.connected == [False]
    assert heard.states == [("live", "answers requests")]
    assert it.source == "ccxt-kraken"


async def test_what_has_no_bid_or_is_delayed_is_no_quote(polled, heard, prices):
    prices.rows = [replace(ROW, bid=None), replace(ROW, is_delayed=True)]
    it = polled()
    for _ in range(500):
        if it.counters["polls"] >= 3:
            break
        await asyncio.sleep(0.01)
    assert it.counters["polls"] >= 3
    assert heard.quotes == []
    assert heard.states == []


async def test_silence_makes_it_stale_then_down_and_an_answer_live_again(polled, heard, prices):
    polled()
    await heard.until(lambda: heard.quotes)
    prices.fault = Unreachable("no answer")
    await heard.until(lambda: ("down", "no answer") in heard.states)
    assert [state for state, _ in heard.states][:3] == ["live", "stale", "down"]
    prices.fault = None
    await heard.until(lambda: heard.states[-1][0] == "live")


async def test_a_refusal_of_this_place_is_told_at_once(polled, heard, prices):
    prices.fault = Blocked("not from here")
    polled()
    await heard.until(lambda: heard.states == [("blocked", "not from here")])


async def test_another_list_is_asked_for_from_then_on(polled, heard, prices):
    it = polled()
    await heard.until(lambda: heard.quotes)
    await it.set_streams(["ETH/USDT"])
    await heard.until(lambda: ("ETH/USDT",) in prices.asked)
