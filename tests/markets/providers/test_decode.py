"""Reading frames: a real recording, the documented shapes, and everything that is impossible."""

import gzip
import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from markets.providers.base import (
    BookTickerEvent,
    DayEvent,
    DepthEvent,
    KlineEvent,
    TradeEvent,
)
from markets.providers.binance.decode import Control, FrameError, decode

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("MYSTIC_TEST_DATA", ROOT.parent / "shared" / "data"))
RECORDING = DATA / "orderbook" / "hftbacktest_spot_btcusdt_20240808.jsonl.gz"


@pytest.mark.skipif(not RECORDING.exists(), reason="the recording is not here")
def test_every_line_of_a_real_recording_decodes_to_what_json_says():
    kinds: Counter[str] = Counter()
    with gzip.open(RECORDING) as file:
        for line in file:
            raw = line.split(b" ", 1)[1].rstrip()
            plain = msgspec.json.decode(raw)
            event = decode(raw, 5, 6)
            data = plain.get("data")
            match event:
                case BookTickerEvent():
                    assert (event.native_id, event.update_id) == (data["s"], data["u"])
                    assert (event.bid, event.bid_size) == (float(data["b"]), float(data["B"]))
                    assert (event.ask, event.ask_size) == (float(data["a"]), float(data["A"]))
                case TradeEvent():
                    assert (event.trade_id, event.event_ms) == (data["t"], data["T"])
                    assert (event.price, event.quantity) == (float(data["p"]), float(data["q"]))
                    assert event.is_sell is data["m"]
                case DepthEvent():
                    assert (event.first_update_id, event.last_update_id) == (data["U"], data["u"])
                    assert event.bids == tuple((float(p), float(q)) for p, q in data["b"])
                    assert event.asks == tuple((float(p), float(q)) for p, q in data["a"])
                case _:
                    assert set(plain) == {"lastUpdateId", "bids", "asks"}
                    kinds["snapshot"] += 1
                    continue
            assert (event.received_at_ms, event.received_mono_ms) == (5, 6)
            kinds[type(event).__name__] += 1
    assert kinds == {
        "BookTickerEvent": 28040,
        "TradeEvent": 9757,
        "DepthEvent": 3451,
        "snapshot": 1,
    }


def kline(**changed):
    bar = {
        "t": 1795250400000,
        "T": 1795250459999,
        "s": "BTCUSDT",
        "i": "1m",
        "f": 10,
        "L": 42,
        "o": "100.1",
        "c": "100.4",
        "h": "100.5",
        "l": "100.0",
        "v": "3.2",
        "n": 33,
        "x": True,
        "q": "320.9",
        "V": "1.1",
        "Q": "110.2",
        "B": "0",
    }
    data = {"e": "kline", "E": 1795250460123, "s": "BTCUSDT", "k": bar | changed}
    return msgspec.json.encode({"stream": "btcusdt@kline_1m", "data": data})


def test_the_documented_kline():
    assert decode(kline(), 1, 2) == KlineEvent(
        native_id="BTCUSDT",
        timeframe=60,
        open_time=1795250400,
        open=100.1,
        high=100.5,
        low=100.0,
        close=100.4,
        volume=3.2,
        trades=33,
        is_closed=True,
        event_ms=1795250460123,
        received_at_ms=1,
        received_mono_ms=2,
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"h": "99"},
        {"l": "100.3"},
        {"o": "100.6"},
        {"c": "99.9"},
        {"l": "0", "o": "1", "h": "1", "c": "1"},
        {"l": "-1"},
        {"h": "NaN"},
        {"o": "NaN"},
        {"h": "inf"},
        {"h": "1e16"},
        {"v": "-0.1"},
        {"v": "nan"},
        {"v": None},
        {"t": 1795250400001},
        {"t": -60000},
        {"t": "soon"},
        {"i": "7m"},
        {"n": -1},
        {"x": "perhaps"},
    ],
)
def test_a_bar_that_cannot_be_is_refused(changed):
    with pytest.raises(FrameError):
        decode(kline(**changed))


DAY = {"e": "24hrMiniTicker", "E": 5, "s": "BTCUSDT", "c": "100.4", "o": "100.1"}
DAY |= {"h": "100.5", "l": "100.0", "v": "3.2", "q": "320.9"}


def test_the_documented_mini_ticker():
    frame = msgspec.json.encode({"stream": "btcusdt@miniTicker", "data": DAY})
    assert decode(frame, 1, 2) == DayEvent(
        "BTCUSDT", 100.4, 100.1, 100.5, 100.0, 3.2, 320.9, 5, 1, 2
    )


@pytest.mark.parametrize(
    "changed", [{"c": "101"}, {"o": "99"}, {"v": "-1"}, {"h": "nan"}, {"E": 0}]
)
def test_a_day_that_cannot_be_is_refused(changed):
    with pytest.raises(FrameError):
        decode(msgspec.json.encode({"stream": "btcusdt@miniTicker", "data": DAY | changed}))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe\x00",
        b'{"stream":"btcusdt@trade"}',
        b'{"stream":"btcusdt@trade","data":null}',
        b'{"stream":"btcusdt@trade","data":{"s":"X","t":1,"p":"1","q":"0","T":1,"m":true}}',
        b'{"stream":"btcusdt@trade","data":{"s":"X","t":1,"p":"0","q":"1","T":1,"m":true}}',
        b'{"stream":"btcusdt@trade","data":{"s":"X","t":1,"p":"1","q":"1","T":0,"m":true}}',
        b'{"stream":"b@bookTicker","data":{"u":1,"s":"B","b":"2","B":"1","a":"2","A":"1"}}',
        b'{"stream":"b@bookTicker","data":{"u":1,"s":"B","b":"3","B":"1","a":"2","A":"1"}}',
        b'{"stream":"b@bookTicker","data":{"u":1,"s":"B","b":"0","B":"1","a":"2","A":"1"}}',
        b'{"stream":"b@bookTicker","data":{"u":1,"s":"B","b":"1","B":"nan","a":"2","A":"1"}}',
        b'{"stream":"b@depth@100ms","data":{"E":1,"s":"B","U":5,"u":4,"b":[],"a":[]}}',
        b'{"stream":"b@depth@100ms","data":{"E":1,"s":"B","U":4,"u":4,"b":[["1"]],"a":[]}}',
        b'{"stream":"b@depth@100ms","data":{"E":1,"s":"B","U":4,"u":4,"b":[["1","-1"]],"a":[]}}',
        b'{"stream":"b@depth","data":{"E":1,"s":"B","U":4,"u":4,"b":[],"a":[["nan","1"]]}}',
    ],
)
def test_garbage_is_refused(frame):
    with pytest.raises(FrameError):
        decode(frame)


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_truncated_frame_is_refused(cut):
    with pytest.raises(FrameError):
        decode(kline()[:-cut])


def test_what_the_venue_says_about_the_connection():
    assert decode(b'{"result":null,"id":7}') == Control(id=7)
    assert decode(b'{"code":2,"msg":"Invalid request"}') == Control(error="Invalid request (2)")
    wrapped = b'{"error":{"code":2,"msg":"bad"},"id":"a"}'
    assert decode(wrapped) == Control(id="a", error="bad (2)")
    assert decode(b'{"e":"serverShutdown","E":1}') == Control(is_shutdown=True)
    wrapped = b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}'
    assert decode(wrapped) == Control(is_shutdown=True)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"stream":"btcusdt@avgPrice","data":{"e":"avgPrice","w":"1"}}',
        b'{"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker"}]}',
        b'{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":1,"bids":[],"asks":[]}}',
        b'{"e":"somethingNew","E":1}',
    ],
)
def test_an_unknown_event_is_none(frame):
    assert decode(frame) is None


def test_another_order_of_keys_is_read_too():
    event = decode(
        b'{"data":{"a":"2","A":"1","u":1,"s":"X","b":"1","B":"1"},"stream":"x@bookTicker"}'
    )
    assert isinstance(event, BookTickerEvent)
    assert (event.native_id, event.bid, event.ask) == ("X", 1.0, 2.0)


def test_names_in_another_alphabet_are_read():
    data = {"u": 1, "s": "币安人生USDT", "b": "1", "B": "1", "a": "2", "A": "1"}
    event = decode(msgspec.json.encode({"stream": "币安人生usdt@bookTicker", "data": data}))
    assert isinstance(event, BookTickerEvent)
    assert event.native_id == "币安人生USDT"
