"""The streamer on a scripted venue: whole series through cuts, restarts and silences."""

import pytest
from django.db import IntegrityError, OperationalError

from markets.events import BarsClosed, QuoteChanged
from markets.models import Candle, CandleRevision, Gap, Instrument, SourceState
from markets.providers.base import StreamState
from markets.quotes import store
from markets.selectors import bars_load, closed_through
from markets.streaming import Streamer
from markets.streaming import sealing as sealing_module
from markets.streaming import series as series_module
from markets.streaming.session import Plan
from mystic.lib import bus
from mystic.lib.http import Unreachable
from tests.markets.scripted import MINUTE, START, Market, streaming, ticker, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told():
    heard = []
    bus.subscribe(BarsClosed, heard.append)
    yield heard
    bus.unsubscribe(BarsClosed, heard.append)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(series_module, "GRACE_S", 0.1)
    monkeypatch.setattr(series_module, "PAUSE_S", 0.05)


def key_of(symbol="BTC/USDT"):
    return Instrument.objects.get(symbol=symbol, venue__code="binance").pk


def stored(native="BTCUSDT"):
    key = Instrument.objects.filter(native_id=native).values_list("pk", flat=True).first()
    fields = ("open_time", "open", "high", "low", "close", "volume")
    return list(Candle.objects.filter(instrument_id=key).order_by("open_time").values_list(*fields))


def truth(market, native="BTCUSDT"):
    return [(r.open_time, r.open, r.high, r.low, r.close, r.volume) for r in market.rows(native)]


def is_whole(market):
    return all(stored(native) == truth(market, native) for native in market.bars)


def closed_times(told, symbol="BTC/USDT"):
    key = key_of(symbol)
    return [bar.open_time for event in told for bar in event.bars if bar.instrument_id == key]


def connect(market, streamer):
    """Connect, and wait until what the connection asked of REST is answered."""
    market.stream.connect()
    series = streamer.session.keeper.series.values()
    until(lambda: all(one.task is not None and one.task.done() for one in series))


def feed(market, open_time):
    for native in market.bars:
        if open_time in market.bars[native]:
            market.stream.send(market.kline(native, open_time))


def test_history_first_then_each_close_is_stored_and_told_once(told):
    market = Market()
    market.grow(50)
    with streaming(market) as streamer:
        until(lambda: is_whole(market), say="the history was not stored")
        assert told == []
        connect(market, streamer)
        market.grow(1)
        feed(market, market.now - MINUTE)
        feed(market, market.now - MINUTE)
        until(lambda: is_whole(market), say="the close was not stored")
        until(lambda: closed_times(told) == [market.now - MINUTE])
        until(lambda: closed_times(told, "ETH/USDT") == [market.now - MINUTE])
        assert closed_through(key_of(), MINUTE) == market.now
    row = Candle.objects.get(instrument_id=key_of(), open_time=market.now - MINUTE)
    assert (row.origin, row.source) == ("live", "binance")


def test_bars_missed_in_a_cut_are_filled_before_the_next_is_told(told):
    market = Market()
    market.grow(20)
    with streaming(market) as streamer:
        until(lambda: is_whole(market))
        connect(market, streamer)
        first = market.now
        market.stream.go(StreamState.STALE, "cut")
        market.grow(5)
        feed(market, market.now - MINUTE)
        until(lambda: is_whole(market), say="the hole was not filled")
        wanted = list(range(first, market.now, MINUTE))
        until(lambda: closed_times(told) == wanted, say="not told in order")
    origins = Candle.objects.filter(instrument_id=key_of(), open_time__gte=first)
    assert list(origins.order_by("open_time").values_list("origin", flat=True)) == [
        *["backfill"] * 4,
        "live",
    ]
    assert not Gap.objects.filter(state="open").exists()


def test_a_reconnect_asks_for_what_closed_unseen(told):
    market = Market()
    market.grow(20)
    with streaming(market) as streamer:
        until(lambda: is_whole(market))
        connect(market, streamer)
        first = market.now
        market.grow(3)
        market.stream.connect()
        until(lambda: is_whole(market), say="the reconnect did not catch up")
        wanted = list(range(first, market.now, MINUTE))
        until(lambda: closed_times(told) == wanted, say="the caught up bars were not told")


def test_a_quiet_symbol_is_closed_by_the_timer(told):
    market = Market()
    market.grow(20)
    with streaming(market) as streamer:
        until(lambda: is_whole(market))
        connect(market, streamer)
        market.grow(2)
        # Only one pair is heard of; the venue's clock, told by it, shows that the other is late.
        market.stream.send(market.kline("ETHUSDT", market.now - 2 * MINUTE))
        market.stream.send(market.kline("ETHUSDT", market.now - MINUTE))
        until(lambda: is_whole(market), say="the timer did not close the quiet pair")


def test_nothing_passes_while_rest_is_away_and_all_passes_after(told):
    market = Market()
    market.grow(20)
    with streaming(market) as streamer:
        until(lambda: is_whole(market))
        connect(market, streamer)
        before = truth(market)
        first = market.now
        market.fault = Unreachable("scripted")
        market.grow(4)
        feed(market, market.now - 2 * MINUTE)
        feed(market, market.now - MINUTE)
        until(lambda: Gap.objects.filter(state="open").count() == 2, say="no gap on record")
        assert stored() == before
        assert told == []
        market.fault = None
        until(lambda: is_whole(market), say="the series did not go on")
        until(lambda: closed_times(told) == list(range(first, market.now, MINUTE)))
        until(lambda: not Gap.objects.filter(state="open").exists())


def test_slots_without_trades_are_absent_not_invented(told):
    market = Market()
    market.grow(30, holes={7, 8, 20})
    with streaming(market) as streamer:
        until(lambda: is_whole(market))
        connect(market, streamer)
        market.grow(4, holes={1})
        feed(market, market.now - MINUTE)
        until(lambda: is_whole(market), say="the series did not pass the absent slot")
        until(lambda: Gap.objects.filter(instrument_id=key_of(), state="absent").count() >= 3)
    absent = Gap.objects.filter(instrument_id=key_of(), state="absent", start__gte=START)
    assert sorted((gap.start - START) // MINUTE for gap in absent) == [7, 20, 31]
    through = closed_through(key_of(), MINUTE)
    assert through == market.now
    assert bars_load(key_of(), MINUTE, limit=500).open_time.tolist() == [
        row[0] for row in truth(market)
    ]


def test_a_restart_resumes_where_the_store_ends(told):
    market = Market()
    market.grow(40)
    with streaming(market):
        until(lambda: is_whole(market))
    first = market.now
    market.grow(30)
    with streaming(market):
        until(lambda: is_whole(market), say="the restart did not catch up")
        until(lambda: closed_times(told) == list(range(first, market.now, MINUTE)))


def test_far_behind_begins_at_the_newest_bars_and_fills_downwards(told, monkeypatch):
    monkeypatch.setattr(series_module, "LONGEST_CATCH_UP", 30)
    market = Market(["BTC/USDT"])
    market.grow(40)
    with streaming(market, page=20):
        until(lambda: is_whole(market))
    market.grow(200)
    with streaming(market, page=20):
        until(lambda: is_whole(market), say="the hole was not filled")
        until(lambda: not Gap.objects.filter(state="open").exists())
    assert told == []
    assert len(bars_load(key_of(), MINUTE, limit=1000)) == 240


def test_what_is_read_never_spans_an_open_gap():
    market = Market(["BTC/USDT"])
    market.grow(40)
    with streaming(market):
        until(lambda: is_whole(market))
    key = key_of()
    Candle.objects.filter(open_time__gte=START + 600, open_time__lt=START + 900).delete()
    Gap.objects.create(instrument_id=key, timeframe=60, start=START + 600, end=START + 900)
    assert bars_load(key, MINUTE, limit=100).open_time[0] == START + 900
    with streaming(market):
        until(lambda: is_whole(market), say="the open gap was not filled")
        until(lambda: not Gap.objects.filter(state="open").exists())
    assert bars_load(key, MINUTE, limit=100).open_time[0] == START


def test_a_bar_from_the_future_is_dropped(told):
    market = Market(["BTC/USDT"])
    market.grow(20)
    with streaming(market) as streamer:
        until(lambda: is_whole(market))
        connect(market, streamer)
        market.grow(1)
        good = market.now - MINUTE
        lie = good + 1000 * MINUTE
        market.stream.send(market.kline("BTCUSDT", good, open_time=lie, event_ms=lie * 1000))
        until(
            lambda: streamer.session.keeper.refusals.counts["refused_in_the_future"] == 1,
            say="the impossible bar was not dropped",
        )
        feed(market, good)
        until(lambda: is_whole(market))
        until(lambda: not Gap.objects.filter(state="open").exists())
        until(lambda: closed_times(told) == [good])


def test_a_bar_beyond_a_clock_that_stood_still_makes_us_ask_for_the_time(told):
    market = Market(["BTC/USDT"])
    market.grow(20)
    with streaming(market) as streamer:
        until(lambda: is_whole(market))
        connect(market, streamer)
        market.now += 3 * 86_400
        market.grow(1)
        good = market.now - MINUTE
        feed(market, good)
        assert streamer.session.keeper.refusals.counts["refused_in_the_future"] == 1
        until(lambda: is_whole(market), say="the bar was lost")
        until(lambda: closed_times(told) == [good])


@pytest.mark.parametrize(
    "change",
    [
        {"close": float("nan")},
        {"low": -1.0},
        {"high": 1.0},
        {"open_time": START + 7},
        {"timeframe": 300, "open_time": START - START % 300 + 30_000},
    ],
)
def test_junk_is_refused_and_counted(told, change):
    market = Market(["BTC/USDT"])
    market.grow(20)
    with streaming(market) as streamer:
        until(lambda: is_whole(market))
        connect(market, streamer)
        market.grow(1)
        good = market.now - MINUTE
        market.stream.send(market.kline("BTCUSDT", good, **change))
        feed(market, good)
        until(lambda: is_whole(market))
        assert sum(streamer.session.keeper.refusals.counts.values()) == 1
        until(lambda: closed_times(told) == [good])


def test_a_later_word_of_the_venue_is_a_revision(told):
    market = Market(["BTC/USDT"])
    market.grow(20)
    with streaming(market) as streamer:
        until(lambda: is_whole(market))
        connect(market, streamer)
        old = truth(market)[-1]
        changed = market.kline("BTCUSDT", old[0], close=old[2])
        market.stream.send(changed)
        until(lambda: CandleRevision.objects.count() == 1, say="no revision was kept")
    assert CandleRevision.objects.get().close == old[4]
    assert Candle.objects.get(open_time=old[0]).close == old[2]
    assert told == []


def test_a_replay_that_begins_again_forgets_what_it_will_tell(told):
    market = Market(["BTC/USDT"])
    market.grow(60)
    with streaming(market, code="replay:binance"):
        until(lambda: is_whole(market))
    bars, market.bars["BTCUSDT"] = dict(market.bars["BTCUSDT"]), {}
    market.now = START + 20 * MINUTE
    market.bars["BTCUSDT"] = {t: row for t, row in bars.items() if t < market.now}
    with streaming(market, code="replay:binance"):
        until(lambda: is_whole(market), say="the bars after the replay's clock stayed")
        market.bars["BTCUSDT"] = bars
        market.now += MINUTE
        market.stream.connect()
        key = Instrument.objects.get().pk
        until(lambda: [b.open_time for e in told for b in e.bars] == [START + 20 * MINUTE])
        assert closed_through(key, MINUTE) == START + 21 * MINUTE


def test_a_replay_that_goes_back_while_it_runs_begins_the_session_again():
    market = Market(["BTC/USDT"])
    market.grow(60)
    with streaming(market, code="replay:binance"):
        until(lambda: is_whole(market))
        market.stream.connect()
        market.now = START + 10 * MINUTE
        market.bars["BTCUSDT"] = {
            t: row for t, row in market.bars["BTCUSDT"].items() if t < market.now
        }
        before = len(market.streams)
        market.stream.connect()
        until(lambda: len(market.streams) > before, say="the session did not begin again")
        until(lambda: is_whole(market), say="the bars after the replay's clock stayed")


def test_a_replay_without_the_watch_list_shows_what_it_has():
    market = Market(["SPX/USD", "DJI/USD"])
    market.grow(5)
    with streaming(market, code="replay:binance", symbols=["BTC/USDT"]):
        until(lambda: len(stored("SPXUSD")) == 5 == len(stored("DJIUSD")))
    assert Instrument.objects.filter(is_watched=True).count() == 2


def test_quotes_reach_the_store_with_their_source():
    market = Market(["BTC/USDT"])
    market.grow(3)
    heard = []
    bus.subscribe(QuoteChanged, heard.append)
    try:
        with streaming(market):
            market.stream.connect()
            assert store.is_local
            for bid, ask in ((99.0, 100.0), (101.0, 100.0), (float("nan"), 1.0), (99.5, 100.0)):
                market.stream.send(ticker("BTCUSDT", bid, ask))
            market.stream.send(ticker("XXXUSDT", 1.0, 2.0))
            quote = store.latest(key_of())
            assert (quote.bid, quote.ask, quote.source, quote.is_official) == (
                99.5,
                100.0,
                "binance",
                True,
            )
            assert 0 <= store.age_ms(quote) < 1000
            assert [event.quote.bid for event in heard] == [99.0, 99.5]
    finally:
        bus.unsubscribe(QuoteChanged, heard.append)
    assert not store.is_local
    assert store.latest(key_of()) is None


def test_the_sources_tell_how_they_do():
    market = Market(["BTC/USDT"])
    market.grow(3)
    with streaming(market):
        market.stream.connect()
        market.stream.send(ticker("BTCUSDT", 99.0, 100.0))
        row = until(
            lambda: SourceState.objects.filter(source="binance:stream", state="live").first()
        )
        until(lambda: SourceState.objects.get(source="binance:stream").counters.get("quotes") == 1)
        assert row.is_official
        rest = SourceState.objects.get(source="binance:rest")
        assert (rest.state, rest.weight_limit) == ("live", 1_000_000)
    assert set(SourceState.objects.values_list("state", flat=True)) == {"off"}


def test_a_batch_that_cannot_be_written_is_asked_again(told, monkeypatch):
    market = Market(["BTC/USDT"])
    market.grow(20)
    failures = []

    def fail_once(notes, *, is_announced=True):
        if is_announced and not failures:
            failures.append(len(notes))
            raise IntegrityError
        return write(notes, is_announced=is_announced)

    write = sealing_module.notes_write
    monkeypatch.setattr(sealing_module, "notes_write", fail_once)
    with streaming(market) as streamer:
        until(lambda: is_whole(market))
        connect(market, streamer)
        market.grow(1)
        feed(market, market.now - MINUTE)
        until(lambda: failures)
        until(lambda: is_whole(market), say="the lost batch was not asked again")
        until(lambda: closed_times(told) == [market.now - MINUTE])


def test_a_locked_database_is_waited_for(told, monkeypatch):
    market = Market(["BTC/USDT"])
    market.grow(20)
    failures = []

    def fail_thrice(notes, *, is_announced=True):
        if is_announced and len(failures) < 3:
            failures.append(len(notes))
            raise OperationalError
        return write(notes, is_announced=is_announced)

    write = sealing_module.notes_write
    monkeypatch.setattr(sealing_module, "notes_write", fail_thrice)
    with streaming(market) as streamer:
        until(lambda: is_whole(market))
        connect(market, streamer)
        market.grow(3)
        for back in (3, 2, 1):
            feed(market, market.now - back * MINUTE)
        until(lambda: is_whole(market), say="what was sealed is lost")
        wanted = [market.now - back * MINUTE for back in (3, 2, 1)]
        until(lambda: closed_times(told) == wanted)
    assert len(failures) == 3
    assert len(market.streams) == 1


def test_a_session_that_cannot_be_built_is_tried_again():
    market = Market()
    market.grow(2)
    faults = [RuntimeError("an address that cannot be"), RuntimeError("nor this one")]

    def make_first():
        if faults:
            raise faults.pop()
        return market.source("binance", 1000)

    streamer = Streamer(
        plan=Plan(tuple(market.symbols), MINUTE, 1),
        make_first=make_first,
        make_fallbacks=list,
    )
    streamer.start()
    try:
        until(lambda: market.streams, say="the streamer was dead for good")
        assert faults == []
        until(lambda: is_whole(market))
    finally:
        streamer.stop()
