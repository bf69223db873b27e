"""The streamer on the replay server: recordings through the real protocol, REST and sockets."""

import gzip
import json
import os
from pathlib import Path

import pytest

from markets.events import BarsClosed, QuoteChanged, TradeSeen
from markets.models import Candle, Gap, Instrument
from markets.quotes import store
from markets.replay.files import tape_open
from markets.replay.server import ReplayServer, ReplayThread
from markets.selectors import instruments_watched, quote_provenance, venue_configured
from markets.streaming import Streamer
from mystic.lib import bus
from tests.markets.scripted import until

pytestmark = pytest.mark.django_db(transaction=True)

DATA = Path(os.environ.get("MYSTIC_TEST_DATA", Path(__file__).parents[2] / "../shared/data"))
FRAMES = DATA / "orderbook/hftbacktest_spot_btcusdt_20240808.jsonl.gz"
BARS = DATA / "crypto/freqtrade_XRPETH_1m_2019-10.parquet"


@pytest.fixture
def heard():
    kinds = (QuoteChanged, TradeSeen, BarsClosed)
    events = {kind: [] for kind in kinds}
    for kind in kinds:
        bus.subscribe(kind, events[kind].append)
    yield events
    for kind in kinds:
        bus.unsubscribe(kind, events[kind].append)


def point(settings, server, **changes):
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": server.rest_url,
        "BINANCE_WS_URL": server.ws_url,
        "MYSTIC_HISTORY_DAYS": 3,
        **changes,
    }


def test_a_recorded_stream_gives_its_quotes_trades_and_book(settings, heard):
    if not FRAMES.exists():
        pytest.skip("the recording is not here")
    with gzip.open(FRAMES, "rt") as file:
        frames = [json.loads(line.split(" ", 1)[1]) for line in file]
    tickers = [f["data"] for f in frames if f.get("stream") == "btcusdt@bookTicker"]
    trades = [f["data"] for f in frames if f.get("stream") == "btcusdt@trade"]
    wanted = [tuple(float(t[key]) for key in "bBaA") for t in tickers]

    with ReplayThread(lambda: ReplayServer([tape_open(str(FRAMES))], speed=60)) as server:
        point(settings, server)
        assert venue_configured() == "replay:binance"
        streamer = Streamer()
        streamer.start()
        try:
            until(lambda: len(heard[TradeSeen]) == len(trades), within=20)
            until(lambda: len(heard[QuoteChanged]) == len(wanted), within=20)
            key = instruments_watched()[0].pk
            book = store.book(key)
            quote = store.latest(key)
        finally:
            streamer.stop()
    quotes = [event.quote for event in heard[QuoteChanged]]
    assert [(q.bid, q.bid_size, q.ask, q.ask_size) for q in quotes] == wanted
    assert [e.trade.price for e in heard[TradeSeen]] == [float(t["p"]) for t in trades]
    assert book is not None
    assert book.bids[0][0] < book.asks[0][0]
    assert len(book.bids) == len(book.asks) == 20
    origin = quote_provenance(quote)
    assert (origin.source, origin.is_live, origin.is_replay) == ("replay:binance", False, True)
    # The recording begins and ends within a minute: of those two no whole bar is known.
    minutes = sorted({t["T"] // 60_000 * 60 for t in trades})[1:-1]
    names = ("open_time", "open", "high", "low", "close")
    assert list(Candle.objects.order_by("open_time").values_list(*names)) == [
        by_minute(trades, minute) for minute in minutes
    ]


def test_recorded_bars_are_sealed_as_they_were(settings, heard):
    if not BARS.exists():
        pytest.skip("the recording is not here")
    tape = tape_open(str(BARS), symbol="XRP/ETH", history=1500)

    with ReplayThread(lambda: ReplayServer([tape], speed=400)) as server:
        point(settings, server)
        streamer = Streamer()
        streamer.start()
        try:
            until(server.finished.is_set, within=25, say="the replay did not end")
            key = until(lambda: Instrument.objects.values_list("pk", flat=True).first())
            rows = truth(BARS)
            until(
                lambda: Candle.objects.filter(instrument_id=key).count() >= len(rows) - 1,
                within=10,
                say="bars are missing",
            )
        finally:
            streamer.stop()
    names = ("open_time", "open", "high", "low", "close", "volume")
    stored = list(Candle.objects.order_by("open_time").values_list(*names))
    assert stored == rows[: len(stored)]
    assert len(stored) >= len(rows) - 1
    times = [row[0] for row in stored]
    absent = sorted(
        time
        for gap in Gap.objects.filter(state="absent", start__gte=times[0], end__lte=times[-1])
        for time in range(gap.start, gap.end, 60)
    )
    assert absent == sorted(set(range(times[0], times[-1] + 60, 60)) - set(times))
    told = [bar.open_time for event in heard[BarsClosed] for bar in event.bars]
    assert told == sorted(set(told))
    assert set(told) <= set(times)
    assert len(told) > 500


def test_a_daily_series_goes_on_over_weekends_and_a_long_closure(settings, heard, tmp_path):
    day = 86_400
    monday = 17_168 * day
    numbers = [n for n in range(70) if n % 7 < 5 and not 35 <= n < 56]
    rows = [(monday + n * day, 100 + n, 103 + n, 98 + n, 101 + n, 5.0) for n in numbers]
    path = tmp_path / "BTCUSDT_1d.csv"
    lines = ["ts,open,high,low,close,volume", *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")

    with ReplayThread(lambda: ReplayServer([tape_open(str(path), history=10)], speed=8)) as server:
        point(settings, server, MYSTIC_TIMEFRAME="1d", MYSTIC_HISTORY_DAYS=365)
        streamer = Streamer()
        streamer.start()
        try:
            until(server.finished.is_set, within=25, say="the replay did not end")
            until(
                lambda: Candle.objects.count() == len(rows),
                within=10,
                say="the series stopped",
            )
        finally:
            streamer.stop()
    told = [bar.open_time for event in heard[BarsClosed] for bar in event.bars]
    assert told == [row[0] for row in rows[-len(told) :]]
    assert len(told) > 20


def by_minute(trades, minute):
    """Return the bar that the trades of one minute make."""
    prices = [float(t["p"]) for t in trades if t["T"] // 60_000 * 60 == minute]
    return (minute, prices[0], max(prices), min(prices), prices[-1])


def truth(path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(path).to_pydict()
    columns = [table[name] for name in ("ts", "open", "high", "low", "close", "volume")]
    return [(row[0] // 1000, *row[1:]) for row in zip(*columns, strict=True)]
