"""One calculation begun anew for each of many stretches of a series, in one compiled call.

A stretch is calculated by the very function that takes bars as they close, from the same beginning,
so its values have the same bits; only the loop around it is compiled as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from signals.indicators.hot import Floats, Hot, Streamed, plain_array

Rows = NDArray[np.int64]
WIDE = 6
"""Bars of a window from which on a loop of its own is quicker."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """Where each stretch is read and written.

    Attributes
    ----------
    counts : int64 array
        Bars of each stretch.
    skips : int64 array
        How many of its first values are not wanted.
    places : int64 array
        Where its wanted values stand in the result.
    total : int
        Rows of the result; those of no stretch are missing.
    """

    counts: Rows
    skips: Rows
    places: Rows
    total: int


def calculate(
    begun: Streamed, inputs: Sequence[tuple[Floats, Rows]], stretches: Stretches
) -> Floats | None:
    """Return the wanted values of all stretches, or None where compiling does not pay yet.

    Parameters
    ----------
    begun : Streamed
        At its beginning; it stays there.
    inputs : sequence of (float64 array, int64 array)
        Values, and at which of them each stretch begins.

    Returns
    -------
    float64 array
        One value a row; where the function gives several, a table of (rows, kinds).
    """
    hot = begun.hot
    if hot.chosen(int(stretches.counts.sum())) is None:
        return None
    state, numbers = begun.begin
    written = int((stretches.counts - stretches.skips).sum())
    out = np.empty(hot.width * stretches.total)
    if written < stretches.total:
        out.fill(np.nan)
    places: list[Any] = [one for pair in inputs for one in (plain_array(pair[0]), pair[1])]
    places += [stretches.counts, stretches.skips, stretches.places, out]
    if hot.at_once is not None and numbers[0] >= WIDE:
        hot.at_once.compile()(*places, *numbers)
    else:
        begin = np.array(state, dtype=np.float64)
        _driver(hot, len(inputs), len(numbers))(*places, begin, *numbers)
    return out if hot.width == 1 else out.reshape(hot.width, -1).T


DRIVER = """
def {name}({inputs}, counts, skips, places, out, begin{numbers}):
    state = np.empty(len(begin))
    longest = 0
    for k in range(len(counts)):
        longest = max(longest, counts[k])
    part = np.empty(longest * {width})
    total = len(out) // {width}
    for k in range(len(counts)):
        count, skip, place = counts[k], skips[k], places[k]
        for i in range(len(begin)):
            state[i] = begin[i]
        step({parts}, part[: count * {width}], state{numbers})
        for w in range({width}):
            for i in range(skip, count):
                out[w * total + place + i - skip] = part[w * count + i]
"""


@cache
def _driver(hot: Hot, inputs: int, numbers: int) -> Callable[..., None]:
    """Write and compile the loop around a function.

    It stands, for numba's folder, in the function's own file: where that changes, it is compiled
    anew. A change of the loop itself changes its name.
    """
    function: Any = hot.plain
    text = DRIVER.format(
        name="{name}",
        inputs=", ".join(f"v{i}, at{i}" for i in range(inputs)),
        numbers="".join(f", n{i}" for i in range(numbers)),
        parts=", ".join(f"v{i}[at{i}[k] : at{i}[k] + count]" for i in range(inputs)),
        width=hot.width,
    )
    name = f"{function.__name__}_of_stretches_{crc32(text.encode()):08x}"
    names = {"np": np, "step": hot.compile(), "__name__": function.__module__}
    code = compile(text.replace("{name}", name), function.__code__.co_filename, "exec")
    exec(code, names)  # noqa: S102 (the text is made above, of counts alone)
    return Hot(names[name]).compile()
