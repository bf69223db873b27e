"""What is sealed is told, whatever else is written with it: repeats, corrections, history."""

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from markets.events import BarsClosed
from markets.models import Candle, CandleRevision, Instrument, Venue
from markets.streaming.board import Board
from markets.streaming.sealing import Note, Sealing, notes_write
from markets.streaming.series import SeriesKeeper
from markets.streaming.venue_clock import VenueClock
from markets.streaming.writer import Writer
from markets.types import Bar, Origin
from mystic.lib import bus
from tests.markets.scripted import MINUTE, START, Market, streaming, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key():
    venue = Venue.objects.create(code="binance", name="Binance")
    row = Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT"
    )
    return row.pk


@pytest.fixture
def told():
    heard = []
    bus.subscribe(BarsClosed, heard.append)
    yield heard
    bus.unsubscribe(BarsClosed, heard.append)


def bar(key, number, close=101.0):
    at = START + number * MINUTE
    values = (100.0, 105.0, 95.0, close, 2.5)
    return Bar(key, MINUTE, at, *values, 7, "binance", Origin.LIVE, 1)


def heard_of(told):
    return [one for event in told for one in event.bars]


def test_a_repeat_in_the_same_batch_does_not_keep_a_bar_from_being_told(key, told):
    sealed = [bar(key, 0), bar(key, 1)]
    repeat = replace(sealed[0], received_at_ms=2)
    notes_write([Note(key, MINUTE, sealed=sealed), Note(key, MINUTE, late=[repeat])])
    assert heard_of(told) == sealed
    assert not CandleRevision.objects.exists()


def test_a_correction_in_the_same_batch_comes_after_the_first_word(key, told):
    first, corrected = bar(key, 0), bar(key, 0, close=104.0)
    notes_write([Note(key, MINUTE, sealed=[first]), Note(key, MINUTE, late=[corrected])])
    assert heard_of(told) == [first]
    assert Candle.objects.get().close == 104.0
    assert [row.close for row in CandleRevision.objects.all()] == [101.0]


def test_a_bar_of_a_slot_that_was_passed_over_is_stored_and_not_told(key, told):
    told_later = bar(key, 2)
    answer = Note(
        key,
        MINUTE,
        sealed=[told_later],
        answered=(bar(key, 1).open_time, told_later.close_time),
        absent=[(bar(key, 1).open_time, told_later.open_time)],
    )
    notes_write([answer, Note(key, MINUTE, late=[bar(key, 1)])])
    assert heard_of(told) == [told_later]
    assert list(Candle.objects.order_by("open_time").values_list("open_time", flat=True)) == [
        START + MINUTE,
        START + 2 * MINUTE,
    ]


def test_history_waits_for_what_was_sealed_before_it(key, told):
    sealed = bar(key, 0)

    async def both():
        market, writer = Market(["BTC/USDT"]), Writer()
        sealing = Sealing(writer)
        keeper = SeriesKeeper(
            rest=market.source().rest,
            timeframe=MINUTE,
            writer=writer,
            sealing=sealing,
            board=Board(writer),
            clock=VenueClock(MINUTE),
            page=1000,
            source="binance",
        )
        run = asyncio.create_task(sealing.run())
        sealing.put(Note(key, MINUTE, sealed=[sealed]))
        page = [bar(key, -1), replace(sealed, origin=Origin.BACKFILL)]
        await keeper.write([Note(key, MINUTE, sealed=page)])
        run.cancel()
        await writer.close()

    asyncio.run(asyncio.wait_for(both(), 20))
    assert heard_of(told) == [sealed]
    assert Candle.objects.count() == 2


def test_it_is_drained_only_when_what_was_put_is_written(key, told):
    async def put_and_wait():
        writer = Writer()
        sealing = Sealing(writer)
        await sealing.drained()
        run = asyncio.create_task(sealing.run())
        for number in range(3):
            sealing.put(Note(key, MINUTE, sealed=[bar(key, number)]))
            await sealing.drained()
            assert [one.open_time for one in heard_of(told)] == [
                START + n * MINUTE for n in range(number + 1)
            ]
        run.cancel()
        await writer.close()

    asyncio.run(asyncio.wait_for(put_and_wait(), 20))


@contextmanager
def busy(streamer):
    """Hold the writer's thread, as a slow database does."""
    session, go_on = streamer.session, threading.Event()
    asyncio.run_coroutine_threadsafe(session._writer.run(go_on.wait), streamer._loop)
    try:
        yield
    finally:
        go_on.set()


def test_a_frame_that_comes_again_while_the_database_is_slow_hides_no_bar(told):
    market = Market(["BTC/USDT"])
    market.grow(20)
    with streaming(market) as streamer:
        until(lambda: Candle.objects.count() == 20)
        market.stream.connect()
        series = streamer.session.keeper.series.values()
        until(lambda: all(one.task is not None and one.task.done() for one in series))
        begin = market.now
        market.grow(12)
        times = list(range(begin, market.now, MINUTE))
        with busy(streamer):
            # The gate remembers eight bars: the first is older than that when it comes again.
            for time in (*times, times[0]):
                market.stream.send(market.kline("BTCUSDT", time))
            until(lambda: streamer.session.keeper.counts["late_bars"] == 1)
        until(lambda: Candle.objects.count() == 32)
        until(lambda: heard_of(told), say="nothing was told")
    assert [one.open_time for one in heard_of(told)] == times
    assert not CandleRevision.objects.exists()
