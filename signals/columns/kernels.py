"""What each node calculates, piece by piece; a cut anywhere changes no bit of the result."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from signals.columns import smc_levels
from signals.columns.kernel import Elementwise, Kernel, Stateful
from signals.columns.series import Floats
from signals.columns.smc_fields import SmcOp
from signals.columns.words import (
    averages,
    calendar,
    candles,
    catalogue,
    change,
    memory,
    model,
    oscillators,
    own,
    statistics,
    trend,
    volatility,
    volume,
)
from signals.indicators.atr import Atr
from signals.indicators.ema import Ema
from signals.indicators.macd import Macd
from signals.indicators.rolling import Rolling
from signals.indicators.rsi import Rsi
from signals.indicators.sma import Sma
from signals.indicators.stdev import Moments, Stdev
from signals.indicators.window import Tail


class Lag:
    """The value some bars ago."""

    def __init__(self, bars: int) -> None:
        self._tail = Tail(bars)

    def push(self, inputs: Sequence[Floats]) -> Floats:
        joined = self._tail.extend(inputs[0])
        return joined[: len(inputs[0])]


class Field:
    """One column of a table."""

    def __init__(self, index: int) -> None:
        self._index = index

    def push(self, inputs: Sequence[Floats]) -> Floats:
        column: Floats = inputs[0][:, self._index]
        return column


def _divide(left: Floats, right: Floats) -> Floats:
    missing = right == 0
    if missing.any():
        right = np.where(missing, np.nan, right)
    result: Floats = left / right
    return result


def _comparison(compare: Callable[..., Any]) -> Callable[..., Floats]:
    """Make a comparison that is missing where a side is missing."""

    def flag(left: Floats, right: Floats) -> Floats:
        result: Floats = compare(left, right).astype(np.float64)
        missing = np.isnan(left) | np.isnan(right)
        if missing.any():
            result[missing] = np.nan
        return result

    return flag


def _both(left: Floats, right: Floats) -> Floats:
    """And of three values: false wins over missing."""
    return np.where((left == 0) | (right == 0), 0.0, left * right)


def _either(left: Floats, right: Floats) -> Floats:
    """Or of three values: true wins over missing."""
    return np.where((left == 1) | (right == 1), 1.0, left + right)


def _otherwise(value: Floats, other: Floats) -> Floats:
    return np.where(np.isnan(value), other, value)


ELEMENTWISE: Mapping[str, Callable[..., Floats]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": _divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "negative": np.negative,
    "absolute": np.absolute,
    "less": _comparison(np.less),
    "less_equal": _comparison(np.less_equal),
    "greater": _comparison(np.greater),
    "greater_equal": _comparison(np.greater_equal),
    "equal": _comparison(np.equal),
    "not_equal": _comparison(np.not_equal),
    "both": _both,
    "either": _either,
    "invert": lambda flag: 1.0 - flag,
    "known": lambda value: (~np.isnan(value)).astype(np.float64),
    "otherwise": _otherwise,
}

STATEFUL: Mapping[str, Callable[..., Kernel]] = {
    "lag": Lag,
    "smc": SmcOp,
    "field": Field,
    "sma": lambda bars: Stateful(Sma(bars)),
    "stdev": lambda bars: Stateful(Stdev(bars)),
    "rolling_max": lambda bars: Stateful(Rolling(bars, 1)),
    "rolling_min": lambda bars: Stateful(Rolling(bars, -1)),
    "ema": lambda bars: Stateful(Ema(bars)),
    "rsi": lambda bars: Stateful(Rsi(bars)),
    "atr": lambda bars: Stateful(Atr(bars)),
    "macd": lambda fast, slow, signal: Stateful(Macd(fast, slow, signal)),
    "bollinger": lambda bars, width: Stateful(Moments(bars, width)),
    **averages.KERNELS,
    **statistics.KERNELS,
    **change.KERNELS,
    **memory.KERNELS,
    **trend.KERNELS,
    **oscillators.KERNELS,
    **volatility.KERNELS,
    **volume.KERNELS,
    **calendar.KERNELS,
    **catalogue.KERNELS,
    **candles.KERNELS,
    **model.KERNELS,
    **own.KERNELS,
    **smc_levels.KERNELS,
}

SHARED = {name: Elementwise(function) for name, function in ELEMENTWISE.items()}


def make_kernel(op: str, args: tuple[object, ...]) -> Kernel:
    """Return a fresh kernel; those without a state are shared."""
    return SHARED[op] if op in SHARED else STATEFUL[op](*args)
