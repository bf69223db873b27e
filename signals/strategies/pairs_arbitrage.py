"""Buy the cheap leg of a pair that moves together: statistical arbitrage."""

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.params import Param, TextParam


class PairsArbitrage(Strategy):
    """Buy an instrument that fell behind its partner, when the gap begins to close.

    The logarithm of the price is regressed on that of the partner over the last bars; the gap is
    the residual of the newest bar, in standard deviations of the residuals. Only the cheap leg is
    bought, so a fall of both is not hedged. The returns of the two must be correlated: without
    that the regression says nothing. The target is the fair price.
    """

    name = "Pairs: the cheap leg"
    timeframe = "5m"
    asset_classes = ("crypto",)
    partner = TextParam("BTC/USDT", label="Partner")
    bars = Param(288, low=30, high=1500, label="Regression over", unit="bars")
    entry = Param(2.0, low=0.5, high=5.0, step=0.1, label="Gap", unit="standard deviations")
    correlation = Param(0.5, low=0.0, high=0.99, step=0.05, label="Least correlation")
    risk = Param(1.5, low=0.25, high=10.0, step=0.25, label="Stop", unit="standard deviations")
    threshold = Param(0.5, low=0.0, high=1.0, step=0.05, label="Least confidence")

    def columns(self, x: Space) -> dict[str, Column]:
        return {
            "beta": self._beta(x),
            "gap": self._gap(x),
            "width": self._width(x),
            "z": self._z(x),
            "correlation": self._correlation(x),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        z, beta, correlation = self._z(x), self._beta(x), self._correlation(x)
        return (
            Entry(
                when={
                    "they move together": correlation >= self.correlation,
                    "the gap begins to close": z.crossed_above(-self.entry),
                    "beta is plausible": beta.between(0.2, 5.0),
                },
                stop=x.close * (1 - self.risk * self._width(x)),
                take=x.close * (1 - self._gap(x)),
                confidence={
                    "moves together": (correlation >= self.correlation) * 0.30,
                    "correlation": correlation.clip(0, 1) * 0.30,
                    "depth": ((-z.rolling_min(6) - self.entry) / self.entry).clip(0, 1) * 0.30,
                    "the bar rose": (x.close > x.open) * 0.10,
                },
                threshold=self.threshold,
                why="fell behind its partner, and catches up",
            ),
            Exit(when={"the gap closed": z.crossed_above(0)}, why="the gap closed"),
            Exit(
                when={"they moved apart": correlation.crossed_below(self.correlation / 2)},
                why="they no longer move together",
            ),
        )

    def _other(self, x: Space) -> Column:
        return x.symbol(self.partner, lambda p: p.close.log())

    def _beta(self, x: Space) -> Column:
        return x.close.log().beta(self._other(x), self.bars)

    def _gap(self, x: Space) -> Column:
        """Return the residual of the regression at this bar: a fraction of the price."""
        own, other = x.close.log(), self._other(x)
        return (own - own.sma(self.bars)) - self._beta(x) * (other - other.sma(self.bars))

    def _width(self, x: Space) -> Column:
        """Return the standard deviation of the residuals."""
        own = x.close.log()
        shared = own.correlation(self._other(x), self.bars)
        return (own.variance(self.bars) * (1 - shared * shared)).sqrt()

    def _z(self, x: Space) -> Column:
        return self._gap(x) / self._width(x)

    def _correlation(self, x: Space) -> Column:
        returns = x.symbol(self.partner, lambda p: p.close.log_return(1))
        return x.close.log_return(1).correlation(returns, self.bars)
