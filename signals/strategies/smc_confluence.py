"""Buy where an order block meets structure: the rules form."""

from signals.columns import Column, Entry, Exit, Space
from signals.columns.smc_fields import MEMORY
from signals.strategies.base import Strategy
from signals.strategies.params import Param


class SmcConfluence(Strategy):
    """Buy the return into a bullish order block while structure is bullish.

    Only the first return counts. A fair value gap left by the move away from the block, or a
    price in the lower half of the last swing range, must support it. The confidence is a
    heuristic, not a probability: the sum of the parts named in `rules`, at most 1; below the
    threshold nothing is bought. The stop lies under the block, the target at `reward` times the
    risk; a bearish change of character is the exit.
    """

    name = "Smart-Money confluence"
    timeframe = "1m"
    threshold = Param(0.70, low=0.0, high=1.0, step=0.05, label="Least confidence")
    swing = Param(5, low=2, high=50, label="Swing length", unit="bars")
    reward = Param(3.0, low=1.0, high=10.0, step=0.5, label="Target", unit="times the risk")
    least_risk = Param(0.15, low=0.0, high=5.0, step=0.05, label="Least stop distance", unit="%")

    def columns(self, x: Space) -> dict[str, Column]:
        smc = x.smc(swing=self.swing)
        return {
            "trend": smc.trend,
            "block_top": smc.bullish_ob_top,
            "block_bottom": smc.bullish_ob_bottom,
            "block_age": smc.bullish_ob_age,
            "touches": smc.bullish_ob_touches,
            "swing_high": smc.swing_high,
            "swing_low": smc.swing_low,
            "atr": x.atr(14),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        smc = x.smc(swing=self.swing)
        top, bottom, age = smc.bullish_ob_top, smc.bullish_ob_bottom, smc.bullish_ob_age
        is_discount = (x.close < (smc.swing_high + smc.swing_low) / 2) & (
            smc.swing_high > smc.swing_low
        )
        stop = (bottom - 0.5 * x.atr(14)).at_most(x.close * (1 - self.least_risk / 100))
        return (
            Entry(
                when={
                    "structure is bullish": smc.trend == 1,
                    "a bullish order block waits": smc.bullish_ob,
                    "price returned into the block": (x.low <= top) & (age >= 1),
                    "it is the first return": smc.bullish_ob_touches == 1,
                    "the bar closed above the block's foot": x.close > bottom,
                    "a gap or a discount supports it": smc.bullish_ob_gap | is_discount,
                },
                stop=stop,
                take=x.close + (x.close - stop) * self.reward,
                confidence={
                    "structure": (smc.trend == 1) * 0.30,
                    "continuation": (smc.bullish_bos_age <= MEMORY) * 0.10,
                    "gap": smc.bullish_ob_gap * 0.20,
                    "discount": is_discount * 0.20,
                    "held above the block": (x.close >= top) * 0.10,
                    "freshness": (1 - age / MEMORY) * 0.10,
                },
                threshold=self.threshold,
                why="first return into a bullish order block",
            ),
            Exit(
                when={"structure turned bearish": smc.bearish_choch_age == 0},
                why="bearish change of character",
            ),
        )
