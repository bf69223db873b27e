"""What else could have happened: the same trades in another order, or drawn again, or days.

Every draw comes from one seed: the same seed gives the same figures.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trading.performance.resampling import Blocks, block_indices, block_length
from trading.performance.types import FigureError, Floats, TradeFigures

PERCENTILES = (5, 25, 50, 75, 95)
BAND_POINTS = 101
_ELEMENTS = 2_000_000  # of one batch: bounds the memory, and is part of what a seed gives


@dataclass(frozen=True, slots=True)
class Fan:
    """Where equity stood in the course of all samples, for a chart.

    Attributes
    ----------
    at : floats, shape (points,)
        Share of the steps done, 0 to 1.
    bands : floats, shape (5, points)
        Equity below which 5, 25, 50, 75 and 95 % of the samples lay.
    """

    at: Floats
    bands: Floats


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the samples gave; percentiles by 5, 25, 50, 75, 95.

    Attributes
    ----------
    final_equity, max_drawdown : dict of percentile to value
        The drawdown is a negative fraction: its 5th percentile is a bad one.
    ruin : float
        Share of the samples that fell to the level of ruin at some step.
    loss : float
        Share of the samples that ended below what they began with.
    drawdown_worse : float
        Share of the samples with a drawdown at least as deep as the one that happened.
    """

    samples: int
    steps: int
    happened_equity: float
    happened_drawdown: float
    final_equity: dict[int, float]
    max_drawdown: dict[int, float]
    ruin: float
    loss: float
    drawdown_worse: float
    fan: Fan


def trade_steps(trades: TradeFigures, cash: float) -> Floats:
    """Return what each closed trade did to the account, as a fraction of its equity before it.

    In the order in which they closed; compounded, they give cash and profits again.

    Raises
    ------
    FigureError
        If the profits took the account to zero: nothing after it is a fraction of anything.
    """
    closed = trades.is_closed
    order = np.argsort(trades.closed_at[closed], kind="stable")
    profit = trades.profit[closed][order]
    before = cash + np.concatenate(([0.0], np.cumsum(profit)[:-1])) if len(profit) else profit
    if bool((before <= 0).any()):
        raise FigureError("the trades lost all that the account had: there is nothing to reshuffle")
    return profit / before


def shuffled(
    steps: Floats, *, cash: float, seed: int, samples: int = 1_000, ruin: float = 0.5
) -> Outcome:
    """Take the same steps in other orders: the end is the same, the way there is not."""
    rng = np.random.default_rng(seed)
    _refuse(steps, samples)

    def drawn() -> Iterator[Floats]:
        for size in _batches(samples, len(steps)):
            yield rng.permuted(np.tile(steps, (size, 1)), axis=1)

    return _outcome(steps, drawn(), cash, ruin)


def redrawn(
    steps: Floats, *, cash: float, seed: int, samples: int = 1_000, ruin: float = 0.5
) -> Outcome:
    """Draw as many steps again, with replacement: some happen twice, some never."""
    rng = np.random.default_rng(seed)
    _refuse(steps, samples)

    def drawn() -> Iterator[Floats]:
        for size in _batches(samples, len(steps)):
            yield steps[rng.integers(len(steps), size=(size, len(steps)))]

    return _outcome(steps, drawn(), cash, ruin)


def redrawn_blocks(
    returns: Floats,
    *,
    cash: float,
    seed: int,
    samples: int = 1_000,
    ruin: float = 0.5,
    block: float | None = None,
    kind: Blocks = Blocks.STATIONARY,
) -> Outcome:
    """Draw days or bars again in blocks, so that what hangs together stays together.

    Without `block`, its mean length follows from the series (`block_length`).
    """
    rng = np.random.default_rng(seed)
    _refuse(returns, samples)
    length = block_length(returns, kind) if block is None else block
    count = len(returns)

    def drawn() -> Iterator[Floats]:
        for size in _batches(samples, count):
            yield returns[block_indices(count, samples=size, block=length, kind=kind, rng=rng)]

    return _outcome(returns, drawn(), cash, ruin)


def _refuse(steps: Floats, samples: int) -> None:
    if not len(steps) or samples < 1:
        raise FigureError(f"{len(steps)} steps in {samples} samples: give at least one of each")
    if bool((steps <= -1).any()):
        raise FigureError("one step lost everything: no order of the steps survives it")


def _batches(samples: int, steps: int) -> list[int]:
    most = max(1, _ELEMENTS // max(1, steps))
    return [min(most, samples - done) for done in range(0, samples, most)]


def _outcome(steps: Floats, drawn: Iterator[Floats], cash: float, ruin: float) -> Outcome:
    """Follow the equity of all samples."""
    places = np.unique(np.linspace(0, len(steps), min(BAND_POINTS, len(steps) + 1)).astype(int))
    happened = _paths(steps[np.newaxis])
    seen, falls, lowest = [], [], []
    for sample in drawn:
        paths = _paths(sample)
        seen.append(paths[:, places])
        falls.append(_deepest(paths))
        lowest.append(paths.min(axis=1))
    points = cash * np.concatenate(seen)
    deepest = np.concatenate(falls)
    final = points[:, -1]
    fell = float(_deepest(happened)[0])
    return Outcome(
        samples=len(final),
        steps=len(steps),
        happened_equity=float(cash * happened[0, -1]),
        happened_drawdown=fell,
        final_equity=_percentiles(final),
        max_drawdown=_percentiles(deepest),
        ruin=float((np.concatenate(lowest) <= ruin).mean()),
        loss=float((final < cash * (1.0 - 1e-12)).mean()),
        drawdown_worse=float((deepest <= fell + 1e-12).mean()),
        fan=Fan(at=places / len(steps), bands=np.percentile(points, PERCENTILES, axis=0)),
    )


def _paths(steps: Floats) -> Floats:
    """Return equity by what it began with, before the first step and after each."""
    paths = np.ones((steps.shape[0], steps.shape[1] + 1))
    np.cumprod(1.0 + steps, axis=1, out=paths[:, 1:])
    return paths


def _deepest(paths: Floats) -> Floats:
    below = paths / np.maximum.accumulate(paths, axis=1) - 1.0
    return np.asarray(below.min(axis=1), dtype=np.float64)


def _percentiles(values: Floats) -> dict[int, float]:
    found = np.percentile(values, PERCENTILES)
    return {one: float(value) for one, value in zip(PERCENTILES, found, strict=True)}
