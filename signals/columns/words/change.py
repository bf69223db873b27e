"""Changes, returns and simple functions of a column."""

import math
from collections.abc import Callable, Mapping
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from signals.columns.derivable import Derivable, whole
from signals.columns.kernel import Elementwise, Kernel
from signals.columns.refusals import finite_number, whole_number
from signals.columns.series import Floats

if TYPE_CHECKING:
    from signals.columns.column import Column


class ChangeWords(Derivable):
    """Changes, returns and simple functions of a column."""

    __slots__ = ()

    def change(self, bars: int = 1) -> "Column":
        """Return the value minus the one `bars` bars ago (TA-Lib MOM)."""
        return whole(self) - self._before("change", bars)

    def roc(self, bars: int = 1) -> "Column":
        """Return the change against the value `bars` bars ago in percent (TA-Lib ROC)."""
        before = self._before("roc", bars)
        return (whole(self) - before) / before * 100

    def log_return(self, bars: int = 1) -> "Column":
        """Return the natural logarithm of the value by the one `bars` bars ago."""
        return (whole(self) / self._before("log_return", bars)).log()

    def log(self) -> "Column":
        """Return the natural logarithm; missing where the value is not above zero."""
        return self._derive("log", history=0)

    def exp(self) -> "Column":
        """Return e to the power of the value; missing where that is beyond every number."""
        return self._derive("exp", history=0)

    def sqrt(self) -> "Column":
        """Return the square root; missing where the value is below zero."""
        return self._derive("sqrt", history=0)

    def power(self, exponent: float) -> "Column":
        """Return the value to a constant power; missing where there is no such real number."""
        return self._derive("power", finite_number("power", exponent), history=0)

    def sign(self) -> "Column":
        """Return 1 above zero, -1 below it, 0 at it."""
        return self._derive("sign", history=0)

    def _before(self, word: str, bars: int) -> "Column":
        return whole(self).lag(whole_number(word, bars, low=1))


def _real(function: Callable[[float], float]) -> Elementwise:
    """Make a kernel of a function of the C library, value by value.

    The array functions of numpy choose another algorithm by the length and the processor, and may
    differ in the last bit.
    """

    def one(value: float) -> float:
        try:
            result = function(value)
        except (ValueError, OverflowError, ZeroDivisionError):
            return nan
        return result if math.isfinite(result) else nan

    def all_of(values: Floats) -> Floats:
        return np.array([one(value) for value in values.tolist()], dtype=np.float64)

    return Elementwise(all_of)


KERNELS: Mapping[str, Callable[..., Kernel]] = {
    "log": lambda: _real(math.log),
    "exp": lambda: _real(math.exp),
    "power": lambda exponent: _real(lambda value: math.pow(value, exponent)),
    "sqrt": lambda: Elementwise(lambda values: np.sqrt(np.where(values < 0, np.nan, values))),
    "sign": lambda: Elementwise(np.sign),
}
