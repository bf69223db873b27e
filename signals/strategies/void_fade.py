"""Buy back a fall through an empty stretch of the order book."""

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.params import Param

BASIS_POINTS = 10_000
NOWHERE = 1.0
"""Distance of a void that is not there: as far as the price itself."""
# Of the minute that ends with the bar, and of no earlier one.
FRESH = "30s"
FALL = 3
"""Minutes within which the price fell."""


class VoidFade(Strategy):
    """Buy a price that fell through a void once the book has filled up again.

    A fall across an empty stretch of the book needed few sales, so part of it is often made good
    when the orders are back. The price must have fallen at least as far as the void lay away, the
    void must be gone or far, the bids must outweigh the asks, and the bar must close off its low.
    The target is the price before the fall, the stop lies under the low.
    """

    name = "Void fade"
    timeframe = "1m"
    asset_classes = ("crypto",)
    fall = Param(15.0, low=2.0, high=500.0, step=1.0, label="Least fall", unit="bps")
    far = Param(10.0, low=1.0, high=200.0, step=1.0, label="No void within", unit="bps")
    imbalance = Param(0.1, low=0.0, high=0.95, step=0.05, label="Least imbalance")
    spread = Param(5.0, low=0.1, high=100.0, step=0.1, label="Greatest spread", unit="bps")
    margin = Param(0.5, low=0.1, high=5.0, step=0.1, label="Stop under the low", unit="ATR")
    threshold = Param(0.5, low=0.0, high=1.0, step=0.05, label="Least confidence")

    def columns(self, x: Space) -> dict[str, Column]:
        book = x.book(max_age=FRESH)
        return {
            "fall_bps": self._fall(x) * BASIS_POINTS,
            "spread_bps": book.spread * BASIS_POINTS,
            "imbalance": book.imbalance,
            "void_below_bps": book.void_below * BASIS_POINTS,
            "void_before_bps": book.void_below.lag(FALL) * BASIS_POINTS,
            "atr": x.atr(14),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        book = x.book(max_age=FRESH)
        fall = self._fall(x)
        below = book.void_below.otherwise(NOWHERE) * BASIS_POINTS
        off_low = (x.close - x.low) / (x.high - x.low)
        return (
            Entry(
                when={
                    "price fell far": fall * BASIS_POINTS >= self.fall,
                    "it fell through a void": fall >= book.void_below.lag(FALL),
                    "no void is close below any more": below >= self.far,
                    "the spread is small": book.spread * BASIS_POINTS <= self.spread,
                    "bids outweigh asks": book.imbalance >= self.imbalance,
                    "the bar closed off its low": off_low >= 0.4,
                },
                stop=x.low.rolling_min(FALL) - self.margin * x.atr(14),
                take=x.close.lag(FALL),
                confidence={
                    "the void is filled": (below >= self.far) * 0.30,
                    "imbalance": book.imbalance.clip(0, 1) * 0.30,
                    "depth of the fall": (fall / (3 * x.atr(14) / x.close)).clip(0, 1) * 0.20,
                    "off its low": off_low.clip(0, 1) * 0.20,
                },
                threshold=self.threshold,
                why="fell through a void that has filled up",
            ),
            Exit(
                when={"price came back to its average": x.close.crossed_above(x.close.ema(20))},
                why="the fall is made good",
            ),
        )

    def _fall(self, x: Space) -> Column:
        """Return how far the close lies under that before the fall, as a fraction."""
        return 1 - x.close / x.close.lag(FALL)
