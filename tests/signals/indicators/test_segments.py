"""Sums over the windows of many stretches have the bits of each stretch taken bar by bar."""

import numpy as np
import pytest

from signals.indicators.segments import Stretches, calculate
from signals.indicators.window import SUM, Total, window_sum, window_sums


def by_hand(values, first, count, bars, size):
    """Each stretch bar by bar, in plain Python."""
    out, state = [float("nan")] * count, [0.0, 0.0, *[float("nan")] * (2 * bars)]
    window_sum(values[first : first + count].tolist(), out, state, bars, size)
    return out


@pytest.mark.parametrize("bars", [1, 2, 5, 6, 7, 30, 200])
@pytest.mark.parametrize("size", [1.0, 7.0])
@pytest.mark.parametrize("is_compiled", [False, True])
def test_sums_of_stretches(bars, size, is_compiled):
    random = np.random.default_rng(bars)
    values = random.normal(100, 30, 2_000)
    values[random.integers(0, 2_000, 9)] = np.nan
    at = np.array([0, 3, 900, 1_100, 1_999, 40])
    counts = np.array([800, 1, 0, 900, 1, 613])
    skips = np.array([0, 0, 0, 399, 1, 59])
    places = np.cumsum(counts - skips) - (counts - skips)
    total = int((counts - skips).sum())
    wanted = np.concatenate(
        [
            by_hand(values, *one, bars, size)[skip:]
            for *one, skip in zip(at, counts, skips, strict=True)
        ]
    )
    if is_compiled:
        SUM.compile()
        stretches = Stretches(counts, skips, places, total)
        found = calculate(Total(bars, size), [(values, at)], stretches)
    else:
        found = np.empty(total)
        window_sums(values, at, counts, skips, places, found, bars, size)
    assert np.array_equal(found, wanted, equal_nan=True)
