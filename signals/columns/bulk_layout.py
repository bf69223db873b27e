"""Where the rows of many blocks stand when they are laid end to end."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from signals.columns.series import Floats, Times

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """A stretch of the series for each block, laid end to end.

    Attributes
    ----------
    first, end : int64 array
        The rows of the series from which and up to which each stretch goes.
    """

    first: Rows
    end: Rows

    @cached_property
    def counts(self) -> Rows:
        """How many rows each stretch has."""
        counts: Rows = np.maximum(self.end - self.first, 0)
        return counts

    @cached_property
    def places(self) -> Rows:
        """Where each stretch begins."""
        return np.cumsum(self.counts) - self.counts

    @cached_property
    def total(self) -> int:
        """Rows of all stretches."""
        return int(self.counts.sum())

    @cached_property
    def block(self) -> Rows:
        """Of every row the number of its block."""
        return np.repeat(np.arange(len(self.first)), self.counts)

    @cached_property
    def index(self) -> Any:
        """Of every row its row in the series; a slice where they follow one another."""
        if (self.end[:-1] == self.first[1:]).all():
            return slice(int(self.first[0]), int(self.end[-1]))
        return np.arange(self.total) + np.repeat(self.first - self.places, self.counts)

    def out_of(self, wider: "Layout", values: Any) -> Any:
        """Return these rows of values in a layout whose stretches begin earlier."""
        if self.total == wider.total:
            return values
        if wider.even and self.even:
            return self._out_of_even(wider, values)
        shift = wider.places + self.first - wider.first - self.places
        index = np.arange(self.total) + np.repeat(shift, self.counts)
        return values[..., index]

    def _out_of_even(self, wider: "Layout", values: Any) -> Any:
        kinds, length = values.shape[:-1], wider.even
        is_whole = wider.counts[-1] == length and self.counts[-1] == self.even
        many = len(self.counts) - (not is_whole)
        table = values[..., : many * length].reshape((*kinds, many, length))
        inner = table[..., length - self.even :].reshape((*kinds, many * self.even))
        if is_whole:
            return inner
        return np.concatenate((inner, values[..., wider.total - self.counts[-1] :]), axis=-1)

    @cached_property
    def even(self) -> int:
        """The rows of every stretch where all but the last have as many, or 0."""
        count = int(self.counts[0])
        return count if (self.counts[:-1] == count).all() else 0

    def forget_first(self, values: Floats, rows: int) -> None:
        """Make the first rows of every stretch missing."""
        keep = self.index_in_stretch >= rows
        values[..., ~keep] = np.nan

    @cached_property
    def index_in_stretch(self) -> Rows:
        """Of every row its number within its stretch."""
        return np.arange(self.total) - np.repeat(self.places, self.counts)


@dataclass(frozen=True, slots=True)
class Spans:
    """The calculation of each of some blocks in a row, in open times.

    Attributes
    ----------
    starts : int64 array
        Where it begins.
    own : int64 array
        The first bar that is wanted, or (`held` 1) the last one up to it.
    through : int64 array
        The last bar that is looked at.
    """

    starts: Times
    own: Times
    through: Times
    held: int = 0

    @property
    def side(self) -> Literal["left", "right"]:
        """How the first wanted bar is searched for."""
        return "right" if self.held else "left"
