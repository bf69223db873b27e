"""How many bars a recursive average needs before its start no longer matters."""

from functools import lru_cache
from math import ceil, log, log1p

PRICE_TOLERANCE = 1e-9
RANGE_TOLERANCE = 1e-12


def _decay(weight: float, tolerance: float) -> int:
    return 0 if weight >= 1 else ceil(log(tolerance) / log1p(-weight))


@lru_cache(maxsize=256)
def ema_history(bars: int) -> int:
    """Return the bars before the current one after which the seed weighs under 1e-9."""
    return bars - 1 + _decay(2 / (bars + 1), PRICE_TOLERANCE)


@lru_cache(maxsize=256)
def rma_history(bars: int) -> int:
    """Return the same for Wilder's average, to 1e-12: a range may be a thousand times the usual."""
    return bars - 1 + _decay(1 / bars, RANGE_TOLERANCE)
