"""Indicators of the `ta` package, run again on the last bars for every new one."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np

from signals.columns.series import Floats
from signals.columns.words.catalogue_entry import Entry
from signals.columns.words.catalogue_table import CATALOGUE
from signals.columns.words.rerun import Rerun


@cache
def _series() -> Callable[..., Any]:
    """Return a pandas series that has no mean.

    Some classes put the mean of the whole series, later bars with it, where there is no earlier
    value, and running sums carry its rounding far behind the warm-up.
    """
    import pandas as pd

    class Headless(pd.Series):  # type: ignore[misc]
        """A series that says nothing about itself as a whole."""

        def mean(self, *_: object, **__: object) -> float:
            return np.nan

    return Headless


@cache
def _indicator(name: str) -> Callable[..., Any]:
    from importlib import import_module

    found: Callable[..., Any] = getattr(import_module(f"ta.{CATALOGUE[name].module}"), name)
    return found


def calculated(name: str, values: Mapping[str, float], rows: Sequence[Floats]) -> Floats:
    """Return all outputs of a class over some rows, shape (rows, outputs); not finite is missing.

    Parameters
    ----------
    rows : sequence of float64 array
        The inputs that the class takes, in its order.
    """
    entry, count = CATALOGUE[name], len(rows[0])
    own = SPECIAL.get(name)
    with np.errstate(all="ignore"):
        table = _by_the_package(name, entry, values, rows) if own is None else own(*rows)
    table = table[:count]
    table[~np.isfinite(table)] = np.nan
    return table


def _by_the_package(
    name: str, entry: Entry, values: Mapping[str, float], rows: Sequence[Floats]
) -> Floats:
    if entry.wraps:
        # Where it lacks an earlier value it reads the last one: put there what no later bar moves.
        rows = [np.append(one, one[0]) for one in rows]
    inputs = {what: _series()(one) for what, one in zip(entry.inputs, rows, strict=True)}
    found = _indicator(name)(**inputs, **values)
    columns = [np.asarray(getattr(found, one)(), dtype=np.float64) for one in entry.outputs]
    return np.column_stack(columns)


def _negative_volume_index(close: Floats, volume: Floats) -> Floats:
    """Return what the package calculates with a loop that costs 0.1 ms a bar; the same bits."""
    factor = np.ones(len(close))
    factor[0] = 1000.0
    change = close[1:] / close[:-1] - 1
    factor[1:] = np.where(volume[:-1] > volume[1:], 1.0 + change, 1.0)
    return np.multiply.accumulate(factor)[:, np.newaxis]


SPECIAL: Mapping[str, Callable[..., Floats]] = {
    "NegativeVolumeIndexIndicator": _negative_volume_index
}


class Listed(Rerun):
    """A class of the catalogue; no value before its warm-up is over."""

    def __init__(self, name: str, *values: float) -> None:
        entry = CATALOGUE[name]
        names = (one.name for one in entry.parameters)
        given = dict(zip(names, values, strict=True))
        need, width = int(entry.need(given)), len(entry.outputs)
        super().__init__(len(entry.inputs), need, partial(calculated, name, given), width)


class ListedSince:
    """A class that adds up, on the bars of each period; the last input says when it began."""

    def __init__(self, name: str, *values: float) -> None:
        self._name = name
        names = (one.name for one in CATALOGUE[name].parameters)
        # Nothing to smooth over is how the package spells it.
        self._values = {what: one for what, one in zip(names, values, strict=True) if one}
        self._period = np.nan
        self._rows: list[Floats] = []

    def push(self, inputs: Sequence[Floats]) -> Floats:
        *prices, period = inputs
        out = np.full((len(period), len(CATALOGUE[self._name].outputs)), np.nan)
        # A NaN, outside of every period, differs from itself: such a bar stands alone.
        borders = np.flatnonzero(period[1:] != period[:-1]) + 1
        edges = [0, *borders.tolist(), len(period)]
        for begin, end in pairwise(edges):
            if begin == end or np.isnan(period[begin]):
                continue
            part = [one[begin:end] for one in prices]
            if period[begin] == self._period:
                part = [np.append(old, new) for old, new in zip(self._rows, part, strict=True)]
            self._period, self._rows = float(period[begin]), part
            out[begin:end] = calculated(self._name, self._values, part)[begin - end :]
        return out
