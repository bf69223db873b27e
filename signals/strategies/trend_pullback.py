"""Buy the dip in an up-trend: the free form, `decide`."""

from signals.columns import Column, Cursor, Intent, Space, enter_long, exit_long, nothing
from signals.strategies.base import Strategy
from signals.strategies.charts import longer_chart
from signals.strategies.params import Param


class TrendPullback(Strategy):
    """Buy pullbacks in an up-trend of a longer chart.

    Trading `5m` bars it looks at the trend of the `1h` chart: the close stands above its average
    and the short average above the long one. Price then dips below the fast average of the
    strategy's own timeframe and closes back above it.
    """

    name = "Trend pullback"
    timeframe = "5m"
    fast = Param(12, low=5, high=30, label="Fast EMA", unit="bars")
    slow = Param(26, low=15, high=80, label="Slow EMA", unit="bars")
    depth = Param(0.5, low=0.0, high=3.0, step=0.1, label="Depth of the dip", unit="ATR")
    risk = Param(2.0, low=0.5, high=6.0, step=0.5, label="Stop distance", unit="ATR")

    @property
    def trend_timeframe(self) -> str:
        """Which chart shows the trend."""
        return longer_chart(self.timeframe)

    def columns(self, x: Space) -> dict[str, Column]:
        fast, slow, atr = x.close.ema(self.fast), x.close.ema(self.slow), x.atr(14)
        trend = x.tf(
            self.trend_timeframe,
            lambda h: (h.close > h.close.sma(24)) & (h.close.sma(8) > h.close.sma(24)),
        )
        return {
            "fast": fast,
            "slow": slow,
            "atr": atr,
            "trend": trend,
            "dip": ((fast - x.low) / atr).rolling_max(6),
            "turned": x.close.crossed_above(fast),
            "over": fast.crossed_below(slow) & ~trend,
        }

    def decide(self, b: Cursor) -> Intent:
        if b.over:
            return exit_long(
                why=f"the averages crossed down and the {self.trend_timeframe} trend is over"
            )
        if not b.trend:
            return nothing(f"the {self.trend_timeframe} trend is up: no")
        if not b.turned:
            return nothing("price closed back above the fast average: no")
        if b.dip < self.depth:
            return nothing(f"the dip of {b.dip:.2f} ATR was shallower than {self.depth:.2f}")
        return enter_long(
            stop=b.close - self.risk * b.atr,
            confidence=min(1.0, 0.7 + 0.1 * (b.dip - self.depth)),
            why=f"pullback of {b.dip:.2f} ATR in an up-trend",
        )
