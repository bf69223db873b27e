"""Yahoo: what its answers mean, and the child process through which it is asked."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.providers.base import CandleRow
from markets.providers.rows import OptionKind
from markets.providers.yahoo import decode
from markets.providers.yahoo.child import Child
from markets.providers.yahoo.rest import YahooRest, budget_default
from mystic.lib.http import Blocked, Malformed, RateLimited, Refused, SourceError, Unreachable
from mystic.lib.ratelimit import WeightBudget
from tests.markets.providers.conformance import HOLLOW
from tests.servers_yahoo import YahooServer, contract

MINUTE, DAY = 60, 86_400


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


OPEN = at("2026-11-20T14:30")
CLOSE = at("2026-11-20T21:00")


def row(start, price=100.0, volume=1000):
    return (start, price, price + 1, price - 1, price + 0.5, volume)


def chart(rows, *, trade_s=CLOSE, interval="1m", symbol="AAPL", offset=-18_000):
    server = YahooServer()
    server.add_stock(symbol)
    server.bars[symbol, interval] = rows
    server.trade_s, server.offset = trade_s, offset
    query = {"interval": [interval], "period1": ["0"], "period2": ["99999999999"]}
    return json.dumps(server.answer(f"/v8/finance/chart/{symbol}", query)[1])


def bars(rows, timeframe=MINUTE, now_s=CLOSE + 3600, **how):
    return decode.bars_of(chart(rows, **how), "AAPL", timeframe, now_s=now_s)


def test_rows_are_keyed_by_their_open_and_null_rows_are_left_out():
    hole = (OPEN + 60, None, None, None, None, None)
    half = (OPEN + 180, 100.0, None, 99.0, 100.5, 5)
    found = bars([row(OPEN), hole, row(OPEN + 120), half, row(OPEN + 240)])
    assert [one.open_time for one in found] == [OPEN, OPEN + 120, OPEN + 240]
    assert found[0] == CandleRow(OPEN, 100.0, 101.0, 99.0, 100.5, 1000.0, -1)


def test_the_running_bar_is_dropped_by_yahoos_own_time():
    rows = [row(OPEN), row(OPEN + 60), row(OPEN + 120)]
    # Delayed data: the last trade told is of 14:32:40, so the third bar is not over.
    late = bars(rows, trade_s=OPEN + 160, now_s=OPEN + 900)
    assert [one.open_time for one in late] == [OPEN, OPEN + 60]
    # The running row often begins at the last trade, off the grid; it shows that time went on.
    running = bars([*rows, row(OPEN + 187)], trade_s=OPEN + 160, now_s=OPEN + 900)
    assert [one.open_time for one in running] == [OPEN, OPEN + 60, OPEN + 120]
    # A thin stock: the last trade lies before the end, but no data are delayed for so long.
    thin = bars(rows, trade_s=OPEN + 130, now_s=OPEN + 180 + 1200)
    assert [one.open_time for one in thin] == [OPEN, OPEN + 60, OPEN + 120]


def test_a_bar_that_has_not_ended_by_our_clock_is_never_closed():
    assert bars([row(OPEN), row(OPEN + 60)], now_s=OPEN + 59) == []


def test_days_are_keyed_by_their_date_and_closed_after_it():
    rows = [row(at("2026-11-19T14:30")), row(at("2026-11-20T14:30"))]
    found = bars(rows, DAY, interval="1d", now_s=CLOSE + 3600)
    assert [one.open_time for one in found] == [at("2026-11-19")]
    found = bars(rows, DAY, interval="1d", now_s=at("2026-11-21T00:00") + 1200)
    assert [one.open_time for one in found] == [at("2026-11-19"), at("2026-11-20")]
    # In Tokyo the day begins at 09:00, which is midnight in UTC; in Sydney it was the day before.
    tokyo = bars([row(at("2026-11-19T23:00"))], DAY, interval="1d", offset=39_600)
    assert [one.open_time for one in tokyo] == [at("2026-11-20")] or tokyo == []


def test_an_unknown_symbol_is_refused_in_yahoos_words():
    text = json.dumps(YahooServer().answer("/v8/finance/chart/NOPE", {})[1])
    with pytest.raises(Refused, match="NOPE: Not Found: No data found, symbol may be delisted"):
        decode.bars_of(text, "NOPE", MINUTE, now_s=CLOSE)
    assert decode.refusal_in(text, "NOPE").permanent
    assert decode.refusal_in("<html>", "NOPE") is None


def test_maintenance_is_no_answer():
    with pytest.raises(Unreachable, match="maintenance"):
        decode.bars_of("<h1>Will be right back...</h1>", "AAPL", MINUTE, now_s=CLOSE)


def quotes(**more):
    server = YahooServer()
    server.add_stock("AAPL", **{"regularMarketTime": CLOSE, **more})
    query = {"symbols": ["AAPL,NOPE"], "crumb": ["Gx1.crumb"]}
    return json.dumps(server.answer("/v7/finance/quote", query)[1])


def test_a_quote_is_fresh_or_delayed_by_its_own_time():
    (fresh,) = decode.tickers_of(quotes(), now_ms=CLOSE * 1000 + 2_500)
    assert (fresh.last, fresh.bid, fresh.ask, fresh.as_of_ms) == (
        231.4,
        231.38,
        231.42,
        CLOSE * 1000,
    )
    assert (fresh.bid_size, fresh.ask_size, fresh.is_delayed) == (3.0, 4.0, False)
    (late,) = decode.tickers_of(quotes(), now_ms=CLOSE * 1000 + 3_500)
    assert late.is_delayed
    (told,) = decode.tickers_of(quotes(exchangeDataDelayedBy=15), now_ms=CLOSE * 1000)
    assert told.is_delayed


def test_nought_is_no_price():
    (row,) = decode.tickers_of(quotes(bid=0, ask=0, bidSize=0), now_ms=CLOSE * 1000)
    assert (row.bid, row.ask, row.last) == (None, None, 231.4)
    assert decode.tickers_of(quotes(regularMarketPrice=0), now_ms=CLOSE * 1000) == []
    with pytest.raises(Malformed):
        decode.tickers_of(quotes(bid=-1), now_ms=CLOSE * 1000)


def test_rules_come_with_the_name():
    (spec,) = decode.specs_of(quotes(longName="Apple Inc."), ["AAPL", "NOPE"])
    assert (spec.base, spec.quote, spec.native_id, spec.name) == (
        "AAPL",
        "USD",
        "AAPL",
        "Apple Inc.",
    )
    assert spec.tick * 10**-spec.price_scale == pytest.approx(0.01)


EXPIRY = date(2027, 1, 15)
CALL, PUT = "AAPL270115C00230000", "AAPL270115P00230000"


def chain(calls=(), puts=()):
    server = YahooServer()
    server.add_stock("AAPL")
    stamp = at("2027-01-15")
    server.chains["AAPL"] = {stamp: {"calls": list(calls), "puts": list(puts)}}
    query = {"date": [str(stamp)], "crumb": ["Gx1.crumb"]}
    return json.dumps(server.answer("/v7/finance/options/AAPL", query)[1])


def test_a_chain_has_what_was_told_and_nothing_else():
    silent = {"volume": None, "openInterest": None, "bid": 0, "ask": 0}
    text = chain([contract(CALL, 230.0)], [contract(PUT, 230.0, **silent)])
    assert decode.expiries_of(text, "AAPL") == [EXPIRY]
    call, put = decode.contracts_of(text, "AAPL", EXPIRY)
    assert (call.contract, call.kind, call.strike, call.expiry) == (
        CALL,
        OptionKind.CALL,
        230.0,
        EXPIRY,
    )
    assert (call.bid, call.ask, call.last, call.volume) == (12.4, 12.6, 12.5, 120)
    assert (call.open_interest, call.implied_volatility) == (4_321, 0.2875)
    assert (call.underlying_price, call.delta, call.is_delayed) == (231.4, None, True)
    assert (put.kind, put.bid, put.ask, put.volume, put.open_interest) == (
        OptionKind.PUT,
        *(None,) * 4,
    )
    # Yahoo's volatility without bid and ask is a figure of no meaning.
    assert put.implied_volatility is None
    assert decode.contracts_of(text, "AAPL", date(2027, 2, 19)) == []


def test_a_contract_that_contradicts_its_name_is_refused():
    with pytest.raises(Malformed, match="AAPL270115P00230000 is not the call at 230"):
        decode.contracts_of(chain([contract(PUT, 230.0)]), "AAPL", EXPIRY)
    with pytest.raises(Malformed, match="is not the call at 231"):
        decode.contracts_of(chain([contract(CALL, 231.0)]), "AAPL", EXPIRY)


READERS = {
    "chart": (
        lambda: chart([row(OPEN), row(OPEN + 60)]),
        lambda text: decode.bars_of(text, "AAPL", MINUTE, now_s=CLOSE),
    ),
    "quotes": (quotes, lambda text: decode.tickers_of(text, now_ms=CLOSE * 1000)),
    "rules": (quotes, lambda text: decode.specs_of(text, ["AAPL"])),
    "chain": (
        lambda: chain([contract(CALL, 230.0)]),
        lambda text: decode.contracts_of(text, "AAPL", EXPIRY),
    ),
    "expiries": (
        lambda: chain([contract(CALL, 230.0)]),
        lambda text: decode.expiries_of(text, "AAPL"),
    ),
}


@pytest.mark.parametrize("fault", HOLLOW)
@pytest.mark.parametrize("reader", READERS)
def test_another_shape_is_an_error_or_nothing(reader, fault):
    healthy, read = READERS[reader]
    assert read(healthy())
    text = HOLLOW[fault](healthy().encode()).decode()
    try:
        found = read(text)
    except SourceError:
        return
    assert found == []


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(READERS)),
    st.integers(0, 10_000),
    st.text(max_size=6),
    st.integers(0, 40),
)
def test_changed_answers_raise_nothing_foreign(reader, place, put, cut):
    healthy, read = READERS[reader]
    text = healthy()
    begin = place % len(text)
    try:
        read(text[:begin] + put + text[begin + cut :])
    except SourceError:
        return


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def yahoo():
    """One server and one worker for the tests of this module: a worker's start takes seconds."""
    async with YahooServer() as server:
        server.add_stock("AAPL")
        server.add_stock("MSFT", 421.0)
        budget = WeightBudget(1_000_000)
        rest = YahooRest(server.rest_url, budget, Child(server.rest_url, answer_s=20.0))
        yield server, rest
        await rest.aclose()


@pytest.mark.asyncio(loop_scope="module")
class TestWorker:
    """These share a worker and stand in the order in which it lives."""

    async def test_quotes_go_the_whole_way_with_cookie_and_crumb(self, yahoo):
        server, rest = yahoo
        rows = await rest.tickers(["AAPL", "MSFT", "NOPE"])
        assert [(one.native_id, one.last) for one in rows] == [("AAPL", 231.4), ("MSFT", 421.0)]
        assert rest.source == "replay:yahoo"
        assert not rest.is_official
        paths = [asked.path for asked in server.requests]
        assert list(dict.fromkeys(paths)) == ["/", "/v1/test/getcrumb", "/v7/finance/quote"]
        specs = await rest.exchange_info(["AAPL"])
        assert [one.name for one in specs] == ["AAPL Incorporated"]

    async def test_bars_are_asked_in_seconds_and_without_adjustment(self, yahoo):
        server, rest = yahoo
        now = int(datetime.now(UTC).timestamp())  # noqa: TID251
        start = now // MINUTE * MINUTE - 600
        server.bars["AAPL", "1m"] = [row(start + n * MINUTE, 100 + n) for n in range(9)]
        found = await rest.klines("AAPL", MINUTE, start, start + 300)
        assert [one.open for one in found] == [100, 101, 102, 103, 104]
        newest = await rest.klines("AAPL", MINUTE, limit=2)
        assert len(newest) == 2
        asked = server.asked("/v8/finance/chart/AAPL")
        assert (asked[0].value("period1"), asked[0].value("period2")) == (
            str(start),
            str(start + 300),
        )
        assert (asked[0].value("interval"), asked[0].value("includePrePost")) == ("1m", "false")
        # The newest are looked for over a week, for a weekend may lie between.
        assert int(asked[1].value("period2")) - int(asked[1].value("period1")) == 7 * DAY

    async def test_what_lies_beyond_its_reach_is_not_asked(self, yahoo):
        server, rest = yahoo
        now = int(datetime.now(UTC).timestamp())  # noqa: TID251
        before = len(server.requests)
        assert await rest.klines("AAPL", MINUTE, now - 30 * DAY, now - 9 * DAY) == []
        assert await rest.klines("AAPL", MINUTE, None, now - 9 * DAY) == []
        with pytest.raises(Refused, match="no bars of 3600 s"):
            await rest.klines("AAPL", 3600)
        with pytest.raises(Refused, match="no symbol of Yahoo"):
            await rest.klines("../AAPL", MINUTE)
        assert len(server.requests) == before

    async def test_options_by_expiry(self, yahoo):
        server, rest = yahoo
        stamp = at("2027-01-15")
        server.chains["AAPL"] = {stamp: {"calls": [contract(CALL, 230.0)], "puts": []}}
        assert await rest.option_expiries("AAPL") == [EXPIRY]
        (found,) = await rest.option_chain("AAPL", EXPIRY)
        assert found.contract == CALL
        assert server.asked("/v7/finance/options/AAPL")[-1].value("date") == str(stamp)

    @pytest.mark.parametrize(
        ("how", "error", "said"),
        [
            ({"status": 500}, Unreachable, "answered 500"),
            ({"status": 403}, Blocked, "refuses this place"),
            ({"status": 451}, Blocked, "refuses this place"),
            ({"kind": "close"}, Unreachable, "does not answer"),
            ({"body": b"<html>"}, Malformed, "no valid data"),
            ({"status": 422}, Refused, "answered 422"),
        ],
    )
    async def test_faults_have_our_names(self, yahoo, how, error, said):
        server, rest = yahoo
        server.fail("/v8/finance/chart/MSFT", **how)
        with pytest.raises(error, match=said):
            await rest.klines("MSFT", MINUTE)
        server.mend()
        assert await rest.klines("MSFT", MINUTE) == []

    async def test_a_429_silences_for_a_quarter_of_an_hour(self, yahoo):
        server, rest = yahoo
        server.fail("/v8/finance/chart/MSFT", status=429)
        before, rest.budget = rest.budget, budget_default()
        try:
            with pytest.raises(RateLimited) as told:
                await rest.klines("MSFT", MINUTE)
            assert told.value.retry_after_s == 900.0
            asked = len(server.requests)
            with pytest.raises(RateLimited, match="silent"):
                await rest.klines("AAPL", MINUTE)
            assert len(server.requests) == asked
            rest.budget = budget_default()
            with pytest.raises(RateLimited) as told:
                await rest.klines("MSFT", MINUTE)
            assert told.value.retry_after_s == 1800.0
        finally:
            server.mend()
            rest.budget = before

    async def test_a_worker_that_died_is_begun_anew(self, yahoo):
        _server, rest = yahoo
        os.kill(rest.child.pid, signal.SIGKILL)
        before = rest.child.starts
        assert [one.native_id for one in await rest.tickers(["MSFT"])] == ["MSFT"]
        assert rest.child.starts == before + 1

    async def test_a_429_of_the_crumb_counts_too(self, yahoo):
        server, rest = yahoo
        await rest.child.aclose()
        server.fail("/v1/test/getcrumb", status=429)
        before, rest.budget = rest.budget, budget_default()
        try:
            with pytest.raises(RateLimited):
                await rest.tickers(["AAPL"])
        finally:
            server.mend()
            rest.budget = before

    async def test_one_that_does_not_answer_is_killed_and_one_that_idles_ends(self, yahoo):
        server, rest = yahoo
        server.fail("/v8/finance/chart/AAPL", "silence")
        pid, rest.child._answer_s = rest.child.pid, 1.0
        with pytest.raises(Unreachable, match=r"not answer within 1 s|does not answer"):
            await rest.klines("AAPL", MINUTE)
        server.mend()
        rest.child._answer_s, rest.child._idle_s = 20.0, 0.05
        assert await rest.klines("MSFT", MINUTE) == []
        assert rest.child.starts >= 3
        for _ in range(500):
            if rest.child.pid is None and not _lives(pid):
                return
            await asyncio.sleep(0.02)
        pytest.fail("a worker stayed")


def test_the_process_that_asks_imports_nothing_heavy():
    program = (
        "import os, sys, django\n"
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mystic.settings')\n"
        "django.setup()\n"
        "import markets.providers.yahoo.rest, markets.streaming.stocks, markets.services.sessions\n"
        "heavy = {'yfinance', 'exchange_calendars', 'pandas', 'requests', 'curl_cffi', 'ccxt'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
