"""What trained models say: the kernels of `x.model`.

The word itself stands in `signals.columns.model_column`, above the columns that it gives.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from signals.columns.errors import UnreadyModelError
from signals.columns.kernel import Kernel
from signals.columns.series import Floats
from signals.forecasting.shelf import ModelLostError, shelf
from signals.forecasting.trees import Rows, expected


class Scoring:
    """Asks a model about the rows it may speak of.

    The inputs are its features and, last, the bar's open time. It says nothing about a bar that it
    was trained on, nor about one of which no feature is known.
    """

    def __init__(self, name: str, version: int) -> None:
        try:
            self._model = shelf.exactly(name, version)
        except ModelLostError as fault:
            raise UnreadyModelError(str(fault)) from None

    def _rows(
        self, inputs: Sequence[Floats]
    ) -> tuple[Rows, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        """Return the rows to be asked about and where they stand."""
        rows = np.column_stack(inputs[:-1]).astype(np.float32)
        closes = inputs[-1] + self._model.timeframe
        may = (closes > self._model.trained_through) & ~np.isnan(rows).all(axis=1)
        return np.ascontiguousarray(rows[may]), may


class Probability(Scoring):
    """The probability that the price is higher after the model's horizon, shape (n,)."""

    def push(self, inputs: Sequence[Floats]) -> Floats:
        rows, may = self._rows(inputs)
        result = np.full(len(may), np.nan)
        if len(rows):
            result[may] = self._model.scorer.probabilities(rows)
        return result


class Returns(Scoring):
    """The quantiles of the return until then, and their mean, shape (n, 6)."""

    def push(self, inputs: Sequence[Floats]) -> Floats:
        rows, may = self._rows(inputs)
        result = np.full((len(may), 6), np.nan)
        if len(rows):
            found = self._model.scorer.quantiles(rows)
            result[may] = np.column_stack((found, expected(found)))
        return result


KERNELS: Mapping[str, Callable[..., Kernel]] = {
    "model_probability": Probability,
    "model_returns": Returns,
}
