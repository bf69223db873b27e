"""Buy good news that the price confirms."""

from signals.columns import Column, Entry, Exit, Space
from signals.strategies.base import Strategy
from signals.strategies.params import Param


class NewsSentiment(Strategy):
    """Buy a new high while the news of the instrument is good and that of the market is not bad.

    The tone is that of the newest hour that had news, and is forgotten after three hours (the
    market's after six). Words alone buy nothing: the price must close above the highest high of
    the last bars. News that turns bad is the exit.
    """

    name = "News with confirmation"
    timeframe = "5m"
    tone = Param(0.25, low=0.0, high=1.0, step=0.05, label="Least tone")
    market = Param(-0.2, low=-1.0, high=1.0, step=0.05, label="Least tone of the market")
    channel = Param(12, low=3, high=200, label="New high of", unit="bars")
    risk = Param(2.0, low=0.5, high=10.0, step=0.5, label="Stop distance", unit="ATR")

    def columns(self, x: Space) -> dict[str, Column]:
        return {
            "tone": x.news(max_age="3h"),
            "market_tone": x.feed("market_news", max_age="6h"),
            "top": x.high.rolling_max(self.channel).lag(1),
            "atr": x.atr(14),
        }

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        tone, market = x.news(max_age="3h"), x.feed("market_news", max_age="6h")
        top = x.high.rolling_max(self.channel).lag(1)
        return (
            Entry(
                when={
                    "the news is good": tone >= self.tone,
                    "the market's news is not bad": market >= self.market,
                    "price made a new high": x.close.crossed_above(top),
                },
                stop=x.close - self.risk * x.atr(14),
                confidence={
                    "good news": (tone >= self.tone) * 0.40,
                    "how good": tone.clip(0, 1) * 0.30,
                    "the market agrees": (market > 0) * 0.15,
                    "volume": (x.volume > x.volume.sma(self.channel)) * 0.15,
                },
                why="good news, and a new high",
            ),
            Exit(when={"the news turned bad": tone <= -self.tone}, why="bad news"),
        )
