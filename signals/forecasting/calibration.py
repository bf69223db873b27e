"""Probabilities that mean what they say: a logistic curve fitted on forecasts of unseen rows."""

import numpy as np
from numpy.typing import NDArray

from signals.forecasting.metrics import log_loss
from signals.forecasting.trees import Platt

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEWEST_ROWS = 300
STEPS = 50


def settled(margins: Floats, is_up: Flags) -> Platt:
    """Fit the curve by Newton's method, with Platt's smoothed targets.

    Parameters
    ----------
    margins : float64 array
        Log-odds that were said about rows not trained on.
    """
    ups = float(is_up.sum())
    downs = len(is_up) - ups
    target = np.where(is_up, (ups + 1) / (ups + 2), 1 / (downs + 2))
    # From the share of rises on: Newton's steps are safe there.
    slope, offset = 0.0, float(np.log((ups + 1) / (downs + 1)))
    for _ in range(STEPS):
        probability = Platt(slope, offset).probability(margins)
        error, weight = probability - target, probability * (1 - probability)
        first = np.array([(error * margins).sum(), error.sum()])
        cross = (weight * margins).sum()
        second = np.array([[(weight * margins * margins).sum(), cross], [cross, weight.sum()]])
        second[np.diag_indices(2)] += 1e-9
        step = np.linalg.solve(second, first)
        slope, offset = slope - float(step[0]), offset - float(step[1])
        if np.abs(step).max() < 1e-10:
            break
    if not np.isfinite([slope, offset]).all() or slope <= 0:
        # Log-odds that say nothing, or the contrary: all that is left is the share of rises.
        return Platt(0.0, float(np.log((ups + 1) / (downs + 1))))
    return Platt(slope, offset)


def sequential(margins: Floats, is_up: Flags, window: NDArray[np.int64]) -> tuple[Floats, bool]:
    """Return the probabilities of each window, and whether a curve made them better.

    The curve of a window is fitted on the windows before it only; it is kept where the log loss
    over all windows is lower with it.
    """
    plain = Platt().probability(margins)
    curved = plain.copy()
    for number in np.unique(window)[1:].tolist():
        before, here = window < number, window == number
        if before.sum() >= FEWEST_ROWS:
            curved[here] = settled(margins[before], is_up[before]).probability(margins[here])
    is_better = bool(log_loss(curved, is_up).mean() < log_loss(plain, is_up).mean())
    return (curved if is_better else plain), is_better
