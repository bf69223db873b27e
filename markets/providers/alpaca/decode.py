"""Read the frames of Alpaca's stream."""

import msgspec

from markets.providers.alpaca.answers import Bar, row_of
from markets.providers.base import (
    BookTickerEvent,
    KlineEvent,
    TradeEvent,
)
from markets.providers.stock_frames import Frame, frame_read
from markets.providers.us_stocks import (
    LARGEST,
    open_time,
    price,
    rfc3339_ms,
)
from mystic.lib.http import Malformed

MINUTE_S = 60


class _Tag(msgspec.Struct, gc=False):
    T: str


class _BarFrame(Bar, gc=False, kw_only=True):
    S: str


class _QuoteFrame(msgspec.Struct, gc=False):
    S: str
    t: str
    bp: float
    bs: float
    ap: float
    as_: float = msgspec.field(name="as")


class _TradeFrame(msgspec.Struct, gc=False):
    S: str
    t: str
    i: int
    p: float
    s: float


class Control(msgspec.Struct, gc=False):
    """A word about the connection: `success`, `error` or the whole `subscription`."""

    T: str
    msg: str = ""
    code: int = 0
    trades: list[str] = []
    quotes: list[str] = []
    bars: list[str] = []
    updatedBars: list[str] = []  # noqa: N815  Alpaca's name


_tag = msgspec.json.Decoder(_Tag)
_bar = msgspec.json.Decoder(_BarFrame)
_quote = msgspec.json.Decoder(_QuoteFrame)
_trade = msgspec.json.Decoder(_TradeFrame)
_control = msgspec.json.Decoder(Control)


def decode(raw: bytes, wall_ms: int = 0, mono_ms: int = 0) -> Frame[Control]:
    """Return what one frame says; impossible rows are left out and counted in `bad`.

    Raises
    ------
    FrameError
        If it is truncated, not JSON, no list, or nothing in it could be read.
    """
    return frame_read(raw, lambda frame, row: _take(frame, row, wall_ms, mono_ms))


def _take(frame: Frame[Control], row: msgspec.Raw, wall_ms: int, mono_ms: int) -> None:
    match _tag.decode(row).T:
        case "q":
            _take_quote(frame, _quote.decode(row), wall_ms, mono_ms)
        case "t":
            frame.trades.append(_trade_of(_trade.decode(row), wall_ms, mono_ms))
        case "b":
            frame.bars.append(("bars", _kline_of(_bar.decode(row), wall_ms, mono_ms)))
        case "u":
            frame.bars.append(("updatedBars", _kline_of(_bar.decode(row), wall_ms, mono_ms)))
        case "success" | "error" | "subscription":
            frame.controls.append(_control.decode(row))
        case _:
            frame.unknown += 1


def _take_quote(frame: Frame[Control], row: _QuoteFrame, wall_ms: int, mono_ms: int) -> None:
    """A side without a price or size, and a crossed book, are no quote but no fault either."""
    at_ms = rfc3339_ms(row.t)
    bid, ask = price(row.bp), price(row.ap)
    if not (0 <= row.bs < LARGEST and 0 <= row.as_ < LARGEST):
        message = "impossible size"
        raise Malformed(message)
    if bid is None or ask is None or bid > ask or not (row.bs and row.as_):
        frame.one_sided += 1
        return
    event = BookTickerEvent(
        native_id=row.S,
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
    if not (0 < row.p < LARGEST and 0 < row.s < LARGEST and row.i >= 0):
        message = "impossible trade"
        raise Malformed(message)
    return TradeEvent(
        native_id=row.S,
        trade_id=row.i,
        price=row.p,
        quantity=row.s,
        is_sell=None,
        event_ms=rfc3339_ms(row.t),
        received_at_ms=wall_ms,
        received_mono_ms=mono_ms,
    )


def _kline_of(row: _BarFrame, wall_ms: int, mono_ms: int) -> KlineEvent:
    begin_ms = rfc3339_ms(row.t)
    bar = row_of(row, open_time(begin_ms, MINUTE_S))
    return KlineEvent(
        native_id=row.S,
        timeframe=MINUTE_S,
        open_time=bar.open_time,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        trades=bar.trades,
        is_closed=True,
        event_ms=begin_ms + MINUTE_S * 1000,
        received_at_ms=wall_ms,
        received_mono_ms=mono_ms,
    )
