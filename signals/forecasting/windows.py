"""Purged walk-forward: train on what came before, test on what follows, nothing in common.

A label overlaps the next `horizon` bars, so the last training rows would tell the first test rows'
outcome; they are purged (Lopez de Prado, Advances in Financial Machine Learning, 2018, ch. 7).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WalkOptions:
    """How the past is cut.

    Attributes
    ----------
    windows : int
        Test windows of equal length that follow each other.
    first_share : float
        Share of the span before the first test window.
    rolling : bool
        Train on a stretch of constant length; else on everything before.
    embargo_bars : int
        Left out between training and test beside the purge.
    """

    windows: int = 5
    first_share: float = 0.4
    rolling: bool = False
    embargo_bars: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Rows to train on and rows to test on, by their places."""

    train: Places
    test: Places


def windows(
    close_time: Times, known_at: Times, timeframe: int, walk: WalkOptions
) -> Iterator[Window]:
    """Yield the windows, the oldest first.

    Parameters
    ----------
    close_time : int64 array
        When each row's features are known, UTC epoch seconds; rows of several instruments may
        share one.
    known_at : int64 array
        When each row's label is known.
    """
    first, last = int(close_time.min()), int(close_time.max()) + 1
    begin = first + (last - first) * walk.first_share
    edges = np.linspace(begin, last, walk.windows + 1).astype(np.int64)
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        test = np.flatnonzero((close_time >= low) & (close_time < high))
        if not len(test):
            continue
        # The first test row is forecast at its close: what was not known by then is purged.
        settled = int(close_time[test].min()) - walk.embargo_bars * timeframe
        is_train = known_at <= settled
        if walk.rolling:
            is_train &= close_time >= low - (begin - first)
        train = np.flatnonzero(is_train)
        if len(train):
            yield Window(train, test)
