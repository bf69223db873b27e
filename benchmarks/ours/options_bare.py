"""The floor of greeks in numpy: the normal distribution and the exponentials, nothing else."""

import time
from typing import Any

import numpy as np
from scipy.special import ndtr

from benchmarks.children import answer
from benchmarks.inputs import contracts


def work(count: int) -> dict[str, Any]:
    made = contracts(count)
    deviation = made["volatility"] * np.sqrt(made["years"])
    d1 = np.log(made["spot"] / made["strike"]) / deviation
    began = time.perf_counter()
    np.log(d1 * d1 + 1.0)
    ndtr(d1)
    ndtr(d1 - deviation)
    np.exp(-0.5 * d1 * d1)
    np.sqrt(made["years"])
    return {"seconds": time.perf_counter() - began}


if __name__ == "__main__":
    answer(work)
