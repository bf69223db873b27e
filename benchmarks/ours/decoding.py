"""Mystic's decoder, and bare msgspec into the same fields, unchecked: the limit."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from benchmarks.children import answer
from benchmarks.inputs import frames
from markets.providers.binance import decode


class Trade(msgspec.Struct, gc=False):
    s: str
    t: int
    p: float
    q: float
    T: int
    m: bool


class Bar(msgspec.Struct, gc=False):
    t: int
    i: str
    o: float
    c: float
    h: float
    l: float  # noqa: E741  the venue's name
    v: float
    n: int
    x: bool


class Kline(msgspec.Struct, gc=False):
    E: int
    s: str
    k: Bar


class BookTicker(msgspec.Struct, gc=False):
    u: int
    s: str
    b: float
    B: float
    a: float
    A: float


class TradeFrame(msgspec.Struct, gc=False):
    data: Trade


class KlineFrame(msgspec.Struct, gc=False):
    data: Kline


class BookTickerFrame(msgspec.Struct, gc=False):
    data: BookTicker


# By the byte after the @ of the stream's name.
BARE: dict[int, Callable[[bytes], object]] = {
    ord("t"): msgspec.json.Decoder(TradeFrame, strict=False).decode,
    ord("k"): msgspec.json.Decoder(KlineFrame, strict=False).decode,
    ord("b"): msgspec.json.Decoder(BookTickerFrame, strict=False).decode,
}


def bare(raw: bytes) -> object:
    """Choose the decoder, decode, and do nothing else: the least that takes mixed frames."""
    return BARE[raw[raw.find(b"@") + 1]](raw)


def rate(read: Callable[[bytes], object], raw: list[bytes]) -> float:
    """Return frames per second of processor time."""
    began = time.process_time()
    for line in raw:
        read(line)
    return len(raw) / (time.process_time() - began)


def work(kind: str, count: int) -> dict[str, Any]:
    raw = frames(kind, count)
    native_ids = {getattr(decode.decode(line), "native_id", None) for line in raw}
    if native_ids != {"BTCUSDT"}:
        raise RuntimeError(f"the {kind} frames were not understood: {native_ids}")
    return {"rate": rate(decode.decode, raw), "limit": rate(bare, raw)}


if __name__ == "__main__":
    answer(work)
