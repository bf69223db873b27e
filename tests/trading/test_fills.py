"""The fill model on quotes and books, against figures made by hand."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.types import BookView, Quote
from trading.brokers.base import Outcome, Submission
from trading.brokers.paper import PaperBroker
from trading.execution.fees import PAPER, FeeSchedule
from trading.execution.fills import snapshot, walk
from trading.execution.terms import Terms

TERMS = Terms(8, 8, 8, tick=10**6, step=10**3)


def u(text):
    return int(Decimal(text).scaleb(8))


def quote(bid=100.0, ask=100.1, size=5.0, received=1, **fields):
    values = {
        "instrument_id": 1,
        "bid": bid,
        "bid_size": size,
        "ask": ask,
        "ask_size": size,
        "last": None,
        "source": "binance",
        "is_official": True,
        "as_of_ms": None,
        "received_at_ms": received,
        "received_mono_ms": received,
    }
    return Quote(**(values | fields))


def book(bids, asks, received=1):
    return BookView(
        instrument_id=1,
        bids=tuple(bids),
        asks=tuple(asks),
        update_id=1,
        source="binance",
        is_official=True,
        as_of_ms=None,
        received_at_ms=received,
        received_mono_ms=received,
    )


class View:
    """A market at a monotonic time that the test chooses."""

    def __init__(self, quote=None, book=None, now=1):
        self._quote, self._book, self.now = quote, book, now

    def latest(self, instrument_id):
        return self._quote

    def book(self, instrument_id):
        return self._book

    def age_ms(self, value):
        return self.now - value.received_mono_ms


def submit(view, side="buy", quantity="1", **fields):
    broker = PaperBroker(view, 3_000)
    return broker.submit(Submission("id", 1, side, u(quantity), TERMS, **fields))


def test_a_market_order_walks_the_book():
    view = View(book=book([(99.0, 1.0)], [(100.0, 0.4), (100.5, 0.3), (101.0, 9.0)]))
    report = submit(view)
    assert [(e.quantity, e.price) for e in report.executions] == [
        (u("0.4"), u("100")),
        (u("0.3"), u("100.5")),
        (u("0.3"), u("101")),
    ]
    assert [e.notional for e in report.executions] == [u("40"), u("30.15"), u("30.3")]
    assert [e.fee for e in report.executions] == [u("0.04"), u("0.03015"), u("0.0303")]


def test_a_market_order_stops_at_its_worst_price_which_still_trades():
    view = View(book=book([(99.0, 1.0)], [(100.0, 0.4), (100.5, 0.3), (101.0, 9.0)]))
    report = submit(view, worst_price=u("100.5"))
    assert sum(e.quantity for e in report.executions) == u("0.7")


@pytest.mark.parametrize(
    ("side", "limit", "is_filled"),
    [
        ("buy", "100.1", False),
        ("buy", "100.11", True),
        ("buy", "100.09", False),
        ("sell", "100", False),
        ("sell", "99.99", True),
        ("sell", "100.01", False),
    ],
)
def test_a_limit_wants_a_strict_cross(side, limit, is_filled):
    report = submit(View(quote()), side, limit_price=u(limit))
    assert (report.outcome is Outcome.EXECUTED) is is_filled
    assert report.outcome is Outcome.EXECUTED or report.outcome is Outcome.RESTING


def test_an_arriving_limit_takes_the_better_price_and_a_resting_one_its_own():
    arriving = submit(View(quote()), limit_price=u("101"))
    resting = submit(View(quote()), limit_price=u("101"), is_resting=True)
    assert arriving.executions[0].price == u("100.1")
    assert resting.executions[0].price == u("101")


@pytest.mark.parametrize(("age", "is_filled"), [(0, True), (3_000, True), (3_001, False)])
def test_a_stale_quote_fills_nothing(age, is_filled):
    report = submit(View(quote(), now=1 + age))
    assert bool(report.executions) is is_filled
    assert report.reason_code == ("" if is_filled else "no_fresh_quote")


def test_a_stale_book_gives_way_to_a_fresh_quote():
    seen = snapshot(
        View(quote(received=5_000), book([(99.0, 1.0)], [(100.0, 1.0)]), now=5_000),
        1,
        max_age_ms=3_000,
    )
    assert isinstance(seen.market, Quote)


@pytest.mark.parametrize(("behind_ms", "kind"), [(1_000, BookView), (1_001, Quote)])
def test_a_book_that_stands_still_gives_way_to_the_quotes_that_go_on(behind_ms, kind):
    still = book([(110.0, 1.0)], [(111.0, 1.0)], received=5_000 - behind_ms)
    seen = snapshot(View(quote(received=5_000), still, now=5_000), 1, max_age_ms=3_000)
    assert isinstance(seen.market, kind)


@pytest.mark.parametrize(
    "market",
    [
        {"quote": quote(bid=100.1, ask=100.1)},
        {"quote": quote(bid=100.2, ask=100.1)},
        {"quote": quote(bid=0.0, ask=1.0)},
        {"quote": quote(), "book": None, "now": 0},
        {"book": book([(101.0, 1.0)], [(100.0, 1.0)])},
        {"book": book([], [(100.0, 1.0)])},
        {},
    ],
)
def test_an_impossible_market_fills_nothing(market):
    assert submit(View(**market)).executions == ()


def test_a_size_is_counted_in_whole_steps():
    report = submit(View(quote(size=0.1234567891)))
    assert report.executions[0].quantity == u("0.12345")


def test_a_price_that_was_traded_on_is_not_traded_on_again():
    assert submit(View(quote()), newer_than_ms=1).reason_code == "no_liquidity"
    assert submit(View(quote(received=2), now=2), newer_than_ms=1).executions


def test_a_fee_is_rounded_up_and_the_reserve_covers_it():
    fees = FeeSchedule(maker_ppm=0, taker_ppm=1_000)
    assert [fees.fee(n, is_maker=False) for n in (0, 1, 1000, 1001)] == [0, 1, 1, 2]
    assert fees.fee(5000, is_maker=True) == 0
    assert fees.with_fee(1001) == 1003


levels = st.lists(
    st.tuples(st.integers(1, 10**12), st.integers(0, 10**6).map(lambda n: n * 1000)), max_size=8
)


@given(
    side=st.sampled_from(["buy", "sell"]),
    quantity=st.integers(1, 10**7).map(lambda n: n * 1000),
    book_levels=levels,
    bound=st.none() | st.integers(1, 10**12),
)
def test_a_walk_never_gives_more_than_is_there_nor_past_its_bound(
    side, quantity, book_levels, bound
):
    ordered = sorted(book_levels, reverse=side == "sell")
    done = walk(side, quantity, ordered, terms=TERMS, fees=PAPER, worst_price=bound)
    within = [
        (p, q) for p, q in ordered if bound is None or (p <= bound if side == "buy" else p >= bound)
    ]
    assert sum(e.quantity for e in done) == min(quantity, sum(q for _, q in within))
    for execution in done:
        exact = Fraction(execution.quantity * execution.price, 10**8)
        difference = execution.notional - exact
        assert 0 <= difference < 1 if side == "buy" else -1 < difference <= 0
