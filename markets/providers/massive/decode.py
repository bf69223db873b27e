"""Read the frames of Massive's stream."""

import msgspec

from markets.providers.base import (
    BookTickerEvent,
    KlineEvent,
    TradeEvent,
)
from markets.providers.stock_frames import Frame, frame_read
from markets.providers.us_stocks import (
    LARGEST,
    checked_row,
    in_range,
    open_time,
    price,
)
from mystic.lib.http import Malformed


class _Tag(msgspec.Struct, gc=False):
    ev: str


class _BarFrame(msgspec.Struct, gc=False):
    sym: str
    s: int
    e: int
    o: float
    h: float
    l: float  # noqa: E741  Massive's name
    c: float
    v: float


class _QuoteFrame(msgspec.Struct, gc=False):
    sym: str
    t: int
    bp: float = 0
    bs: float = 0
    ap: float = 0
    as_: float = msgspec.field(name="as", default=0)


class _TradeFrame(msgspec.Struct, gc=False):
    sym: str
    t: int
    p: float
    s: float
    q: int


class StatusFrame(msgspec.Struct, gc=False):
    """A word about the connection, such as `auth_success`."""

    status: str
    message: str = ""


_tag = msgspec.json.Decoder(_Tag)
_bar = msgspec.json.Decoder(_BarFrame)
_quote = msgspec.json.Decoder(_QuoteFrame)
_trade = msgspec.json.Decoder(_TradeFrame)
_status = msgspec.json.Decoder(StatusFrame)


def decode(raw: bytes, wall_ms: int = 0, mono_ms: int = 0) -> Frame[StatusFrame]:
    """Return what one frame says; impossible rows are left out and counted in `bad`.

    Raises
    ------
    FrameError
        If it is truncated, not JSON, no list, or nothing in it could be read.
    """
    return frame_read(raw, lambda frame, row: _take(frame, row, wall_ms, mono_ms))


def _take(frame: Frame[StatusFrame], row: msgspec.Raw, wall_ms: int, mono_ms: int) -> None:
    match _tag.decode(row).ev:
        case "Q":
            _take_quote(frame, _quote.decode(row), wall_ms, mono_ms)
        case "T":
            frame.trades.append(_trade_of(_trade.decode(row), wall_ms, mono_ms))
        case "AM":
            frame.bars.append(("AM", _kline_of(_bar.decode(row), 60, wall_ms, mono_ms)))
        case "A":
            frame.bars.append(("A", _kline_of(_bar.decode(row), 1, wall_ms, mono_ms)))
        case "status":
            frame.controls.append(_status.decode(row))
        case _:
            frame.unknown += 1


def _take_quote(frame: Frame[StatusFrame], row: _QuoteFrame, wall_ms: int, mono_ms: int) -> None:
    """A side without a price or size, and a crossed book, are no quote but no fault either."""
    at_ms = in_range(row.t)
    bid, ask = price(row.bp), price(row.ap)
    if not (0 <= row.bs < LARGEST and 0 <= row.as_ < LARGEST):
        message = "impossible size"
        raise Malformed(message)
    if bid is None or ask is None or bid > ask or not (row.bs and row.as_):
        frame.one_sided += 1
        return
    event = BookTickerEvent(
        native_id=row.sym,
        bid=bid,
        bid_size=row.bs,
        ask=ask,
        ask_size=row.as_,
        last=None,
        update_id=0,
        event_ms=at_ms,
        received_at_ms=wall_ms,
        received_mono_ms=mono_ms,
    )
    frame.quotes.append(event)


def _trade_of(row: _TradeFrame, wall_ms: int, mono_ms: int) -> TradeEvent:
    """The trade's number is its sequence number: ids are texts that repeat across venues."""
    if not (0 < row.p < LARGEST and 0 < row.s < LARGEST and row.q >= 0):
        message = "impossible trade"
        raise Malformed(message)
    return TradeEvent(
        native_id=row.sym,
        trade_id=row.q,
        price=row.p,
        quantity=row.s,
        is_sell=None,
        event_ms=in_range(row.t),
        received_at_ms=wall_ms,
        received_mono_ms=mono_ms,
    )


def _kline_of(row: _BarFrame, timeframe: int, wall_ms: int, mono_ms: int) -> KlineEvent:
    bar = checked_row(open_time(row.s, timeframe), (row.o, row.h, row.l, row.c, row.v), -1)
    if row.e - row.s != timeframe * 1000:
        raise Malformed(f"a bar of {timeframe} s lasts {row.e - row.s} ms")
    return KlineEvent(
        native_id=row.sym,
        timeframe=timeframe,
        open_time=bar.open_time,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        trades=-1,
        is_closed=True,
        event_ms=row.e,
        received_at_ms=wall_ms,
        received_mono_ms=mono_ms,
    )
