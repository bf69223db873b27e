"""Indicators over 100,000 bars, against TA-Lib (C): watched, no goal."""

from benchmarks import peer_environment
from benchmarks.children import Child
from benchmarks.figures import Figure, lower, median

BARS = 100_000
NAMES = ("sma", "ema", "rsi", "atr", "macd", "bollinger", "rolling_max")


def measure(*, is_quick: bool) -> dict[str, Figure]:
    rounds = 3 if is_quick else 11
    found = {}
    with (
        Child("benchmarks.ours.indicators") as ours,
        Child("benchmarks.peers.talib_indicators", python=peer_environment.python()) as talib,
    ):
        for name in NAMES:
            pairs = [
                tuple(child.ask(name=name, bars=BARS)["seconds"] * 1000 for child in (ours, talib))
                for _ in range(rounds)
            ]
            mine, theirs = median([pair[0] for pair in pairs]), median([pair[1] for pair in pairs])
            found[f"indicator_{name}"] = lower(mine, "ms", peer=theirs)
    return found
