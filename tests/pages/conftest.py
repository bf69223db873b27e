"""Real rows and real quotes for the pages."""

import pytest
from django.test import Client

from markets.models import Candle, Instrument, Venue
from markets.quotes import store
from markets.types import Quote
from mystic.lib import clock

NOW_S = clock.now_ms() // 60_000 * 60


@pytest.fixture
def venue(db):
    return Venue.objects.create(code="binance", name="Binance")


@pytest.fixture
def pair(venue):
    def make(symbol, *, tick=1_000_000, **fields):
        base, quote = symbol.split("/")
        return Instrument.objects.create(
            venue=venue,
            symbol=symbol,
            native_id=base + quote,
            base=base,
            quote=quote,
            tick=tick,
            is_watched=True,
            **fields,
        )

    return make


@pytest.fixture
def btc(pair):
    return pair("BTC/USDT")


@pytest.fixture
def bar():
    def make(instrument, open_time, close, **fields):
        return Candle.objects.create(
            instrument_id=instrument.pk,
            timeframe=60,
            open_time=open_time,
            open=close,
            high=close,
            low=close,
            close=close,
            volume=1.0,
            source="binance",
            origin="backfill",
            received_at_ms=(open_time + 60) * 1000,
            **fields,
        )

    return make


@pytest.fixture
def quote():
    """Put a quote into the store as the streamer does; it is forgotten afterwards."""

    def put(instrument, bid, ask, *, age_ms=0, last=None, source="binance", is_official=True):
        found = Quote(
            instrument_id=instrument.pk,
            bid=bid,
            bid_size=1.0,
            ask=ask,
            ask_size=2.0,
            last=last,
            source=source,
            is_official=is_official,
            as_of_ms=None,
            received_at_ms=clock.now_ms() - age_ms,
            received_mono_ms=clock.monotonic_ms() - age_ms,
        )
        store.put(found)
        return found

    store.is_local = True
    yield put
    store.is_local = False
    store.clear()


@pytest.fixture
def as_ann(ann):
    client = Client()
    client.force_login(ann)
    return client


@pytest.fixture
def configure(settings):
    """Change values of the environment for one test."""

    def change(**values):
        settings.ENV = {**settings.ENV, **values}

    return change
