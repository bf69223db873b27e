"""Deployments whose strategies decide on stored bars, by the evaluation itself."""

import pytest

from markets.models import Instrument, Venue
from markets.services.candles import candles_store
from markets.types import Bar, Origin
from signals.services import evaluation
from signals.services.strategies import strategies_sync
from signals.strategies.registry import CLASSES
from tests.signals.app.conftest import START, walk
from tests.trading.parity.strategies import Crossing, Watching
from trading.services.accounts import account_open
from trading.services.deployments import deployment_start

# Five hours before a block of 512 minutes begins; what is decided goes on over its end.
BEGIN = START - 300 * 60
HISTORY = 600


@pytest.fixture
def venue(db, settings):
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "http://127.0.0.1:9",
        "BINANCE_WS_URL": "ws://127.0.0.1:9",
    }
    return Venue.objects.create(code="replay:binance", name="Replay of Binance", is_replay=True)


@pytest.fixture
def make_instrument(venue):
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
    return make_instrument()


@pytest.fixture
def rows():
    return wave(HISTORY + 300)


def wave(count, seed=1):
    return walk(count, start=BEGIN, seed=seed)


def bars_of(instrument, rows, *, received_at_ms=None):
    return [
        Bar(
            instrument_id=instrument.pk,
            timeframe=60,
            open_time=row[0],
            open=row[1],
            high=row[2],
            low=row[3],
            close=row[4],
            volume=row[5],
            trades=-1,
            source="replay:binance",
            origin=Origin.LIVE,
            received_at_ms=received_at_ms or (row[0] + 60) * 1000,
        )
        for row in rows
    ]


@pytest.fixture
def only(monkeypatch):
    """Let these classes be the only strategies there are."""

    def register(*classes):
        for name in list(CLASSES):
            monkeypatch.delitem(CLASSES, name)
        for one in classes:
            monkeypatch.setitem(CLASSES, one.__name__, one)
        return strategies_sync()

    return register


@pytest.fixture
def crossing(only):
    (row,) = only(Crossing)
    return row


@pytest.fixture
def watching(only):
    (row,) = only(Watching)
    return row


@pytest.fixture
def deploy(ann):
    def start(strategy, symbols=(), owner=None):
        return deployment_start(
            account=account_open(user=owner or ann), strategy=strategy, symbols=symbols
        )

    return start


def play(instrument, rows, *, history=HISTORY, step=50):
    """Store bars as they close, and let the evaluation decide each from `history` on."""
    candles_store(bars_of(instrument, rows[:history]))
    evaluation.evaluate_waiting()
    for begin in range(history, len(rows), step):
        candles_store(bars_of(instrument, rows[begin : begin + step]))
        evaluation.evaluate_waiting()


def at(row):
    """Return the open time of a row of `walk`."""
    return BEGIN + row * 60
