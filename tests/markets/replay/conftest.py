"""Small recordings and files of bars, and where the large real ones lie."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("MYSTIC_TEST_DATA", ROOT.parent / "shared" / "data"))
RECORDING = DATA / "orderbook" / "hftbacktest_spot_btcusdt_20240808.jsonl.gz"

START = 1_700_000_040_000  # a full minute, venue time
AHEAD = 250  # the venue's clock is so much ahead of the recorder's, in ms


def frame(stream, data):
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":"))


def trade(trade_id, at_ms, price="100.00", quantity="1.000", *, is_sell=False):
    data = {"e": "trade", "E": at_ms, "s": "BTCUSDT", "t": trade_id, "p": price, "q": quantity}
    return at_ms, frame("btcusdt@trade", data | {"T": at_ms, "m": is_sell, "M": True})


def quote(at_ms, update_id, bid="99.99", ask="100.00"):
    data = {"u": update_id, "s": "BTCUSDT", "b": bid, "B": "1.500", "a": ask, "A": "2.250"}
    return at_ms, frame("btcusdt@bookTicker", data)


def depth(at_ms, first, last, bids=(), asks=()):
    data = {"e": "depthUpdate", "E": at_ms, "s": "BTCUSDT", "U": first, "u": last}
    return at_ms, frame("btcusdt@depth@100ms", data | {"b": list(bids), "a": list(asks)})


def bare(at_ms, value):
    return at_ms, json.dumps(value, separators=(",", ":"))


@pytest.fixture
def record(tmp_path):
    """Write lines of (venue ms, frame) as a recording and return its path."""

    def write(lines, name="frames.jsonl"):
        path = tmp_path / name
        text = "".join(f"{(at_ms - AHEAD) * 1_000_000} {raw}\n" for at_ms, raw in lines)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def bars(tmp_path):
    """Write rows of (time, o, h, l, c, v) as CSV and return its path."""

    def write(rows, name="BTCUSDT_1m.csv", header="ts,open,high,low,close,volume"):
        path = tmp_path / name
        path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
        return path

    return write
