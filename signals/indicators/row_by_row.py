"""Operators on the current bar alone, compiled where numba is in use anyway.

The array operators of numpy pass over the values several times where a missing one needs a look;
here it is one pass. Both give the same bits.
"""

from collections.abc import Callable, Mapping
from math import nan
from typing import Any

from signals.indicators.hot import Beside


def less(left: float, right: float) -> float:
    """Say whether left < right; missing where a side is."""
    if left != left or right != right:
        return nan
    return 1.0 if left < right else 0.0


def less_equal(left: float, right: float) -> float:
    """Say whether left <= right; missing where a side is."""
    if left != left or right != right:
        return nan
    return 1.0 if left <= right else 0.0


def equal(left: float, right: float) -> float:
    """Say whether the sides are equal; missing where one is."""
    if left != left or right != right:
        return nan
    return 1.0 if left == right else 0.0


def not_equal(left: float, right: float) -> float:
    """Say whether the sides differ; missing where one is."""
    if left != left or right != right:
        return nan
    return 1.0 if left != right else 0.0


def greater(left: float, right: float) -> float:
    """Say whether left > right; missing where a side is."""
    if left != left or right != right:
        return nan
    return 1.0 if left > right else 0.0


def greater_equal(left: float, right: float) -> float:
    """Say whether left >= right; missing where a side is."""
    if left != left or right != right:
        return nan
    return 1.0 if left >= right else 0.0


def both(left: float, right: float) -> float:
    """And of three values: false wins over missing."""
    return 0.0 if left == 0.0 or right == 0.0 else left * right


def either(left: float, right: float) -> float:
    """Or of three values: true wins over missing."""
    return 1.0 if left == 1.0 or right == 1.0 else left + right


def divide(left: float, right: float) -> float:
    """Return the quotient; missing where the divisor is 0."""
    return nan if right == 0.0 else left / right


class RowOperator(Beside):
    """An operator of two values, used on arrays."""

    __slots__ = ()

    def compile(self) -> Callable[..., Any]:
        """Compile it, or load what an earlier process compiled."""
        if self._fast is None:
            import numba

            vectorize: Any = numba.vectorize
            form = ["float64(float64, float64)"]
            try:
                self._fast = vectorize(form, cache=True)(self.plain)
            except RuntimeError:  # no folder to keep it in can be written
                self._fast = vectorize(form)(self.plain)
        fast: Callable[..., Any] = self._fast
        return fast


OPERATORS: Mapping[str, RowOperator] = {
    function.__name__: RowOperator(function)
    for function in (
        less,
        less_equal,
        greater,
        greater_equal,
        equal,
        not_equal,
        both,
        either,
        divide,
    )
}
