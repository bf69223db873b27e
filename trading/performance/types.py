"""What figures are made of: arrays of trades and of daily equity; money as floats."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
STILL_OPEN = -1


class FigureError(ValueError):
    """Numbers of which no figure can be made; the sentence says which and what was wanted."""


def floats(values: ArrayLike, name: str) -> Floats:
    """Return a one-dimensional float array, or refuse what is not finite.

    Raises
    ------
    FigureError
        If there is another shape, a NaN or an infinity.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise FigureError(f"{name} has {array.ndim} dimensions: give a list of numbers")
    if not np.isfinite(array).all():
        raise FigureError(f"{name} holds {(~np.isfinite(array)).sum()} values that are no numbers")
    return array


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """All trades of one account, each an element of every array, in the order of their numbers.

    Attributes
    ----------
    profit : float array
        Money after fees and carry; of an open trade at its mark.
    cost : float array
        What was put in: quantity times entry price, above zero.
    bars : int array
        How many bars it lasted.
    mae, mfe : float arrays
        The largest loss (at most 0) and gain (at least 0) while it was open, money.
    fees, carry : float arrays
        Money; a carry below zero was received.
    notional : float array
        What was bought and sold, entry and exit together.
    opened_at, closed_at : int arrays
        UTC epoch seconds; `closed_at` is STILL_OPEN where it has not ended.
    is_ambiguous : bool array
        Whether stop and target lay in one bar and nothing finer could tell.
    """

    profit: Floats
    cost: Floats
    bars: Ints
    mae: Floats
    mfe: Floats
    fees: Floats
    carry: Floats
    notional: Floats
    opened_at: Ints
    closed_at: Ints
    is_ambiguous: Bools

    def __post_init__(self) -> None:
        lengths = {one.name: len(getattr(self, one.name)) for one in fields(self)}
        if len(set(lengths.values())) > 1:
            raise FigureError(f"every array holds one element a trade, found {lengths}")

    def __len__(self) -> int:
        """Return the number of trades, open ones too."""
        return len(self.profit)

    @classmethod
    def of(
        cls,
        *,
        profit: ArrayLike,
        cost: ArrayLike,
        bars: ArrayLike,
        opened_at: ArrayLike,
        closed_at: Sequence[int | None] | Ints,
        mae: ArrayLike | None = None,
        mfe: ArrayLike | None = None,
        fees: ArrayLike | None = None,
        carry: ArrayLike | None = None,
        notional: ArrayLike | None = None,
        is_ambiguous: ArrayLike | None = None,
    ) -> "TradeFigures":
        """Make them of plain lists; what is left out is zero, `closed_at` None is still open."""
        gains = floats(profit, "profit")
        nothing = np.zeros(len(gains))

        def told(values: ArrayLike | None, name: str) -> Floats:
            return nothing if values is None else floats(values, name)

        doubts = nothing if is_ambiguous is None else is_ambiguous
        closed = [STILL_OPEN if one is None else one for one in closed_at]
        return cls(
            profit=gains,
            cost=floats(cost, "cost"),
            bars=np.asarray(bars, dtype=np.int64),
            mae=told(mae, "mae"),
            mfe=told(mfe, "mfe"),
            fees=told(fees, "fees"),
            carry=told(carry, "carry"),
            notional=told(notional, "notional"),
            opened_at=np.asarray(opened_at, dtype=np.int64),
            closed_at=np.asarray(closed, dtype=np.int64),
            is_ambiguous=np.asarray(doubts, dtype=np.bool_),
        )

    @classmethod
    def none(cls) -> "TradeFigures":
        """Return no trades."""
        return cls.of(profit=[], cost=[], bars=[], opened_at=[], closed_at=[])

    @property
    def is_closed(self) -> Bools:
        """Say of each whether it has ended."""
        return np.not_equal(self.closed_at, STILL_OPEN)

    @property
    def returns(self) -> Floats:
        """Return each profit by its cost; 0 where nothing was put in."""
        return by_cost(self.profit, self.cost)


def by_cost(money: Floats, cost: Floats) -> Floats:
    """Return money as a fraction of what was put in; 0 where nothing was."""
    return np.divide(money, cost, out=np.zeros(len(money)), where=cost > 0)
