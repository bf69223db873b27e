"""What a class of the `ta` package is to the language, and how long its beginning matters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log, log1p

from signals.indicators.warmup import PRICE_TOLERANCE, RANGE_TOLERANCE, rma_history

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter under the name that the package gives it.

    Attributes
    ----------
    default : int, float, bool or None
        None where one must be given.
    low : int
        The least, of a number of bars. Others may be any finite number.
    is_bars : bool
    """

    name: str
    default: float | bool | None
    low: int = 1
    is_bars: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One class.

    Attributes
    ----------
    module : str
        Where it stands in the package.
    inputs : tuple of str
        The prices it takes, in its own order.
    outputs : tuple of str
        Its methods.
    need : callable
        Warm-up in bars for values of its parameters; of a class that adds up without end, zero.
    ours : str
        The word of the language that calculates the same or nearly so, and faster.
    adds_up : bool
        It never converges, so it begins anew with a period.
    wraps : bool
        It reads the last value where it lacks an earlier one.
    """

    module: str
    inputs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    outputs: tuple[str, ...]
    need: Callable[[Values], float]
    ours: str = ""
    adds_up: bool = False
    wraps: bool = False


def bars(**defaults: int) -> tuple[Parameter, ...]:
    """Return parameters that count bars, with their defaults."""
    return tuple(Parameter(name, default) for name, default in defaults.items())


def number(name: str, default: float) -> Parameter:
    """Return a parameter that may be any finite number."""
    return Parameter(name, default, is_bars=False)


def _decay(weight: float, tolerance: float) -> int:
    return 0 if weight >= 1 else ceil(log(tolerance) / log1p(-weight))


def ewm_history(span: float) -> int:
    """Return the bars after which the beginning of an average of differences has gone."""
    return int(span) - 1 + _decay(2 / (span + 1), RANGE_TOLERANCE)


def wilder_history(bars: float) -> int:
    """Return the same for an average with the weight 1 / bars."""
    return rma_history(int(bars))


def kama_need(v: Values) -> float:
    """Return the warm-up of Kaufman's average at the slowest it can be."""
    slowest = (2 / (max(v["pow1"], v["pow2"]) + 1)) ** 2
    return v["window"] + _decay(slowest, PRICE_TOLERANCE)


def averages_need(v: Values) -> float:
    """Return the warm-up of an average of the difference of two."""
    return ewm_history(max(v["window_slow"], v["window_fast"])) + ewm_history(v["window_sign"])


def kst_need(v: Values) -> float:
    """Return the warm-up of four smoothed changes and their average."""
    longest = max(v[f"roc{n}"] + v[f"window{n}"] for n in range(1, 5))
    return longest + v["nsig"] - 1


def stc_need(v: Values) -> float:
    """Return the warm-up of two stochastics, one after the other, of a difference of averages."""
    smoothed = ewm_history(v["smooth1"]) + ewm_history(v["smooth2"])
    return ewm_history(max(v["window_slow"], v["window_fast"])) + 2 * v["cycle"] + smoothed


def keltner_need(v: Values) -> float:
    """Return the warm-up of the windows, or of the averages of the newer version."""
    if v["original_version"]:
        return v["window"] - 1
    return max(ewm_history(v["window"]), wilder_history(v["window_atr"]) + 1)


def stoch_rsi_need(v: Values) -> float:
    """Return the warm-up of a smoothed stochastic of a relative strength."""
    return wilder_history(v["window"]) + v["window"] + v["smooth1"] + v["smooth2"]


def no_need(_: Values) -> float:
    """Return nothing: the period says where it begins."""
    return 0
