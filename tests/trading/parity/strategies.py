"""Strategies whose decisions hang on the newest bars, on a longer chart, and on another symbol."""

from signals.columns import Entry, Exit
from signals.strategies.base import Strategy


class Crossing(Strategy):
    """Buy above two averages, one of the five-minute chart; leave below."""

    name = "Crossing"
    timeframe = "1m"

    def columns(self, x):
        return {
            "fast": x.close.sma(5),
            "slow": x.close.sma(20),
            "long": x.tf("5m", lambda h: h.close.sma(4)),
        }

    def rules(self, x):
        above = x.close.sma(5) > x.close.sma(20)
        return (
            Entry(when={"fast above slow": above}, stop=x.close * 0.98, why="the cross"),
            Exit(when={"fast below slow": ~above}, why="the cross back"),
        )


class Watching(Strategy):
    """Buy what rises while BTC rises."""

    name = "Watching"
    timeframe = "1m"

    def columns(self, x):
        return {"own": x.close.sma(5), "lead": x.symbol("BTC/USDT", lambda b: b.close.sma(10))}

    def rules(self, x):
        lead = x.symbol("BTC/USDT", lambda b: b.close > b.close.sma(10))
        return (Entry(when={"btc leads": lead}, stop=x.close * 0.98, why="btc leads"),)
