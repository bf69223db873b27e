"""What another process told the hub is as old and as delayed here as it is there."""

import pytest

from markets.live import quote_payload
from markets.quotes import store
from markets.types import Quote
from mystic.lib.clock import monotonic_ms, now_ms
from mystic.lib.live import hub
from tests.memory import listen, newest
from trading.market import heard
from trading.valuation import mark_of

pytestmark = pytest.mark.django_db


def told(instrument, *, late_ms, source="binance", is_official=True):
    at_ms = now_ms()
    quote = Quote(
        instrument.pk,
        99.0,
        1.0,
        100.0,
        1.0,
        None,
        source,
        is_official,
        at_ms - late_ms,
        at_ms,
        monotonic_ms() - late_ms,
        is_delayed=late_ms > 0,
    )
    listen()
    payload = quote_payload(quote)
    hub.publish_latest(f"quote:{instrument.pk}", "quote", payload)
    assert newest(f"quote:{instrument.pk}", "quote", payload) == payload
    return heard.latest(instrument.pk)


def test_a_quote_that_is_not_late_is_young(btc):
    quote = told(btc, late_ms=0)
    assert (quote.is_delayed, quote.is_official) == (False, True)
    assert heard.age_ms(quote) < 30_000


def test_the_age_of_a_delayed_quote_counts_from_its_own_time(btc):
    quote = told(btc, late_ms=900_000)
    assert quote.is_delayed
    assert heard.age_ms(quote) >= 900_000
    assert monotonic_ms() - quote.received_mono_ms >= 900_000
    assert mark_of(btc, heard) is None, "too old to value a position"


def test_a_quote_of_an_unproved_gateway_is_not_official(btc):
    assert told(btc, late_ms=0, source="ibkr", is_official=False).is_official is False


def test_a_delayed_quote_is_never_live(btc):
    quote = told(btc, late_ms=1_000)
    store.put(quote)
    try:
        assert quote_payload(quote)["is_live"] is False
    finally:
        store.clear()
