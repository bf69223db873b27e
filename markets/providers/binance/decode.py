"""Read Binance's stream frames into plain values; what is impossible is refused here.

The decoder is chosen by the stream's name, quoted numbers become float64 directly. msgspec reads
junk such as "1e30" or "nan" as a number, so the type of every number says its range, and msgspec
checks it on the way: faster than looking again afterwards.
"""

from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec

from markets.providers.base import (
    BookTickerEvent,
    DayEvent,
    DepthEvent,
    KlineEvent,
    Levels,
    TradeEvent,
)

INTERVALS = {
    1: "1s",
    60: "1m",
    180: "3m",
    300: "5m",
    900: "15m",
    1800: "30m",
    3600: "1h",
    7200: "2h",
    14400: "4h",
    21600: "6h",
    28800: "8h",
    43200: "12h",
    86400: "1d",
}
SECONDS = {name: seconds for seconds, name in INTERVALS.items()}
LARGEST = 1e15
PREFIX = b'{"stream":"'

Positive = Annotated[float, msgspec.Meta(gt=0, lt=LARGEST)]
Absolute = Annotated[float, msgspec.Meta(ge=0, lt=LARGEST)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Stamp = Annotated[int, msgspec.Meta(gt=0)]
Side = tuple[tuple[Positive, Absolute], ...]

MarketEvent = KlineEvent | BookTickerEvent | TradeEvent | DepthEvent | DayEvent


class FrameError(ValueError):
    """Raised for a frame that is not what the venue documents; it is dropped and counted."""


class Control(msgspec.Struct, gc=False):
    """A frame about the connection: the answer to a request, an error, or a coming shutdown."""

    id: int | str | None = None
    error: str | None = None
    is_shutdown: bool = False


class _Kline(msgspec.Struct, gc=False):
    t: Stamp
    i: str
    o: Positive
    c: Positive
    h: Positive
    l: Positive  # noqa: E741  the venue's name
    v: Absolute
    n: Count
    x: bool


class _KlineData(msgspec.Struct, gc=False):
    E: int
    s: str
    k: _Kline


class _KlineFrame(msgspec.Struct, gc=False):
    data: _KlineData


class _TradeData(msgspec.Struct, gc=False):
    s: str
    t: Count
    p: Positive
    q: Positive
    T: Stamp
    m: bool


class _TradeFrame(msgspec.Struct, gc=False):
    data: _TradeData


class _DayData(msgspec.Struct, gc=False):
    E: Stamp
    s: str
    c: Positive
    o: Positive
    h: Positive
    l: Positive  # noqa: E741  the venue's name
    v: Absolute
    q: Absolute


class _DayFrame(msgspec.Struct, gc=False):
    data: _DayData


class _BookTickerData(msgspec.Struct, gc=False):
    u: int
    s: str
    b: Positive
    B: Positive
    a: Positive
    A: Positive


class _BookTickerFrame(msgspec.Struct, gc=False):
    data: _BookTickerData


class _DepthData(msgspec.Struct, gc=False):
    E: int
    s: str
    U: Stamp
    u: int
    b: Side
    a: Side


class _DepthFrame(msgspec.Struct, gc=False):
    data: _DepthData


class _Told(msgspec.Struct, gc=False):
    code: int | None = None
    msg: str = ""


class _AnyData(msgspec.Struct, gc=False):
    e: str = ""


class _AnyFrame(msgspec.Struct, gc=False):
    """What may stand in any frame: a wrapped or bare event, an answer, an error."""

    stream: str = ""
    e: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")
    id: int | str | None = None
    error: _Told | None = None
    code: int | None = None
    msg: str = ""


_kline = msgspec.json.Decoder(_KlineFrame, strict=False)
_trade = msgspec.json.Decoder(_TradeFrame, strict=False)
_day = msgspec.json.Decoder(_DayFrame, strict=False)
_book_ticker = msgspec.json.Decoder(_BookTickerFrame, strict=False)
_depth = msgspec.json.Decoder(_DepthFrame, strict=False)
_any = msgspec.json.Decoder(_AnyFrame, strict=False)
_any_data = msgspec.json.Decoder(_AnyData, strict=False)


def check_bar(o: float, h: float, low: float, c: float, v: float) -> None:
    """Refuse a bar that cannot be: NaN, not positive, absurd, or a close outside of its range."""
    if not (0 < low <= o <= h < LARGEST and low <= c <= h and 0 <= v < LARGEST):
        message = "impossible bar"
        raise FrameError(message)


def _read_kline(raw: bytes, received_at_ms: int, received_mono_ms: int) -> MarketEvent:
    data = _kline.decode(raw).data
    k = data.k
    seconds = SECONDS.get(k.i)
    if seconds is None:
        message = "unknown interval"
        raise FrameError(message)
    if not (k.l <= k.o <= k.h and k.l <= k.c <= k.h):
        message = "impossible bar"
        raise FrameError(message)
    if k.t % (seconds * 1000):
        message = "off the grid"
        raise FrameError(message)
    # By position, here and below: naming the fields would cost a tenth of the whole.
    return KlineEvent(
        data.s,
        seconds,
        k.t // 1000,
        k.o,
        k.h,
        k.l,
        k.c,
        k.v,
        k.n,
        k.x,
        data.E,
        received_at_ms,
        received_mono_ms,
    )


def _read_trade(raw: bytes, received_at_ms: int, received_mono_ms: int) -> MarketEvent:
    data = _trade.decode(raw).data
    return TradeEvent(
        data.s, data.t, data.p, data.q, data.m, data.T, received_at_ms, received_mono_ms
    )


def _read_day(raw: bytes, received_at_ms: int, received_mono_ms: int) -> MarketEvent:
    data = _day.decode(raw).data
    if not (data.l <= data.o <= data.h and data.l <= data.c <= data.h):
        message = "impossible day"
        raise FrameError(message)
    return DayEvent(
        data.s,
        data.c,
        data.o,
        data.h,
        data.l,
        data.v,
        data.q,
        data.E,
        received_at_ms,
        received_mono_ms,
    )


def _read_book_ticker(raw: bytes, received_at_ms: int, received_mono_ms: int) -> MarketEvent:
    data = _book_ticker.decode(raw).data
    if data.b >= data.a:
        message = "impossible quote"
        raise FrameError(message)
    return BookTickerEvent(
        data.s, data.b, data.B, data.a, data.A, None, data.u, None, received_at_ms, received_mono_ms
    )


def check_levels(levels: Levels) -> None:
    """Refuse a level without a positive price or with a negative quantity; NaN is neither."""
    for price, quantity in levels:
        if not (0 < price < LARGEST and 0 <= quantity < LARGEST):
            message = "impossible level"
            raise FrameError(message)


def _read_depth(raw: bytes, received_at_ms: int, received_mono_ms: int) -> MarketEvent:
    data = _depth.decode(raw).data
    if data.u < data.U:
        message = "impossible update ids"
        raise FrameError(message)
    return DepthEvent(
        data.s, data.U, data.u, data.b, data.a, data.E, received_at_ms, received_mono_ms
    )


Decoded = MarketEvent | Control | None
Reader = Callable[[bytes, int, int], MarketEvent]
# By the six bytes after the @ of the stream's name.
READERS: Mapping[bytes, Reader] = {
    b"bookTi": _read_book_ticker,
    b'trade"': _read_trade,
    b"depth@": _read_depth,
    b'depth"': _read_depth,
    b"kline_": _read_kline,
    b"miniTi": _read_day,
}
# By the first of these bytes: no other stream that begins with it has the fields its reader wants.
USUAL: Mapping[int, Reader] = {name[0]: reader for name, reader in READERS.items()}


def _reader_of(raw: bytes) -> Reader | None:
    """Return who reads this frame, by the stream's name at its beginning."""
    if not raw.startswith(PREFIX):
        return None
    at = raw.find(b"@", 11, 91) + 1
    return READERS.get(raw[at : at + 6])


def _read_other(raw: bytes, received_at_ms: int, received_mono_ms: int) -> Decoded:
    """Return what any other frame says, None for an unknown kind of event."""
    frame = _any.decode(raw)
    data = bytes(frame.data)
    kind = _any_data.decode(frame.data).e if data.startswith(b"{") else frame.e
    if kind == "serverShutdown":
        return Control(is_shutdown=True)
    if frame.stream:
        ordered = PREFIX + frame.stream.encode() + b'","data":' + data + b"}"
        reader = _reader_of(ordered)
        return reader(ordered, received_at_ms, received_mono_ms) if reader else None
    if kind:
        return None
    told = frame.error or _Told(code=frame.code, msg=frame.msg)
    if told.code is not None:
        return Control(id=frame.id, error=f"{told.msg[:200]} ({told.code})")
    return Control(id=frame.id)


def decode(raw: bytes, received_at_ms: int = 0, received_mono_ms: int = 0) -> Decoded:
    """Return the value of one frame of the combined stream, None for an unknown event.

    One letter of the stream's name tells the kind of almost every frame; what then turns out to be
    something else is read again with care.

    Raises
    ------
    FrameError
        If the frame is truncated, not JSON, of another shape, or holds impossible values.
    """
    try:
        return USUAL[raw[raw.find(b"@") + 1]](raw, received_at_ms, received_mono_ms)
    except (LookupError, msgspec.DecodeError, UnicodeDecodeError):
        return _read_carefully(raw, received_at_ms, received_mono_ms)


def _read_carefully(raw: bytes, received_at_ms: int, received_mono_ms: int) -> Decoded:
    try:
        reader = _reader_of(raw)
        if reader is not None:
            return reader(raw, received_at_ms, received_mono_ms)
        return _read_other(raw, received_at_ms, received_mono_ms)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise FrameError(str(fault)[:200]) from None
