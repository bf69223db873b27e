"""A strategy's parameters: typed, bounded, labelled."""

import re
from math import isfinite
from typing import Any, Self, overload

SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.]{0,19}(/[A-Z0-9]{2,12})?")


class ParamError(ValueError):
    """A parameter's name or value is not one it may have."""


class Param[T: (int, float)]:
    """One number of a strategy that may be set per instance; its default's type is its type.

    Attributes
    ----------
    default : int or float
    low, high : int, float or None
        Bounds, both allowed values.
    step : int, float or None
        For forms and sweeps; a value between the steps is still accepted.
    label, unit : str
        What a form shows.
    """

    __slots__ = ("default", "high", "label", "low", "name", "step", "unit")

    def __init__(
        self,
        default: T,
        *,
        low: float | None = None,
        high: float | None = None,
        step: float | None = None,
        label: str = "",
        unit: str = "",
    ) -> None:
        self.default: T = default
        self.low, self.high, self.step = low, high, step
        self.label, self.unit, self.name = label, unit, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: Any, owner: type) -> Self | T:
        if instance is None:
            return self
        value: T = instance.params[self.name]
        return value

    def __set__(self, instance: object, value: object) -> None:
        raise ParamError(
            f"{self.name} is frozen: make another {type(instance).__name__}({self.name}={value!r})"
        )

    def clean(self, value: Any) -> T:
        """Return the value in the parameter's type, or refuse it.

        Raises
        ------
        ParamError
            Where the value is no number, not whole where it must be, or out of bounds.
        """
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise ParamError(f"{self.name} must be a number, not {value!r}")
        cleaned: T = type(self.default)(value)
        if cleaned != value:
            raise ParamError(f"{self.name} must be a whole number, not {value!r}")
        if (self.low is not None and cleaned < self.low) or (
            self.high is not None and cleaned > self.high
        ):
            raise ParamError(
                f"{self.name} must lie between {self.low} and {self.high}, not {value!r}"
            )
        return cleaned


class TextParam(Param[Any]):
    """A parameter that is a text, such as another symbol: `"ETH/USDT"`, or several with commas.

    Attributes
    ----------
    is_many : bool
        Several symbols, separated by commas.
    """

    __slots__ = ("is_many",)

    def __init__(self, default: str, *, label: str = "", is_many: bool = False) -> None:
        super().__init__(default, label=label)
        self.is_many = is_many

    def clean(self, value: Any) -> str:
        """Return the text in its one form, or refuse it.

        Raises
        ------
        ParamError
            Where it is no symbol, or no list of different symbols.
        """
        parts = [one.strip().upper() for one in value.split(",")] if isinstance(value, str) else []
        wanted = 'symbols like "BTC/USDT, ETH/USDT"' if self.is_many else 'a symbol like "BTC/USDT"'
        is_right = parts and all(SYMBOL.fullmatch(one) for one in parts)
        if not is_right or len(set(parts)) != len(parts) or (len(parts) > 1 and not self.is_many):
            raise ParamError(f"{self.name} must be {wanted}, not {value!r}")
        return ",".join(parts)
