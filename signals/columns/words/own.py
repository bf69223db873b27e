"""What a strategy's own method calculates: the kernel behind `@column`."""

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Never

import numpy as np

from signals.columns.kernel import Faulty, Kernel
from signals.columns.refusals import refuse_attribute
from signals.columns.series import Floats

PRICES = ("open", "high", "low", "close", "volume")


class Window:
    """The `w` of a method: the last closed bars, oldest first, of exactly the length it asked for.

    `open`, `high`, `low`, `close`, `volume` and the columns that were handed over by name are
    float64 arrays of that length that cannot be written to.
    """

    __slots__ = ("_columns",)

    def __init__(self, columns: Mapping[str, Floats]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns["close"])

    def __getattr__(self, name: str) -> Floats:
        found = self._columns.get(name)
        if found is None:
            raise refuse_attribute("w", name, self._columns)
        return found


class Method(str):
    """The name of a method, and the method itself: an argument of a node.

    Two are equal that call the same method of the same strategy on as many bars.
    """

    __slots__ = ("bars", "call", "columns")

    bars: int
    columns: tuple[str, ...]
    call: Callable[[Window], object]

    def __new__(
        cls, name: str, call: Callable[[Window], object], bars: int, columns: tuple[str, ...]
    ) -> "Method":
        made = super().__new__(cls, name)
        made.call, made.bars, made.columns = call, bars, columns
        return made

    def _key(self) -> tuple[object, ...]:
        return str(self), self.call, self.bars, self.columns

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Method) and self._key() == other._key()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._key())


class Own(Faulty):
    """A method called with the window of every bar."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self._method = method
        self._kept: list[Floats] = [np.empty(0)] * (len(PRICES) + len(method.columns))

    def push(self, inputs: Sequence[Floats]) -> Floats:
        """Call it for each new bar; missing before the window is full, and where it failed."""
        bars, names = self._method.bars, (*PRICES, *self._method.columns)
        joined = [np.append(old, new) for old, new in zip(self._kept, inputs, strict=True)]
        count, before = len(inputs[0]), len(self._kept[0])
        out = np.full(count, np.nan)
        self.faults = {}
        for row in range(max(0, bars - 1 - before), count):
            end = before + row + 1
            # A copy on bytes: no method can write to it, and it lies in memory the same each time.
            columns = {
                name: np.frombuffer(one[end - bars : end].tobytes())
                for name, one in zip(names, joined, strict=True)
            }
            out[row] = self._value(row, Window(columns))
        self._kept = [one[max(0, len(one) - bars + 1) :] for one in joined]
        return out

    def _value(self, row: int, window: Window) -> float:
        try:
            with np.errstate(all="ignore"):
                return _number(self._method.call(window))
        except Exception as error:  # noqa: BLE001 (an author's own code; the bar says what happened)
            what = str(error) if isinstance(error, _NoNumberError) else _told(error)
            self.faults[row] = f"{self._method}: {what}"
            return np.nan


class _NoNumberError(Exception):
    """A method returned what cannot be a value."""


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _number(value: object) -> float:
    if not isinstance(value, int | float | np.number | np.bool_):
        _refuse(value)
    number = float(value)
    if not (isnan(number) or np.isfinite(number)):
        _refuse(value)
    return number


def _refuse(value: object) -> Never:
    wanted = "a finite number is wanted, or nan where there is none"
    raise _NoNumberError(f"returned {value!r}; {wanted}")


KERNELS: Mapping[str, Callable[..., Kernel]] = {"own": Own}
