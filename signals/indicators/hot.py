"""Calculations bar by bar: one plain function, compiled once enough bars asked for it.

A function given to `Hot` takes its inputs, its output, its state and its numbers::

    def function(values, out, state, bars): ...

It reads and writes by index alone, so that the same source runs as plain Python on lists (a few
bars of a live series, without the cost of a compiler) and compiled on arrays (a long history). Both
do the same operations on float64 in the same order and give the same bits; the compiler may not
reorder or fuse them (no `fastmath`).
"""

import sys
from collections.abc import Callable, Sequence
from math import nan
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WORTH_LOADING = 8_000_000
"""Bars of all functions, some seconds of plain Python, after which numba is loaded.

Loading it takes one or two seconds and 125 MB, which a process that decides a few instruments bar
by bar never needs; one that calculates long histories gets both back.
"""
WORTH_COMPILING = 50_000
"""Bars of one function after which, with numba loaded, it is compiled or read from its file."""


class Pushed(Protocol):
    """A calculation that takes bars as they close."""

    def push(self, *inputs: Floats) -> Floats:
        """Take the next bars and return their values."""
        ...


class Hot:
    """A function that runs as plain Python at first and compiled later.

    Parameters
    ----------
    function : callable
        Writes `width` values a bar: those of the first kind for all bars, then the second kind.
    width : int
        Kinds of values it gives.
    is_windowed : bool
        Its first number is a window's length, and it may begin a multiple of that later: from the
        first full window on the bits are the same.
    at_once : callable, optional
        Does the same for many stretches, each from the beginning, where that can be quicker than
        the function called for each: (values, where each begins, `Stretches` unpacked, result,
        numbers).
    """

    __slots__ = ("_bars", "_fast", "_function", "at_once", "is_windowed", "width")

    asked: ClassVar[int] = 0
    """Bars that plain Python has calculated in this process."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        width: int = 1,
        is_windowed: bool = False,
        at_once: Callable[..., Any] | None = None,
    ) -> None:
        self._function, self.width, self.is_windowed = function, width, is_windowed
        self.at_once = None if at_once is None else Hot(at_once)
        self._fast: Callable[..., Any] | None = None
        self._bars = 0

    @property
    def is_compiled(self) -> bool:
        """Say whether the compiled form is in use."""
        return self._fast is not None

    def compile(self) -> Callable[..., Any]:
        """Compile the function, or load what an earlier process compiled."""
        if self._fast is not None:
            return self._fast
        import numba

        try:
            fast = numba.njit(cache=True, nogil=True)(self._function)
        except RuntimeError:  # no folder to keep it in can be written
            fast = numba.njit(nogil=True)(self._function)
        self._fast = fast
        return self._fast

    def chosen(self, count: int) -> Callable[..., Any] | None:
        """Return the compiled function where it pays for so many bars more, or None."""
        if self._fast is None:
            self._bars += count
            Hot.asked += count
            is_loaded = "numba" in sys.modules or Hot.asked >= WORTH_LOADING
            if is_loaded and self._bars >= WORTH_COMPILING:
                return self.compile()
        return self._fast

    @property
    def plain(self) -> Callable[..., Any]:
        """The function as it is written."""
        return self._function


class Beside(Hot):
    """A function that numpy does as well in several steps: never a reason to load numba."""

    __slots__ = ()

    def chosen(self, count: int) -> Callable[..., Any] | None:
        """Return the compiled function where numba is in use anyway, or None."""
        if self._fast is None and "numba" in sys.modules:
            self._bars += count
            if self._bars >= WORTH_COMPILING:
                return self.compile()
        return self._fast


class Streamed:
    """The state of one calculation that takes bars as they close.

    Parameters
    ----------
    hot : Hot
    state : sequence of float
        What the function keeps between bars, at the beginning.
    numbers : int or float
        Handed to the function after the state.
    """

    __slots__ = ("_numbers", "_state", "hot")

    def __init__(self, hot: Hot, state: Sequence[float], *numbers: float) -> None:
        self.hot, self._numbers = hot, numbers
        self._state: Any = state

    @property
    def begin(self) -> tuple[Any, tuple[float, ...]]:
        """The state and the numbers; those of the beginning before the first bar is pushed."""
        return self._state, self._numbers

    def push(self, *inputs: Floats) -> Floats:
        """Take the next bars and return their values.

        Returns
        -------
        float64 array
            One value a bar; where the function gives several, a table of (bars, kinds).
        """
        return self.shaped(self._calculated(*inputs), *inputs)

    def shaped(self, table: Floats, *_inputs: Floats) -> Floats:
        """Return what is asked for of each bar's own values and inputs."""
        return table

    def _calculated(self, *inputs: Floats) -> Floats:
        hot, count = self.hot, len(inputs[0])
        fast = hot.chosen(count)
        out: Any
        if fast is None:
            if not isinstance(self._state, list):
                self._state = list(self._state)
            out = [nan] * (count * hot.width)
            hot.plain(*(one.tolist() for one in inputs), out, self._state, *self._numbers)
            out = np.array(out, dtype=np.float64)
        else:
            if not isinstance(self._state, np.ndarray):
                self._state = np.array(self._state, dtype=np.float64)
            out = np.empty(count * hot.width)
            fast(*(plain_array(one) for one in inputs), out, self._state, *self._numbers)
        result: Floats = out if hot.width == 1 else out.reshape(hot.width, count).T
        return result


PIECE = 8192
"""Bars at a time of a calculation in several steps: what lies between stays near the processor."""


def in_pieces(state: Pushed, *inputs: Floats) -> Floats:
    """Return the values of a whole series, calculated some thousand bars at a time."""
    count = len(inputs[0])
    if count <= PIECE:
        return state.push(*inputs)
    whole: Floats = np.empty(0)
    for first in range(0, count, PIECE):
        part = state.push(*(one[first : first + PIECE] for one in inputs))
        if first == 0:
            whole = np.empty((*part.shape[1:], count))
        whole[..., first : first + len(part)] = part.T
    return whole.T


def plain_array(values: Floats) -> Floats:
    """Return the values in the one form for which the function is compiled."""
    flags = values.flags
    if flags.c_contiguous and flags.writeable and values.dtype == np.float64:
        return values
    return np.array(values, dtype=np.float64)
