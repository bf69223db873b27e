"""The normal distribution function for arrays of any size."""

import math
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

# Up to so many values plain Python takes about a millisecond; one chain has some hundreds.
FEW = 8_000
ROOT_HALF = math.sqrt(0.5)


def distribution(count: int) -> Callable[[Floats], Floats]:
    """Return N(x) for arrays of about `count` values; both ways agree to the last digits.

    `scipy.special` takes 36 MiB of memory for good, so it is read only for what would be slow
    without it.
    """
    if count > FEW or "scipy.special" in sys.modules:
        from scipy.special import ndtr

        return ndtr  # type: ignore[no-any-return]
    return plain


def plain(x: Floats) -> Floats:
    """Return erfc(-x / sqrt 2) / 2, value by value."""
    erfc = math.erfc
    found = np.array([erfc(one) for one in (-ROOT_HALF * x).ravel().tolist()], dtype=np.float64)
    return 0.5 * found.reshape(np.shape(x))
