"""Buy an oversold price that returns into its band: mean reversion."""

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.charts import longer_chart
from signals.strategies.params import Param

RECENT = 6
"""Bars within which price must have been oversold."""
HOURS = 24
"""Bars of the longer chart's average."""


class MeanReversion(Strategy):
    """Buy when price comes back inside its lower Bollinger band after it was oversold.

    The band is an average less some standard deviations of the last bars; the relative strength
    index confirms that the fall was overdone. While the average of the longer chart falls faster
    than `drift` nothing is bought: most falls that go on begin like this. The stop lies under the
    low of the last bars, the target is the average.
    """

    name = "Mean reversion"
    timeframe = "5m"
    bars = Param(48, low=10, high=300, label="Average", unit="bars")
    band = Param(2.0, low=1.0, high=4.0, step=0.1, label="Band", unit="standard deviations")
    oversold = Param(30.0, low=5.0, high=50.0, step=1.0, label="Oversold", unit="RSI")
    drift = Param(1.0, low=0.0, high=10.0, step=0.1, label="Greatest fall of the trend", unit="%")
    margin = Param(0.5, low=0.1, high=5.0, step=0.1, label="Stop under the low", unit="ATR")
    threshold = Param(0.55, low=0.0, high=1.0, step=0.05, label="Least confidence")

    def columns(self, x: Space) -> dict[str, Column]:
        return {
            "average": x.close.sma(self.bars),
            "stretch": self._stretch(x),
            "rsi": x.close.rsi(14),
            "atr": x.atr(14),
            "trend": self._trend(x),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        stretch, average = self._stretch(x), x.close.sma(self.bars)
        weakest = x.close.rsi(14).rolling_min(RECENT)
        deepest = stretch.rolling_min(RECENT)
        trend = self._trend(x)
        return (
            Entry(
                when={
                    "price closed back inside the band": stretch.crossed_above(-self.band),
                    "it was oversold": weakest <= self.oversold,
                    "the longer chart does not fall fast": trend >= -self.drift,
                },
                stop=x.low.rolling_min(RECENT) - self.margin * x.atr(14),
                take=average,
                confidence={
                    "oversold": (weakest <= self.oversold) * 0.40,
                    "depth": ((-deepest - self.band) / self.band).clip(0, 1) * 0.20,
                    "exhaustion": ((self.oversold - weakest) / self.oversold).clip(0, 1) * 0.20,
                    "the trend is up": (trend > 0) * 0.20,
                    "the bar rose": (x.close > x.open) * 0.15,
                },
                threshold=self.threshold,
                why="oversold, and back inside the band",
            ),
            Exit(
                when={"price reached its average": stretch.crossed_above(0)},
                why="back at the average",
            ),
        )

    def _stretch(self, x: Space) -> Column:
        """Return how many standard deviations the close lies from its average."""
        return x.close.zscore(self.bars)

    def _trend(self, x: Space) -> Column:
        """Return the change of the longer chart's average over six of its bars, in percent."""

        def change(h: Space) -> Column:
            average = h.close.sma(HOURS)
            return (average / average.lag(6) - 1) * 100

        return x.tf(longer_chart(self.timeframe), change)
