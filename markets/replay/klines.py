"""Bars counted exactly from trades, as the venue counts them."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from markets.replay.market import Row, plain


@dataclass(slots=True)
class Forming:
    """A bar while its trades come in; amounts are exact decimals."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    taker_volume: Decimal
    taker_quote: Decimal
    trades: int
    first_id: int
    last_id: int
    is_whole: bool

    def row(self, interval_ms: int) -> Row:
        """Return the bar as Binance's REST writes it."""
        return [
            self.open_ms,
            plain(self.open),
            plain(self.high),
            plain(self.low),
            plain(self.close),
            plain(self.volume),
            self.open_ms + interval_ms - 1,
            plain(_money(self.quote_volume)),
            self.trades,
            plain(self.taker_volume),
            plain(_money(self.taker_quote)),
            "0",
        ]


def _money(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.00000001"), rounding=ROUND_DOWN)


class TradeBars:
    """Bars of one interval from trades given in their order.

    Parameters
    ----------
    interval_ms : int
        Length of a bar.
    start_ms : int
        Since when every trade is known: a bar that opened before is never whole.
    """

    def __init__(self, interval_ms: int, start_ms: int) -> None:
        self.interval_ms = interval_ms
        self.forming: Forming | None = None
        self._start_ms = start_ms

    def add(
        self, at_ms: int, price: Decimal, quantity: Decimal, trade_id: int, *, is_sell: bool
    ) -> list[Forming]:
        """Count one trade and return the whole bars that it proves to be over.

        A trade of a bar that is over already is not counted: the venue closes a bar once.
        """
        closed = self.advance(at_ms)
        bar = self.forming
        if bar is not None and at_ms < bar.open_ms:
            return closed
        if bar is None or bar.trades == 0:
            bar = self.forming = self._fresh(at_ms - at_ms % self.interval_ms, price, trade_id)
        bar.high, bar.low, bar.close = max(bar.high, price), min(bar.low, price), price
        bar.volume += quantity
        bar.quote_volume += price * quantity
        bar.trades += 1
        bar.last_id = trade_id
        if not is_sell:
            bar.taker_volume += quantity
            bar.taker_quote += price * quantity
        return closed

    def advance(self, now_ms: int) -> list[Forming]:
        """Return the whole bars that ended by `now_ms`; a quiet one is flat at the last close."""
        closed = []
        while self.forming is not None and self.forming.open_ms + self.interval_ms <= now_ms:
            bar = self.forming
            if bar.is_whole:
                closed.append(bar)
            self.forming = self._fresh(bar.open_ms + self.interval_ms, bar.close, -1)
        return closed

    def _fresh(self, open_ms: int, price: Decimal, trade_id: int) -> Forming:
        zero = Decimal(0)
        return Forming(
            open_ms,
            price,
            price,
            price,
            price,
            zero,
            zero,
            zero,
            zero,
            trades=0,
            first_id=trade_id,
            last_id=trade_id,
            is_whole=open_ms >= self._start_ms,
        )
