"""Follow the trend only while volatility and the yield curve allow it."""

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.params import Param

# A long weekend and a holiday: the newest value may be that old, and no older.
OLDEST = "7d"
DAYS = 72
"""Hours over which the volatility must not jump."""


class MacroRegime(Strategy):
    """Buy when the averages cross up in a calm market.

    Calm is: the VIX is low and did not jump within three days, and the yield curve (ten years less
    two) is not deeply inverted. Both are read as they were published. The exit is stress in the
    VIX, or the averages crossing down.
    """

    name = "Macro regime"
    timeframe = "1h"
    fast = Param(12, low=3, high=100, label="Fast average", unit="bars")
    slow = Param(48, low=10, high=300, label="Slow average", unit="bars")
    calm = Param(22.0, low=8.0, high=60.0, step=0.5, label="Calm: VIX at most")
    stress = Param(30.0, low=10.0, high=90.0, step=0.5, label="Stress: VIX at least")
    jump = Param(15.0, low=0.0, high=200.0, step=1.0, label="Greatest jump of the VIX", unit="%")
    curve = Param(-0.5, low=-3.0, high=3.0, step=0.1, label="Least slope of the curve", unit="%")
    risk = Param(3.0, low=0.5, high=20.0, step=0.5, label="Stop distance", unit="average ranges")

    def columns(self, x: Space) -> dict[str, Column]:
        return {
            "vix": x.macro("VIXCLS", max_age=OLDEST),
            "curve": x.macro("T10Y2Y", max_age=OLDEST),
            "fast": x.close.sma(self.fast),
            "slow": x.close.sma(self.slow),
            "range": (x.high - x.low).sma(24),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        vix, curve = x.macro("VIXCLS", max_age=OLDEST), x.macro("T10Y2Y", max_age=OLDEST)
        fast, slow = x.close.sma(self.fast), x.close.sma(self.slow)
        return (
            Entry(
                when={
                    "volatility is low": vix <= self.calm,
                    "volatility did not jump": vix <= vix.lag(DAYS) * (1 + self.jump / 100),
                    "the curve is not deeply inverted": curve >= self.curve,
                    "the averages crossed up": fast.crossed_above(slow),
                },
                stop=x.close - self.risk * (x.high - x.low).sma(24),
                confidence={
                    "calm": (1 - vix / self.stress).clip(0, 1) * 0.40,
                    "the curve is positive": (curve > 0) * 0.20,
                    "volatility falls": (vix < vix.lag(DAYS)) * 0.20,
                    "price above both averages": ((x.close > fast) & (x.close > slow)) * 0.20,
                },
                why="the trend turned up in a calm market",
            ),
            Exit(when={"volatility shows stress": vix.crossed_above(self.stress)}, why="stress"),
            Exit(when={"the averages crossed down": fast.crossed_below(slow)}, why="trend over"),
        )
