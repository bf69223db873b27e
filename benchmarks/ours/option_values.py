"""Mystic's greeks and implied volatilities of many contracts at once."""

import time
from typing import Any

import numpy as np

from benchmarks.children import answer
from benchmarks.inputs import contracts
from markets.options.black_scholes import greeks
from markets.options.implied import Missing, implied_volatility


def work(name: str, count: int) -> dict[str, Any]:
    made = contracts(count)
    volatility = made.pop("volatility")
    price = greeks(**made, volatility=volatility).price
    began = time.perf_counter()
    if name == "greeks":
        greeks(**made, volatility=volatility)
        return {"seconds": time.perf_counter() - began}
    found = implied_volatility(price, **made)
    seconds = time.perf_counter() - began
    is_known = found.reason == Missing.NOT_MISSING
    apart = np.abs(found.volatility - volatility)[is_known]
    return {
        "seconds": seconds,
        "known": int(is_known.sum()),
        "apart": float(np.percentile(apart, 99)),
    }


if __name__ == "__main__":
    answer(work)
