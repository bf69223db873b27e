"""Strategies made for the tests of the app: their verdicts are known beforehand."""

from signals.columns import enter_long, exit_long, nothing
from signals.strategies.base import Strategy


class EveryTenth(Strategy):
    """Buy on every tenth minute, leave on the fifth after it."""

    name = "Every tenth"
    timeframe = "1m"

    def columns(self, x):
        return {"typical": (x.high + x.low) / 2}

    def decide(self, b):
        minute = b.bar_open // 60 % 10
        if minute == 0:
            return enter_long(stop=b.close * 0.98, confidence=0.8, why="the tenth minute")
        if minute in (5, 6):
            return exit_long(why="the fifth minute")
        return nothing(f"minute {minute}")


class Broken(Strategy):
    """Fail on every bar."""

    name = "Broken"
    timeframe = "1m"

    def decide(self, b):
        raise RuntimeError("the strategy's own fault")


class Unbuildable(Strategy):
    """Fail before any bar is looked at."""

    name = "Unbuildable"
    timeframe = "1m"

    def columns(self, x):
        raise KeyError("no such column")
