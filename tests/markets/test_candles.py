"""Stored bars: written once, told once, corrected never silently."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from markets.events import BarsClosed
from markets.models import Candle, CandleRevision, Gap, Instrument, Venue
from markets.services import candles_rewind, candles_store
from markets.types import Bar, Origin
from mystic.lib import bus

pytestmark = pytest.mark.django_db(transaction=True)

START = 1_700_000_040


def bar(number, *, instrument=1, close=101.0, timeframe=60):
    return Bar(
        instrument,
        timeframe,
        START + number * timeframe,
        100.0,
        105.0,
        95.0,
        close,
        2.5,
        7,
        "binance",
        Origin.LIVE,
        1_700_000_000_000,
    )


@pytest.fixture(autouse=True)
def instruments():
    venue = Venue.objects.create(code="binance", name="Binance")
    for key, base in ((1, "BTC"), (2, "ETH")):
        Instrument.objects.create(
            pk=key,
            venue=venue,
            symbol=f"{base}/USDT",
            native_id=f"{base}USDT",
            base=base,
            quote="USDT",
        )


@pytest.fixture
def told():
    heard = []
    bus.subscribe(BarsClosed, heard.append)
    yield heard
    bus.unsubscribe(BarsClosed, heard.append)


def test_new_bars_are_stored_and_told_once_in_order(told):
    bars = [bar(1), bar(0), bar(0, instrument=2)]
    stored = candles_store(bars)
    assert set(stored.new) == set(bars)
    assert [(e.timeframe, [(b.open_time, b.instrument_id) for b in e.bars]) for e in told] == [
        (60, [(START, 1), (START, 2), (START + 60, 1)])
    ]
    row = Candle.objects.get(pk=(1, 60, START))
    assert (row.open, row.high, row.low, row.close, row.volume, row.trades) == (
        100.0,
        105.0,
        95.0,
        101.0,
        2.5,
        7,
    )
    assert (row.source, row.origin, row.received_at_ms) == ("binance", "live", 1_700_000_000_000)


def test_the_same_bar_again_changes_nothing(told):
    candles_store([bar(0)])
    again = candles_store([replace(bar(0), origin=Origin.BACKFILL, trades=-1)])
    assert (again.new, again.revised) == ((), ())
    assert len(told) == 1
    assert Candle.objects.get().origin == "live"
    assert not CandleRevision.objects.exists()


def test_a_correction_keeps_what_it_replaced_and_is_not_told(told):
    candles_store([bar(0)])
    corrected = replace(bar(0), close=102.0, source="binance", origin=Origin.BACKFILL)
    assert candles_store([corrected, bar(1)]).revised == (corrected,)
    assert Candle.objects.get(pk=(1, 60, START)).close == 102.0
    revision = CandleRevision.objects.get()
    assert (revision.open_time, revision.close, revision.source) == (START, 101.0, "binance")
    assert [b.open_time for event in told for b in event.bars] == [START, START + 60]


def test_history_is_not_told(told):
    candles_store([bar(0)], is_announced=False)
    assert told == []
    assert Candle.objects.count() == 1


def test_an_impossible_bar_stores_nothing_of_its_batch(told):
    with pytest.raises(IntegrityError):
        candles_store([bar(0), replace(bar(1), low=100.5, open=100.0)])
    assert not Candle.objects.exists()
    assert told == []


def test_bars_are_told_only_after_the_outer_commit(told):
    with transaction.atomic():
        candles_store([bar(0)])
        assert told == []
    assert len(told) == 1


def test_a_rewind_removes_what_a_replay_will_tell_again():
    candles_store([bar(n) for n in range(5)])
    candles_store([bar(n, instrument=2) for n in range(5)])
    assert candles_rewind(instrument_ids=[1], timeframe=60, to=START + 120) == 3
    assert list(
        Candle.objects.filter(instrument_id=1).values_list("open_time", flat=True).order_by()
    ) == [START, START + 60]
    assert Candle.objects.filter(instrument_id=2).count() == 5
    assert not Gap.objects.exists()


def test_floats_come_back_as_they_were():
    exact = replace(bar(0), open=0.1 + 0.2, high=1e9 / 3, low=1e-7 / 3, close=0.1 + 0.2)
    candles_store([exact])
    row = Candle.objects.get()
    assert (row.open, row.high, row.low) == (exact.open, exact.high, exact.low)
