"""Read Coinbase's frames: quotes, trades, books, and the count that shows a loss."""

from datetime import datetime

import msgspec

from markets.providers.base import BookTickerEvent, DepthEvent, TradeEvent

LARGEST = 1e15


class FrameError(ValueError):
    """Raised for a frame that is not what the venue documents; it is dropped and counted."""


class _Ticker(msgspec.Struct, gc=False):
    product_id: str
    price: float
    best_bid: float
    best_bid_quantity: float
    best_ask: float
    best_ask_quantity: float


class _TickerEvent(msgspec.Struct, gc=False):
    tickers: list[_Ticker]


class _Trade(msgspec.Struct, gc=False):
    trade_id: int
    product_id: str
    price: float
    size: float
    side: str
    time: str


class _TradesEvent(msgspec.Struct, gc=False):
    trades: list[_Trade]
    type: str = ""


class _Level(msgspec.Struct, gc=False):
    side: str
    price_level: float
    new_quantity: float


class _BookEvent(msgspec.Struct, gc=False):
    type: str
    product_id: str
    updates: list[_Level]


class _Envelope(msgspec.Struct, gc=False):
    channel: str = ""
    timestamp: str = ""
    sequence_num: int | None = None
    events: msgspec.Raw = msgspec.Raw(b"[]")
    type: str = ""
    message: str = ""


class Frame(msgspec.Struct, gc=False):
    """One frame of the feed: its place in the connection's count and what it told.

    `error` is the venue's refusal of a request; `is_known` is False for a channel not asked for.
    """

    channel: str
    sequence: int | None
    quotes: list[BookTickerEvent]
    trades: list[TradeEvent]
    error: str | None = None
    is_known: bool = True
    depths: list[DepthEvent] = []


_envelope = msgspec.json.Decoder(_Envelope)
_tickers = msgspec.json.Decoder(list[_TickerEvent], strict=False)
_trades = msgspec.json.Decoder(list[_TradesEvent], strict=False)
_books = msgspec.json.Decoder(list[_BookEvent], strict=False)


def epoch_ms(text: str) -> int:
    """Return an ISO 8601 time with up to nanoseconds as UTC epoch milliseconds."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FrameError(f"time {text[:40]!r}") from None
    if moment.tzinfo is None:
        message = "a time without a zone"
        raise FrameError(message)
    return int(moment.timestamp() * 1000)


def _quote(row: _Ticker, at_ms: int, wall_ms: int, mono_ms: int) -> BookTickerEvent:
    is_possible = (
        0 < row.best_bid < row.best_ask < LARGEST
        and 0 < row.price < LARGEST
        and 0 < row.best_bid_quantity < LARGEST
        and 0 < row.best_ask_quantity < LARGEST
    )
    if not is_possible:
        message = "impossible quote"
        raise FrameError(message)
    return BookTickerEvent(
        native_id=row.product_id,
        bid=row.best_bid,
        bid_size=row.best_bid_quantity,
        ask=row.best_ask,
        ask_size=row.best_ask_quantity,
        last=row.price,
        update_id=0,
        event_ms=at_ms,
        received_at_ms=wall_ms,
        received_mono_ms=mono_ms,
    )


def _trade(row: _Trade, wall_ms: int, mono_ms: int) -> TradeEvent:
    """`side` is read as the taker's, as its users do; the venue's pages disagree about it."""
    is_possible = 0 < row.price < LARGEST and 0 < row.size < LARGEST and row.trade_id >= 0
    if not is_possible or row.side not in {"BUY", "SELL"}:
        message = "impossible trade"
        raise FrameError(message)
    return TradeEvent(
        native_id=row.product_id,
        trade_id=row.trade_id,
        price=row.price,
        quantity=row.size,
        is_sell=row.side == "SELL",
        event_ms=epoch_ms(row.time),
        received_at_ms=wall_ms,
        received_mono_ms=mono_ms,
    )


def _depth(event: _BookEvent, sequence: int, at_ms: int, wall_ms: int, mono_ms: int) -> DepthEvent:
    """Return a book or its change; the venue calls the ask side `offer`.

    The venue numbers frames, not changes: the frame's number stands for the ids.
    """
    sides: dict[str, list[tuple[float, float]]] = {"bid": [], "offer": []}
    for level in event.updates:
        is_possible = 0 < level.price_level < LARGEST and 0 <= level.new_quantity < LARGEST
        if not is_possible or level.side not in sides:
            message = "impossible level"
            raise FrameError(message)
        sides[level.side].append((level.price_level, level.new_quantity))
    return DepthEvent(
        event.product_id,
        sequence,
        sequence,
        tuple(sides["bid"]),
        tuple(sides["offer"]),
        at_ms,
        wall_ms,
        mono_ms,
        is_snapshot=event.type == "snapshot",
    )


def decode(raw: bytes, wall_ms: int = 0, mono_ms: int = 0) -> Frame:
    """Return what one frame says.

    Raises
    ------
    FrameError
        If it is truncated, not JSON, of another shape, or holds impossible values.
    """
    try:
        told = _envelope.decode(raw)
        frame = Frame(told.channel, told.sequence_num, [], [])
        if told.type == "error":
            frame.error = told.message[:200]
        elif told.channel == "ticker":
            at_ms = epoch_ms(told.timestamp)
            rows = (row for event in _tickers.decode(told.events) for row in event.tickers)
            frame.quotes = [_quote(row, at_ms, wall_ms, mono_ms) for row in rows]
        elif told.channel == "market_trades":
            updates = (e for e in _trades.decode(told.events) if e.type != "snapshot")
            frame.trades = [_trade(row, wall_ms, mono_ms) for e in updates for row in e.trades]
        elif told.channel == "l2_data":
            at_ms, number = epoch_ms(told.timestamp), told.sequence_num or 0
            events = _books.decode(told.events)
            frame.depths = [_depth(event, number, at_ms, wall_ms, mono_ms) for event in events]
        else:
            frame.is_known = told.channel in {"heartbeats", "subscriptions"}
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise FrameError(str(fault)[:200]) from None
    return frame
