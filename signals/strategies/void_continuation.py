"""Buy when little stands in the way: a void close above in the order book."""

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.params import Param

BASIS_POINTS = 10_000
NOWHERE = 1.0
"""Distance of a void that is not there: as far as the price itself."""
# Of the minute that ends with the bar, and of no earlier one.
FRESH = "30s"


class VoidContinuation(Strategy):
    """Buy a rising price with a void close above it while the bids outweigh the asks.

    A void is a stretch of the order book without orders: whoever buys through the last level
    before it moves the price across it at once. The void above must be nearer than the one below,
    the spread small, and the orders of the last minute must have come to the bid.
    """

    name = "Void continuation"
    timeframe = "1m"
    asset_classes = ("crypto",)
    near = Param(10.0, low=1.0, high=200.0, step=1.0, label="Void within", unit="bps")
    imbalance = Param(0.2, low=0.0, high=0.95, step=0.05, label="Least imbalance")
    spread = Param(3.0, low=0.1, high=100.0, step=0.1, label="Greatest spread", unit="bps")
    risk = Param(2.0, low=0.5, high=10.0, step=0.5, label="Stop distance", unit="ATR")
    threshold = Param(0.5, low=0.0, high=1.0, step=0.05, label="Least confidence")

    def columns(self, x: Space) -> dict[str, Column]:
        book = x.book(max_age=FRESH)
        return {
            "spread_bps": book.spread * BASIS_POINTS,
            "imbalance": book.imbalance,
            "void_above_bps": book.void_above * BASIS_POINTS,
            "void_below_bps": book.void_below * BASIS_POINTS,
            "flow": book.order_flow_imbalance,
            "atr": x.atr(14),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        book = x.book(max_age=FRESH)
        above, below = book.void_above, book.void_below.otherwise(NOWHERE)
        distance = above * BASIS_POINTS
        return (
            Entry(
                when={
                    "the spread is small": book.spread * BASIS_POINTS <= self.spread,
                    "a void lies close above": distance <= self.near,
                    "the void below is farther": below > above,
                    "bids outweigh asks": book.imbalance >= self.imbalance,
                    "orders come to the bid": book.order_flow_imbalance > 0,
                    "price rises": (x.close > x.open) & (x.close > x.close.ema(10)),
                },
                stop=x.close - (self.risk * x.atr(14)).at_least(2 * book.spread * x.close),
                confidence={
                    "imbalance": book.imbalance.clip(0, 1) * 0.40,
                    "nearness": (1 - distance / self.near).clip(0, 1) * 0.20,
                    "nothing below": (below > 2 * above) * 0.20,
                    "bought": (book.buy_volume > book.sell_volume) * 0.20,
                    "price rises": (x.close > x.close.ema(10)) * 0.10,
                },
                threshold=self.threshold,
                why="a void lies close above a rising price",
            ),
            Exit(
                when={"asks outweigh bids": book.imbalance <= -self.imbalance},
                why="the book turned",
            ),
        )
