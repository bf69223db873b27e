"""Buy a new high that comes with unusual volume: the Donchian breakout."""

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.params import Param


class VolumeBreakout(Strategy):
    """Buy a close above the highest high of the last bars when volume is far from usual.

    The channel is Donchian's: the highest high before this bar. Volume counts twice: as a multiple
    of its average, and in standard deviations from it. The bar must close in the upper part of its
    range. The stop lies some average true ranges under the close; a close under the lowest low of
    the shorter channel is the exit.
    """

    name = "Breakout with volume"
    timeframe = "5m"
    channel = Param(48, low=10, high=500, label="Channel", unit="bars")
    leave = Param(24, low=5, high=250, label="Exit channel", unit="bars")
    multiple = Param(2.0, low=1.0, high=20.0, step=0.5, label="Least volume", unit="times usual")
    surge = Param(2.0, low=0.5, high=10.0, step=0.5, label="Volume", unit="standard deviations")
    position = Param(0.6, low=0.0, high=1.0, step=0.05, label="Close within the bar")
    risk = Param(2.0, low=0.5, high=10.0, step=0.5, label="Stop distance", unit="ATR")
    threshold = Param(0.55, low=0.0, high=1.0, step=0.05, label="Least confidence")

    def columns(self, x: Space) -> dict[str, Column]:
        return {
            "top": self._top(x),
            "floor": self._floor(x),
            "multiple": self._multiple(x),
            "surge": self._surge(x),
            "atr": x.atr(14),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        surge, multiple = self._surge(x), self._multiple(x)
        place = (x.close - x.low) / (x.high - x.low)
        return (
            Entry(
                when={
                    "price closed above the channel": x.close.crossed_above(self._top(x)),
                    "volume is a multiple of the usual": multiple >= self.multiple,
                    "volume stands out": surge >= self.surge,
                    "the bar closed in its upper part": place >= self.position,
                },
                stop=x.close - self.risk * x.atr(14),
                confidence={
                    "breakout": (x.close > self._top(x)) * 0.40,
                    "volume stands out": (surge / 10).clip(0, 1) * 0.25,
                    "multiple": (multiple / 10).clip(0, 1) * 0.15,
                    "strong close": place.clip(0, 1) * 0.20,
                },
                threshold=self.threshold,
                why="new high on unusual volume",
            ),
            Exit(
                when={"price closed under the exit channel": x.close.crossed_below(self._floor(x))},
                why="the breakout is over",
            ),
        )

    def _top(self, x: Space) -> Column:
        return x.high.rolling_max(self.channel).lag(1)

    def _floor(self, x: Space) -> Column:
        return x.low.rolling_min(self.leave).lag(1)

    def _multiple(self, x: Space) -> Column:
        return x.volume / x.volume.sma(self.channel).lag(1)

    def _surge(self, x: Space) -> Column:
        usual, spread = x.volume.sma(self.channel), x.volume.stdev(self.channel)
        return (x.volume - usual.lag(1)) / spread.lag(1)
