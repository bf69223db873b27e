"""Buy fear where the order book already does: a contrarian of the crowd's mood."""

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.params import Param

# Of the minute that ends with the bar, and of no earlier one.
FRESH = "30s"


class FearGreedContrarian(Strategy):
    """Buy while the crowd is in extreme fear, once the book and the price turn up.

    The fear and greed index is published once a day; it says when to look, not when to buy. The
    moment is a close above the average while the bids of the order book outweigh its asks. In
    extreme greed, a close under the average is the exit.
    """

    name = "Fear and greed contrarian"
    timeframe = "15m"
    asset_classes = ("crypto",)
    fear = Param(25.0, low=1.0, high=50.0, step=1.0, label="Extreme fear, at most")
    greed = Param(75.0, low=50.0, high=99.0, step=1.0, label="Extreme greed, at least")
    imbalance = Param(0.1, low=0.0, high=0.95, step=0.05, label="Least imbalance")
    average = Param(24, low=5, high=200, label="Average", unit="bars")
    margin = Param(0.5, low=0.1, high=5.0, step=0.1, label="Stop under the low", unit="ATR")
    threshold = Param(0.5, low=0.0, high=1.0, step=0.05, label="Least confidence")

    def columns(self, x: Space) -> dict[str, Column]:
        return {
            "fear_greed": x.feed("fear_greed", max_age="2d"),
            "imbalance": x.book(max_age=FRESH).imbalance,
            "average": x.close.sma(self.average),
            "atr": x.atr(14),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        mood = x.feed("fear_greed", max_age="2d")
        imbalance = x.book(max_age=FRESH).imbalance
        average = x.close.sma(self.average)
        return (
            Entry(
                when={
                    "the crowd is in extreme fear": mood <= self.fear,
                    "price turned up": x.close.crossed_above(average),
                    "bids outweigh asks": imbalance >= self.imbalance,
                },
                stop=x.low.rolling_min(self.average) - self.margin * x.atr(14),
                confidence={
                    "fear": (mood <= self.fear) * 0.40,
                    "how much fear": ((self.fear - mood) / self.fear).clip(0, 1) * 0.20,
                    "imbalance": imbalance.clip(0, 1) * 0.30,
                    "the bar rose": (x.close > x.open) * 0.10,
                },
                threshold=self.threshold,
                why="extreme fear, and the book turned",
            ),
            Exit(
                when={
                    "the crowd is in extreme greed": mood >= self.greed,
                    "price turned down": x.close.crossed_below(average),
                },
                why="extreme greed, and the price turned",
            ),
        )
