"""Follow unusual trading in a stock's options, where the price agrees."""

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.params import Param

THOUSAND = 1000
# The sum belongs to its trading day.
OLDEST = "18h"


class UnusualOptions(Strategy):
    """Buy a stock when the day's unusual calls outweigh its unusual puts and the price turns up.

    What counts is the premium of the contracts that stood out today: calls less puts. Whether a
    contract was bought or sold is not known, so the price must agree: it closes above its average.
    The exit is the reverse: unusual puts outweigh calls.
    """

    name = "Unusual options"
    timeframe = "5m"
    asset_classes = ("stock",)
    premium = Param(
        500.0, low=10.0, high=100_000.0, step=10.0, label="Least net premium", unit="thousand"
    )
    average = Param(12, low=3, high=78, label="Average", unit="bars")
    risk = Param(2.0, low=0.5, high=10.0, step=0.5, label="Stop distance", unit="ATR")

    def columns(self, x: Space) -> dict[str, Column]:
        return {
            "net_premium": x.feed("unusual_options", max_age=OLDEST),
            "average": x.close.sma(self.average),
            "atr": x.atr(14),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        net = x.feed("unusual_options", max_age=OLDEST) / THOUSAND
        average = x.close.sma(self.average)
        return (
            Entry(
                when={
                    "unusual calls outweigh puts": net >= self.premium,
                    "price turned up": x.close.crossed_above(average),
                },
                stop=x.close - self.risk * x.atr(14),
                confidence={
                    "calls outweigh puts": (net >= self.premium) * 0.50,
                    "how far": (net / (10 * self.premium)).clip(0, 1) * 0.30,
                    "volume": (x.volume > x.volume.sma(self.average)) * 0.20,
                },
                why="unusual calls, and the price turned up",
            ),
            Exit(
                when={"unusual puts outweigh calls": net <= -self.premium},
                why="unusual puts",
            ),
        )
