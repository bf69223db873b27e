"""The rules that every backtester in the benchmarks is given.

Buy all when the fast average crosses above the slow one, at the next open; sell when it crosses
below, or at the stop or the target.
"""

from benchmarks.inputs import MINUTE, START

FAST, SLOW = 10, 30
STOP, TAKE = 0.02, 0.04
FEE = 0.0001
CASH = 1_000_000.0
# Enough that no two averages are equal by rounding.
PLACES = 6
BARS = 500_000
SWEEP_BARS = 105_120
SWEEP_FAST = tuple(range(5, 15))
SWEEP_SLOW = tuple(range(20, 60, 2))
# The first bars are history to ours, which wants to see as far back from each of them.
SETTLED = 1_200


def settled(entries: list[int], bars: int) -> list[int]:
    """Return the entries (epoch seconds) that every program must make."""
    begin = START + (SETTLED + 1) * MINUTE
    return [one for one in entries if one >= begin and one < START + bars * MINUTE]
