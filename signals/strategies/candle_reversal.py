"""Buy a candlestick reversal at a low that held before."""

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.params import Param

FORMING = 3
"""Bars that a reversal is made of at most."""


class CandleReversal(Strategy):
    """Buy a bullish engulfing bar, a hammer or a morning star at an earlier low.

    A pattern alone says little; it counts where the low of its bars comes near the lowest low of
    the bars before them and the close holds above it, after a fall. The stop lies under the lower
    of the two lows. A close under the level is the exit: it did not hold.
    """

    name = "Candlestick reversal at a low"
    timeframe = "15m"
    level = Param(96, low=10, high=500, label="Low of the last", unit="bars")
    near = Param(1.0, low=0.1, high=5.0, step=0.1, label="How near the low", unit="ATR")
    margin = Param(0.5, low=0.1, high=5.0, step=0.1, label="Stop under the low", unit="ATR")
    reward = Param(2.0, low=1.0, high=10.0, step=0.5, label="Target", unit="times the risk")
    threshold = Param(0.5, low=0.0, high=1.0, step=0.05, label="Least confidence")

    def columns(self, x: Space) -> dict[str, Column]:
        return {
            "level": self._level(x),
            "low": x.low.rolling_min(FORMING),
            "atr": x.atr(14),
            "engulfing": x.candle.bullish("engulfing"),
            "hammer": x.candle.bullish("hammer"),
            "star": self._star(x),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        low, level, atr = x.low.rolling_min(FORMING), self._level(x), x.atr(14)
        engulfing, hammer, star = (
            x.candle.bullish("engulfing"),
            x.candle.bullish("hammer"),
            self._star(x),
        )
        stop = low.at_most(level) - self.margin * atr
        return (
            Entry(
                when={
                    "a reversal closed": engulfing | hammer | star,
                    "it stands at an earlier low": abs(low - level) <= self.near * atr,
                    "the low held": x.close > level,
                    "price fell before": x.close.lag(FORMING) < x.close.sma(20).lag(FORMING),
                },
                stop=stop,
                take=x.close + (x.close - stop) * self.reward,
                confidence={
                    "engulfing": engulfing * 0.30,
                    "hammer": hammer * 0.25,
                    "star": star * 0.35,
                    "nearness": (1 - abs(low - level) / (self.near * atr)).clip(0, 1) * 0.25,
                    "the low held": (x.close > level) * 0.15,
                    "volume": (x.volume > x.volume.sma(20)) * 0.20,
                },
                threshold=self.threshold,
                why="reversal at an earlier low",
            ),
            Exit(when={"the low broke": x.close.crossed_below(level)}, why="the low did not hold"),
        )

    def _level(self, x: Space) -> Column:
        """Return the lowest low before the bars of the pattern."""
        return x.low.rolling_min(self.level).lag(FORMING)

    def _star(self, x: Space) -> Column:
        """Say whether a rise over half of a large fall follows it and a small body between.

        The morning star of `x.candle` demands a gap; markets that never close have none.
        """
        fall = x.open.lag(2) - x.close.lag(2)
        middle = (x.open.lag(2) + x.close.lag(2)) / 2
        body = abs(x.close.lag(1) - x.open.lag(1))
        usual = abs(x.close - x.open).sma(20)
        return (fall >= usual.lag(2)) & (body <= 0.3 * fall) & (x.close > middle)
