"""Instruments and stored bars for the tests of the signals app."""

import math
import random

import pytest

from markets.models import Candle, Instrument, Venue
from signals.services import evaluation, patterns

START = 1_700_044_800  # where a block of 512 minutes begins, and a tenth minute


@pytest.fixture(autouse=True)
def fresh_memory():
    """What a process remembers between evaluations begins empty in each test."""
    evaluation._cache.forget()
    patterns._series.clear()
    patterns._waiting.clear()


@pytest.fixture
def venue(db):
    return Venue.objects.create(code="replay:binance", name="Replay of Binance", is_replay=True)


@pytest.fixture
def replaying(settings):
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "http://127.0.0.1:9",
        "BINANCE_WS_URL": "ws://127.0.0.1:9",
    }


@pytest.fixture
def make_instrument(venue, replaying):
    def make(symbol="BTC/USDT"):
        base, quote = symbol.split("/")
        return Instrument.objects.create(
            venue=venue,
            symbol=symbol,
            native_id=base + quote,
            base=base,
            quote=quote,
            is_watched=True,
        )

    return make


@pytest.fixture
def btc(make_instrument):
    return make_instrument("BTC/USDT")


def walk(count, *, start=START, seed=1, timeframe=60):
    """Return (open_time, open, high, low, close, volume) rows of a wavy random walk."""
    noise = random.Random(seed)  # noqa: S311  the same walk in every run
    rows, price = [], 60_000.0
    for n in range(count):
        change = 40 * math.sin(n / 23) + 30 * math.sin(n / 7) + noise.gauss(0, 25)
        close = round(price + change, 2)
        high = round(max(price, close) + abs(noise.gauss(0, 12)), 2)
        low = round(min(price, close) - abs(noise.gauss(0, 12)), 2)
        rows.append((start + n * timeframe, price, high, low, close, 1.5))
        price = close
    return rows


def store(instrument, rows, *, source="replay:binance", origin="live", timeframe=60):
    Candle.objects.bulk_create(
        Candle(
            instrument_id=instrument.pk,
            timeframe=timeframe,
            open_time=row[0],
            open=row[1],
            high=row[2],
            low=row[3],
            close=row[4],
            volume=row[5],
            source=source,
            origin=origin,
            received_at_ms=(row[0] + timeframe) * 1000,
        )
        for row in rows
    )
