"""A day whose stream is damaged: 2 % lost, 2 % doubled, the rest shuffled; the store is exact."""

import os
import random
from pathlib import Path

import pytest

from markets.events import BarsClosed
from markets.models import Candle, CandleRevision, Gap, Instrument
from markets.streaming import Streamer
from mystic.lib import bus
from tests.markets.scripted import until
from tests.servers import BinanceServer, in_thread, kline_data, kline_row

pytestmark = pytest.mark.django_db(transaction=True)

DATA = Path(os.environ.get("MYSTIC_TEST_DATA", Path(__file__).parents[2] / "../shared/data"))
BARS = DATA / "crypto/bitfinex_BTCUSD_1m_2019-01_2019-12.parquet"
MINUTE_MS = 60_000
BATCH = 16
NAMES = ("open_time", "open", "high", "low", "close", "volume")


def recorded_day():
    """Return the bars of one recorded day: time in epoch ms, then five values."""
    if not BARS.exists():
        pytest.skip("the recording is not here")
    from pyarrow import parquet

    table = parquet.read_table(BARS)
    times = table.column("ts").to_numpy()
    times = times if times[0] > 10**11 else times * 1000
    first = times[0] // 86_400_000 * 86_400_000 + 5 * 86_400_000
    begin, end = (int(x) for x in times.searchsorted([first, first + 86_400_000]))
    columns = [times[begin:end].tolist()]
    columns += [table.column(name).to_numpy()[begin:end].tolist() for name in NAMES[1:]]
    return list(zip(*columns, strict=True))


def rest_row(bar):
    at, opened, high, low, close, volume = bar
    row = kline_row(at, tuple(repr(value) for value in (opened, high, low, close)))
    row[5] = repr(volume)
    return row


def damaged(bars, chance):
    """Return the frames in the order in which they arrive."""
    frames = [bar for bar in bars if chance.random() >= 0.02]
    frames += chance.sample(frames, len(frames) // 50)
    # A frame is late by up to a quarter of an hour, as after a stall of the network.
    return sorted(frames, key=lambda bar: bar[0] + chance.uniform(0, 15 * MINUTE_MS))


@pytest.mark.parametrize("seed", [1])
def test_a_damaged_day_is_stored_exactly(settings, seed):
    chance = random.Random(seed)  # noqa: S311  reproducible
    bars = recorded_day()
    past, day = bars[:30], bars[30:]
    told = []
    bus.subscribe(BarsClosed, told.append)
    with in_thread(BinanceServer()) as server:
        server.add_symbol("BTC", "USDT")
        rows = server.rows.setdefault(("BTCUSDT", "1m"), [])
        rows.extend(rest_row(bar) for bar in past)
        server.time_ms = past[-1][0] + MINUTE_MS + 1
        settings.ENV = {
            **settings.ENV,
            "MYSTIC_SYMBOLS": ["BTC/USDT"],
            "MYSTIC_HISTORY_DAYS": 1,
            "BINANCE_REST_URL": server.rest_url,
            "BINANCE_WS_URL": server.ws_url,
            "COINBASE_REST_URL": "",
            "COINBASE_WS_URL": "",
        }
        streamer = Streamer()
        streamer.start()
        try:
            until(lambda: Candle.objects.count() == len(past), within=30)
            until(lambda: server.open_clients, within=30)
            play(server, rows, day, damaged(day, chance))
            until(lambda: Candle.objects.count() == len(bars), within=60)
        finally:
            streamer.stop()
            bus.unsubscribe(BarsClosed, told.append)
    key = Instrument.objects.get(symbol="BTC/USDT").pk
    stored = Candle.objects.filter(instrument_id=key).order_by("open_time").values_list(*NAMES)
    assert list(stored) == [(bar[0] // 1000, *bar[1:]) for bar in bars]
    assert not CandleRevision.objects.exists()
    assert not Gap.objects.filter(state=Gap.State.OPEN).exists()
    times = [bar.open_time for event in told for bar in event.bars]
    assert times == [bar[0] // 1000 for bar in day], "not each told, once, in order"


def play(server, rows, day, frames):
    """Let the venue's REST side know each bar in time, and its stream tell it as it may."""
    known = 0
    for first in range(0, len(frames), BATCH):
        batch = frames[first : first + BATCH]
        newest = max(bar[0] for bar in batch)
        while known < len(day) and day[known][0] <= newest:
            rows.append(rest_row(day[known]))
            known += 1
        server.time_ms = max(server.time_ms, newest + MINUTE_MS + 1)
        for at, opened, high, low, close, volume in batch:
            prices = tuple(repr(value) for value in (opened, high, low, close))
            data = kline_data("BTCUSDT", at, prices, is_closed=True)
            data["k"]["v"] = repr(volume)
            server.call(server.publish("btcusdt@kline_1m", data))
    rows.extend(rest_row(bar) for bar in day[known:])
    server.time_ms = max(server.time_ms, day[-1][0] + MINUTE_MS + 1)
    # The last frames may be lost too: what follows tells that the day is over.
    last = day[-1]
    data = kline_data("BTCUSDT", last[0], tuple(repr(v) for v in last[1:5]), is_closed=True)
    data["k"]["v"] = repr(last[5])
    server.call(server.publish("btcusdt@kline_1m", data))
