"""Sources that disagree: the decision alone, then rows, alerts and orders."""

import math

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from markets.agreement import Agreement
from markets.events import SourcesDisagree
from markets.models import Disagreement, Instrument, Venue
from markets.quotes import store
from markets.selectors_sources import pause_reason
from markets.services.agreement import (
    agreement_restore,
    agreement_write,
    observe,
    observe_price,
    watch,
)
from markets.types import BookView, Quote
from mystic.lib import bus
from mystic.lib.clock import monotonic_ms

KEY = "live:BTC/USDT"


def feed(agreement, seconds, **prices):
    """Tell the prices at each second; returns (second, is over) of each change."""
    found = []
    for second in seconds:
        for source, price in prices.items():
            opinion = agreement.observe(KEY, source, price, now_s=float(second))
            if opinion is not None:
                found.append((second, opinion.is_over))
    return found


@pytest.fixture
def agreement():
    return Agreement(1.5)


def test_it_begins_after_three_seconds_and_ends_after_thirty_of_agreement(agreement):
    assert feed(agreement, range(10), binance=100.0, coinbase=102.0) == [(3, False)]
    assert agreement.in_doubt() == {KEY}
    assert feed(agreement, range(10, 60), binance=100.0, coinbase=101.0) == [(40, True)]
    assert agreement.in_doubt() == set()


@pytest.mark.parametrize(("price", "is_apart"), [(101.5, False), (101.51, True), (98.0, True)])
def test_the_distance_counts_in_percent_of_the_lower_price(agreement, price, is_apart):
    assert bool(feed(agreement, range(10), binance=100.0, coinbase=price)) is is_apart


def test_the_opinion_names_both_figures(agreement):
    feed(agreement, range(3), binance=100.0, coinbase=102.0)
    agreement.observe(KEY, "binance", 100.25, now_s=3.0)
    opinion = agreement.observe(KEY, "coinbase", 103.0, now_s=3.0)
    assert opinion is None, "it was said with the figure before"
    assert agreement.in_doubt() == {KEY}


def test_a_short_difference_is_none(agreement):
    for start in range(0, 100, 4):
        assert feed(agreement, range(start, start + 2), binance=100.0, coinbase=103.0) == []
        assert feed(agreement, range(start + 2, start + 4), binance=100.0, coinbase=100.0) == []


def test_a_difference_in_between_delays_the_end(agreement):
    feed(agreement, range(4), binance=100.0, coinbase=103.0)
    assert feed(agreement, range(4, 30), binance=100.0, coinbase=100.0) == []
    assert feed(agreement, range(30, 32), binance=100.0, coinbase=103.0) == []
    assert feed(agreement, range(32, 70), binance=100.0, coinbase=100.0) == [(62, True)]


def test_figures_that_were_heard_far_apart_are_not_compared(agreement):
    for second in range(0, 600, 30):
        assert feed(agreement, [second], binance=100.0) == []
        assert feed(agreement, [second + 15], coinbase=110.0) == []


def test_a_source_that_is_polled_is_compared_with_one_that_streams(agreement):
    found = []
    for second in range(60):
        if second % 15 == 0:
            found += feed(agreement, [second], coinbase=103.0)
        found += feed(agreement, [second], binance=100.0)
    assert found == [(3, False)]


def test_other_symbols_and_one_source_alone_mean_nothing(agreement):
    for second in range(20):
        assert agreement.observe("live:BTC/USDT", "binance", 100.0, now_s=second) is None
        assert agreement.observe("live:BTC/USD", "coinbase", 110.0, now_s=second) is None
        assert agreement.observe("replay:BTC/USDT", "replay:coinbase", 90.0, now_s=second) is None


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_price_is_not_heard(agreement, price):
    assert feed(agreement, range(20), binance=100.0, coinbase=price) == []


def test_it_lapses_when_there_is_nothing_to_compare_for_a_quarter_of_an_hour(agreement):
    feed(agreement, range(4), binance=100.0, coinbase=103.0)
    feed(agreement, range(4, 902), binance=100.0)
    assert list(agreement.lapsed(now_s=900.0)) == []
    (opinion,) = agreement.lapsed(now_s=920.0)
    assert (opinion.is_over, opinion.is_lapsed) == (True, True)
    assert agreement.in_doubt() == set()


def test_one_that_was_there_before_the_start_ends_as_any_other(agreement):
    agreement.doubt(KEY, "coinbase", "binance", now_s=0.0)
    assert feed(agreement, range(50), binance=100.0, coinbase=100.0) == [(30, True)]


# Rows.


@pytest.fixture
def btc(db):
    venue = Venue.objects.create(code="binance", name="Binance")
    return Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT"
    )


@pytest.fixture
def heard(btc):
    """Begin with empty memory; returns what is told on the bus."""
    told = []
    watch.forget()
    store.put_symbols({btc.pk: btc.symbol})
    bus.subscribe(SourcesDisagree, told.append)
    yield told
    bus.unsubscribe(SourcesDisagree, told.append)
    watch.forget()


def quote(instrument_id, source, price, mono_ms):
    return Quote(
        instrument_id=instrument_id,
        bid=price - 1,
        bid_size=1.0,
        ask=price + 1,
        ask_size=1.0,
        last=None,
        source=source,
        is_official=True,
        as_of_ms=None,
        received_at_ms=0,
        received_mono_ms=mono_ms,
    )


def tell(instrument, seconds, begin_ms, *, first=60_000.0, second=61_500.0):
    """Let a stream speak four times a second, and a second source once in a second."""
    for step in range(seconds * 4):
        at_ms = begin_ms + 250 * step
        observe(quote(instrument.pk, "binance", first, at_ms))
        if step % 4 == 0:
            observe_price(instrument.pk, "coinbase", second, at_ms)
    return begin_ms + seconds * 1000


def test_a_row_opens_and_ends_and_each_is_told(btc, heard, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        at_ms = tell(btc, 10, monotonic_ms())
        assert agreement_write() == 1
    row = Disagreement.objects.get()
    assert (row.instrument, row.source, row.price) == (btc, "binance", 60_000.0)
    assert (row.other_source, row.other_price, row.ended_at) == ("coinbase", 61_500.0, None)
    sentence = pause_reason(btc.pk)
    assert sentence.startswith("Sources disagree: binance tells 60000, coinbase 61500, 2.5 % apart")
    with django_capture_on_commit_callbacks(execute=True):
        tell(btc, 40, at_ms, second=60_001.0)
        assert agreement_write() == 1
    row.refresh_from_db()
    assert row.ended_at is not None
    assert pause_reason(btc.pk) == ""
    assert [(event.symbol, event.is_over) for event in heard] == [
        ("BTC/USDT", False),
        ("BTC/USDT", True),
    ]


def test_the_same_symbol_of_two_venues_is_compared_and_both_are_paused(btc, heard):
    venue = Venue.objects.create(code="coinbase", name="Coinbase")
    other = Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTC-USDT", base="BTC", quote="USDT"
    )
    store.put_symbols({other.pk: other.symbol})
    begin_ms = monotonic_ms()
    for second in range(6):
        observe_price(btc.pk, "binance", 60_000.0, begin_ms + second * 1000)
        observe_price(other.pk, "coinbase", 63_000.0, begin_ms + second * 1000)
    assert agreement_write() == 2
    assert pause_reason(btc.pk)
    assert pause_reason(other.pk)


def test_a_dollar_pair_is_never_compared_with_a_tether_pair(btc, heard):
    venue = Venue.objects.create(code="coinbase", name="Coinbase")
    other = Instrument.objects.create(
        venue=venue, symbol="BTC/USD", native_id="BTC-USD", base="BTC", quote="USD"
    )
    store.put_symbols({other.pk: other.symbol})
    for second in range(60):
        observe_price(btc.pk, "binance", 60_000.0, second * 1000)
        observe_price(other.pk, "coinbase", 66_000.0, second * 1000)
    assert agreement_write() == 0


def test_a_replay_is_never_compared_with_live_data(btc, heard):
    for second in range(60):
        observe_price(btc.pk, "binance", 60_000.0, second * 1000)
        observe_price(btc.pk, "replay:coinbase", 66_000.0, second * 1000)
    assert agreement_write() == 0


def test_an_open_row_is_known_to_the_next_process_and_ended_by_it(btc, heard):
    tell(btc, 10, monotonic_ms())
    agreement_write()
    watch.forget()
    agreement_restore()
    tell(btc, 10, monotonic_ms())
    assert agreement_write() == 0
    assert Disagreement.objects.filter(ended_at=None).count() == 1
    tell(btc, 40, monotonic_ms() + 10_000, second=60_001.0)
    assert agreement_write() == 1
    assert not Disagreement.objects.filter(ended_at=None).exists()


def test_one_disagreement_at_a_time(btc, heard):
    Disagreement.objects.create(
        instrument=btc,
        source="binance",
        price=1.0,
        other_source="coingecko",
        other_price=2.0,
        began_at=timezone.now(),
    )
    tell(btc, 10, monotonic_ms())
    assert agreement_write() == 0
    assert Disagreement.objects.count() == 1


# Orders.


@pytest.fixture
def account(ann):
    from trading.services.accounts import account_open

    return account_open(user=ann)


@pytest.fixture
def trade(account, btc):
    from trading.services.orders import order_place
    from trading.tickets import Ticket

    Instrument.objects.filter(pk=btc.pk).update(
        tick=1_000_000, step=1_000, min_quantity=1_000, min_notional=500_000_000
    )
    store.is_local = True
    at_ms = monotonic_ms()
    store.put(quote(btc.pk, "binance", 60_000.0, at_ms))
    store.put_book(
        BookView(
            instrument_id=btc.pk,
            bids=((59_999.0, 1.0),),
            asks=((60_001.0, 1.0),),
            update_id=at_ms,
            source="binance",
            is_official=True,
            as_of_ms=None,
            received_at_ms=at_ms,
            received_mono_ms=at_ms,
        )
    )

    def place(side, quantity=100_000, **fields):
        return order_place(
            Ticket(
                account_id=account.pk,
                instrument_id=btc.pk,
                side=side,
                quantity=quantity,
                actor="ann",
                **fields,
            )
        )

    yield place
    store.is_local = False
    store.clear()


@pytest.fixture
def doubted(btc):
    return Disagreement.objects.create(
        instrument=btc,
        source="binance",
        price=60_000.0,
        other_source="coinbase",
        other_price=61_500.5,
    )


@pytest.mark.parametrize("quantity", [100_000, None])
def test_an_entry_waits_and_its_refusal_names_both_figures(trade, doubted, quantity):
    order = trade("buy", quantity)
    assert (order.status, order.reason_code) == ("denied", "sources_disagree")
    assert "binance tells 60000, coinbase 61500.5, 2.5 % apart" in order.risk_decision.detail
    assert order.reserved == 0


def test_an_entry_goes_on_when_it_is_over(trade, doubted):
    doubted.ended_at = timezone.now()
    doubted.save()
    assert trade("buy").status != "denied"


def test_an_exit_passes(trade, btc, account):
    from trading.models import Position
    from trading.services.fills import paper_execute

    order = trade("buy")
    assert order.status != "denied"
    paper_execute(order.pk)
    position = Position.objects.get(account=account, closed_at=None)
    Disagreement.objects.create(
        instrument=btc, source="binance", price=60_000.0, other_source="coinbase", other_price=7e4
    )
    sale = trade("sell", position.quantity, position_id=position.pk)
    assert (sale.reason_code, sale.risk_verdict) == ("", "approved")


# Alerts.


def test_who_asked_for_outages_is_told_when_it_begins_and_when_it_is_over(ann, btc, heard):
    from notifications.models import Alert, AlertRule
    from notifications.services import listeners

    AlertRule.objects.filter(user=ann).delete()
    AlertRule.objects.create(user=ann, kind=AlertRule.Kind.SOURCE_DOWN)
    facts = {
        "disagreement_id": 7,
        "instrument_id": btc.pk,
        "symbol": "BTC/USDT",
        "source": "binance",
        "price": 60_000.25,
        "other_source": "coinbase",
        "other_price": 61_500.0,
    }
    for _ in range(2):
        listeners.on_sources_disagree(SourcesDisagree(**facts))
    listeners.on_sources_disagree(SourcesDisagree(**facts, is_over=True))
    alerts = list(Alert.objects.filter(user=ann).order_by("pk"))
    assert [alert.title for alert in alerts] == [
        "Sources disagree on BTC/USDT",
        "Sources agree on BTC/USDT again",
    ]
    assert "binance tells 60000.25 and coinbase tells 61500." in alerts[0].body
    listeners.on_sources_disagree(
        SourcesDisagree(**{**facts, "disagreement_id": 8}, is_over=True, is_lapsed=True)
    )
    assert Alert.objects.order_by("pk").last().title == "Only one source tells BTC/USDT now"


def test_a_disagreement_is_not_lost_when_the_database_is_away(btc, heard):
    def away(*_):
        raise OperationalError("the database is locked")

    tell(btc, 10, monotonic_ms())
    with connection.execute_wrapper(away), pytest.raises(OperationalError):
        agreement_write()
    assert agreement_write() == 1
    assert pause_reason(btc.pk)


def test_a_figure_from_long_ago_is_not_compared_with_one_of_now(agreement):
    for second in range(20):
        assert feed(agreement, [1000 + second], binance=100.0) == []
        assert feed(agreement, [100 + second], yahoo=110.0) == [], "fifteen minutes late"
