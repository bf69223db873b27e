"""The common indicators over 500,000 bars, against TA-Lib (C) in the same run."""

from benchmarks.children import Child
from benchmarks.figures import Figure, lower, median

BARS = 500_000
NAMES = (
    "sma",
    "ema",
    "rsi",
    "macd",
    "atr",
    "adx",
    "bollinger",
    "stochastic",
    "vwap",
    "obv",
    "psar",
)


def measure(*, is_quick: bool) -> dict[str, Figure]:
    rounds = 5 if is_quick else 21
    found = {}
    mine, theirs = 0.0, 0.0
    with (
        Child("benchmarks.ours.indicators") as ours,
        Child("benchmarks.peers.talib_indicators") as talib,
    ):
        for name in NAMES:
            # The first round makes the series, and on our side the compiled function.
            pairs = [
                tuple(child.ask(name=name, bars=BARS)["seconds"] * 1000 for child in (ours, talib))
                for _ in range(rounds + 1)
            ][1:]
            own, other = median([pair[0] for pair in pairs]), median([pair[1] for pair in pairs])
            # Ours of psar runs twice, to forget its past: watched, no goal.
            goal = "" if name == "psar" else "ratio >= 0.667"
            found[f"indicator_{name}"] = lower(own, "ms", peer=other, goal=goal)
            mine, theirs = mine + own, theirs + other
    found["indicators_together"] = lower(mine, "ms", peer=theirs, goal="ratio >= 0.667")
    return found
