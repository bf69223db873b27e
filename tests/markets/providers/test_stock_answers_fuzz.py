"""Mutated answers of Alpaca and Massive: a value that is possible, or an error of ours."""

import asyncio
import json
import math
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.providers.base import CandleRow, TickerRow
from markets.providers.rows import OptionRow
from mystic.lib.http import SourceError
from tests.markets.providers.cases import alpaca, massive
from tests.markets.providers.mutation import mutated
from tests.servers import in_thread

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
QUESTIONS = (*alpaca.CASES, *massive.CASES)


@pytest.fixture(scope="module", params=QUESTIONS, ids=[case.name for case in QUESTIONS])
def asked(request):
    """Give a case, its server, a way to ask, and the healthy body."""
    case = request.param
    with in_thread(case.server()) as server, asyncio.Runner() as runner:

        async def made():
            return case.make(server.rest_url, 10.0)

        rest = runner.run(made())
        value = runner.run(case.ask(rest))
        path, query = next((r.path, r.query) for r in server.requests if r.path == case.path)
        body = json.dumps(server.answer(path, query)[1]).encode()
        assert value
        yield case, server, lambda: runner.run(case.ask(rest)), body
        runner.run(rest.aclose())


def check(value):
    """Refuse what no source may tell."""
    for one in value if isinstance(value, list) else ():
        if isinstance(one, CandleRow):
            assert 0 < one.low <= one.open <= one.high < math.inf
            assert one.low <= one.close <= one.high
            assert one.volume >= 0
            assert one.open_time % 60 == 0
        if isinstance(one, TickerRow):
            prices = (one.last, one.bid or 1, one.ask or 1)
            assert all(0 < price < math.inf for price in prices)
            assert one.as_of_ms > 0
        if isinstance(one, OptionRow):
            prices = (one.bid, one.ask, one.last, one.implied_volatility, one.underlying_price)
            assert all(p is None or 0 < p < math.inf for p in prices)
            assert all(n is None or n >= 0 for n in (one.volume, one.open_interest))
            assert all(g is None or math.isfinite(g) for g in (one.delta, one.vega, one.theta))


def test_a_mutated_answer_is_possible_or_refused(asked):
    case, server, ask, body = asked

    @settings(max_examples=EXAMPLES, deadline=None, database=None)
    @given(mutated(body), st.booleans())
    def attempt(raw, has_date):
        server.mend()
        headers = {"Date": "Fri, 20 Nov 2026 15:31:00 GMT"} if has_date else {}
        server.fail(case.path, body=raw, headers=headers)
        try:
            check(ask())
        except SourceError:
            return

    attempt()
