"""Hold what is strongest among several symbols: cross-sectional momentum."""

from functools import reduce
from operator import add

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.params import Param, TextParam

# Two calculations of one score may differ in their last bits: that is no lead.
LEAD = 1e-9


class MomentumRotation(Strategy):
    """Buy an instrument that rises when it becomes one of the strongest of a universe.

    Strength is the return over the last bars divided by the standard deviation of the returns of
    single bars in that time. The rank counts the symbols of the universe that are stronger; 0 is
    the strongest. An instrument outside the universe is bought where it would be among the
    strongest. It is left when others overtake it (`slack` places more may be), or its momentum is
    gone.
    """

    name = "Momentum rotation"
    timeframe = "1h"
    asset_classes = ("crypto",)
    universe = TextParam(
        "BTC/USDT,ETH/USDT,BNB/USDT,SOL/USDT,XRP/USDT", label="Universe", is_many=True
    )
    lookback = Param(48, low=6, high=500, label="Momentum over", unit="bars")
    top = Param(2, low=1, high=20, label="How many are held", unit="symbols")
    slack = Param(0, low=0, high=10, label="May fall behind by", unit="places")
    least = Param(1.0, low=0.0, high=20.0, step=0.5, label="Least strength")
    risk = Param(4.0, low=1.0, high=20.0, step=0.5, label="Stop distance", unit="average ranges")

    def columns(self, x: Space) -> dict[str, Column]:
        scores = {f"strength of {name}": x.symbol(name, self._strength) for name in self._names}
        return {"strength": self._strength(x), "rank": self._rank(x), **scores}

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        strength, rank = self._strength(x), self._rank(x)
        is_held = (strength > self.least) & (rank < self.top)
        return (
            Entry(
                when={
                    "momentum is positive": strength > self.least,
                    f"it is among the strongest {self.top}": rank < self.top,
                    "it was not a bar ago": is_held.lag(1) == 0,
                },
                stop=x.close - self.risk * (x.high - x.low).sma(24),
                confidence={
                    "rank": (1 - rank / self.top) * 0.40,
                    "strength": (strength / 20).clip(0, 1) * 0.30,
                    "rising": (strength > strength.lag(6)) * 0.30,
                },
                why=f"now among the strongest {self.top} of the universe",
            ),
            Exit(when={"momentum is gone": strength.crossed_below(0)}, why="momentum is gone"),
            Exit(
                when={"it fell behind": rank.crossed_above(self.top + self.slack - 0.5)},
                why="others are stronger",
            ),
        )

    @property
    def _names(self) -> list[str]:
        symbols: str = self.universe
        return symbols.split(",")

    def _strength(self, x: Space) -> Column:
        return x.close.roc(self.lookback) / x.close.roc(1).stdev(self.lookback)

    def _rank(self, x: Space) -> Column:
        own = self._strength(x)
        stronger = [(x.symbol(name, self._strength) - own > LEAD) * 1 for name in self._names]
        return reduce(add, stronger)
