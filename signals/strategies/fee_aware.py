"""Buy a dip only where the way back pays fees, spread and slippage several times over."""

from typing import ClassVar

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.charts import longer_chart
from signals.strategies.params import Param

BASIS_POINTS = 10_000


class FeeAware(Strategy):
    """Buy a dip in an up-trend where the expected move is a multiple of all costs.

    Costs are two fees, two slippages and the spread of the order book as it is, in basis points.
    The expected move is a share of the way back to the average. What an average dip brings is less
    than it costs, so most dips are left alone; the decision shows the move and the costs.

    A class that extends this one may name a trained model (`model = "..."`): then the expected move
    is what the model expects.
    """

    name = "Fee-aware dips"
    timeframe = "5m"
    asset_classes = ("crypto",)
    model: ClassVar[str] = ""
    average = Param(48, low=10, high=300, label="Average", unit="bars")
    share = Param(0.6, low=0.1, high=1.0, step=0.05, label="Expected share of the way back")
    fee = Param(10.0, low=0.0, high=100.0, step=0.5, label="Fee of one side", unit="bps")
    slippage = Param(2.0, low=0.0, high=100.0, step=0.5, label="Slippage of one side", unit="bps")
    factor = Param(1.5, low=1.0, high=10.0, step=0.1, label="Least move", unit="times the costs")
    margin = Param(0.5, low=0.1, high=5.0, step=0.1, label="Stop under the low", unit="ATR")

    def columns(self, x: Space) -> dict[str, Column]:
        return {
            "average": x.close.sma(self.average),
            "expected_bps": self._expected(x) * BASIS_POINTS,
            "costs_bps": self._costs(x),
            "spread_bps": self._spread(x),
            "atr": x.atr(14),
            "trend": self._trend(x),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        expected, costs = self._expected(x), self._costs(x)
        average = x.close.sma(self.average)
        surplus = expected * BASIS_POINTS / (self.factor * costs)
        return (
            Entry(
                when={
                    "the longer chart rises": self._trend(x),
                    "price turned up": x.close.crossed_above(x.close.ema(5)),
                    "the spread is known": self._spread(x).known(),
                    "the expected move pays the costs": surplus >= 1,
                },
                stop=x.low.rolling_min(12) - self.margin * x.atr(14),
                take=x.close * (1 + expected),
                confidence={
                    "pays its costs": (surplus >= 1) * 0.50,
                    "surplus": (surplus - 1).clip(0, 1) * 0.30,
                    "the bar rose": (x.close > x.open) * 0.20,
                },
                why="the way back pays the costs",
            ),
            Exit(
                when={"price reached its average": x.close.crossed_above(average)},
                why="the move is made",
            ),
        )

    def _spread(self, x: Space) -> Column:
        return x.book(max_age="10m").spread * BASIS_POINTS

    def _costs(self, x: Space) -> Column:
        return self._spread(x) + 2 * (self.fee + self.slippage)

    def _expected(self, x: Space) -> Column:
        """Return the expected move as a fraction of the price; negative above the average."""
        if self.model:
            return x.model(self.model).expected
        return (x.close.sma(self.average) / x.close - 1) * self.share

    def _trend(self, x: Space) -> Column:
        return x.tf(
            longer_chart(self.timeframe), lambda h: h.close.sma(24) > h.close.sma(24).lag(6)
        )
