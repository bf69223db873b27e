"""Sources asked in their order: who answers, who is passed over and why."""

import asyncio

import pytest

from markets.asking import NoSource, SourcePool
from markets.circuits import circuits
from markets.providers import table
from mystic.lib import ratelimit
from tests.servers import BinanceServer, CoinbaseServer, in_thread

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def servers():
    with in_thread(BinanceServer()) as binance, in_thread(CoinbaseServer()) as coinbase:
        yield binance, coinbase


@pytest.fixture
def env(settings, servers):
    binance, coinbase = servers
    return {
        **settings.ENV,
        "BINANCE_REST_URL": binance.rest_url,
        "BINANCE_WS_URL": binance.ws_url,
        "COINBASE_REST_URL": coinbase.rest_url,
        "COINBASE_WS_URL": coinbase.ws_url,
        "FRED_API_KEY": "",
    }


def ask(env, times=1, *, order=("binance", "coinbase"), **kwargs):
    """Ask for the venue's time so often; returns each answer or its NoSource."""

    async def run():
        pool = SourcePool(order, env=env)
        told = []
        try:
            for _ in range(times):
                try:
                    told.append(await pool.ask("time", lambda rest: rest.server_time(), **kwargs))
                except NoSource as fault:
                    told.append(fault)
        finally:
            await pool.aclose()
        return told

    return asyncio.run(run())


def test_the_first_source_answers(env, servers):
    (told,) = ask(env)
    assert (told.source, told.is_official, told.is_fallback) == ("replay:binance", False, False)
    assert told.latency_ms > 0
    assert not servers[1].requests
    record = circuits.record("replay:binance", "time")
    assert (record.calls, record.errors) == (1, 0)
    assert record.last_success_ms is not None


def test_the_next_source_answers_and_an_open_breaker_saves_the_call(env, servers):
    binance, _ = servers
    binance.fail("*", status=451)
    told = ask(env, 3)
    assert [(one.source, one.is_fallback) for one in told] == [("replay:coinbase", True)] * 3
    assert len(binance.requests) == 1, "451 is final for hours"


def test_five_failures_open_the_breaker_and_the_sentence_names_its_time(env, servers):
    binance, coinbase = servers
    binance.fail("*", status=400)
    coinbase.fail("*", status=401)
    told = ask(env, 7)
    assert all(isinstance(one, NoSource) for one in told)
    assert len(coinbase.requests) == 5
    assert "coinbase (time): left alone until 20" in str(told[-1])
    assert len(binance.requests) == 7, "a wrong question opens nothing"


def test_a_silence_is_obeyed_without_a_call(env, servers):
    binance, _ = servers
    binance.fail("*", status=429, headers={"Retry-After": "60"})
    told = ask(env, 4)
    assert {one.source for one in told} == {"replay:coinbase"}
    assert len(binance.requests) == 1
    (shared,) = [one for one in ratelimit.budgets() if one.name == "replay:binance"]
    assert shared.snapshot().blocked_until_ms > 0


def test_each_source_that_is_off_says_why(env, servers):
    (told,) = ask(env, order=("fred",))
    assert isinstance(told, NoSource)
    assert "fred: FRED_API_KEY is not set" in str(told)


def test_only_restricts_the_order(env, servers):
    (told,) = ask(env, only=("coinbase",))
    assert (told.source, told.is_fallback) == ("replay:coinbase", True)


def test_a_bug_is_no_fault_of_the_source(env, servers):
    async def run():
        pool = SourcePool(("binance",), env=env)
        try:
            await pool.ask("time", lambda rest: rest.no_such_thing())
        finally:
            await pool.aclose()

    with pytest.raises(AttributeError):
        asyncio.run(run())
    assert circuits.record("replay:binance", "time").errors == 0


def test_the_next_source_answers_where_a_bug_keeps_one_from_being_read(env):
    async def run():
        pool = SourcePool(("binance", "coinbase"), env=env)

        async def call(rest):
            if rest.source == "replay:binance":
                raise KeyError("a field that is not there")
            return await rest.server_time()

        try:
            return [await pool.ask("time", call) for _ in range(6)]
        finally:
            await pool.aclose()

    told = asyncio.run(run())
    assert {one.source for one in told} == {"replay:coinbase"}
    assert circuits.record("replay:binance", "time").errors == 0


def test_a_gateway_that_proves_nothing_is_not_official(settings, monkeypatch):
    class Gateway:
        is_official = False
        source = "ibkr"

        async def aclose(self):
            pass

    async def run():
        pool = SourcePool(("ibkr",), env={**settings.ENV, "IBKR_HOST": "127.0.0.1"})
        pool._rests["ibkr"] = Gateway()

        async def call(rest):
            return rest.source

        return await pool.ask("tickers", call)

    monkeypatch.setattr(table, "find_spec", lambda _: True)
    assert asyncio.run(run()).is_official is False
