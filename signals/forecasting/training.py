"""From rows and what became of them to a model and an honest account of it.

The same sample, options and seed give the same bytes.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals.forecasting.calibration import sequential, settled
from signals.forecasting.drift import reference
from signals.forecasting.leaks import refuse_leaks
from signals.forecasting.metrics import judge_direction, judge_quantiles, verdict
from signals.forecasting.trees import (
    LEVELS,
    Platt,
    Rows,
    Scorer,
    TreeOptions,
    digest_of,
    grow_direction,
    grow_quantiles,
    save,
)
from signals.forecasting.windows import WalkOptions, windows

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Tell = Callable[[float, str], None]
"""Told how far the work is, 0 to 1, and at what."""

FEWEST_ROWS = 500
# The walk-forward's share of the work.
WALK_SHARE = 0.8


class TooLittleError(ValueError):
    """There is too little to learn from; the sentence says how much there is."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What a model learns from, in the order of the bars' closes.

    Attributes
    ----------
    rows : float32 array, shape (n, features)
        NaN where a feature is not known.
    returns : float64 array, shape (n,)
        Price then / price now - 1.
    is_up : bool array
    close_time, known_at : int64 array
        When the features and when the label are known, UTC epoch seconds.
    """

    names: tuple[str, ...]
    rows: Rows
    returns: Floats
    is_up: NDArray[np.bool_]
    close_time: Times
    known_at: Times

    def ordered(self) -> "Sample":
        """Return the rows in the order of their closes; rows of one moment keep theirs."""
        return self.part(np.argsort(self.close_time, kind="stable"))

    def part(self, places: NDArray[np.int64]) -> "Sample":
        return Sample(
            self.names,
            np.ascontiguousarray(self.rows[places]),
            self.returns[places],
            self.is_up[places],
            self.close_time[places],
            self.known_at[places],
        )

    def hash(self) -> str:
        """Return the SHA-256 of every byte that is learnt from."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        for part in (self.rows, self.returns, self.is_up, self.close_time, self.known_at):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that is chosen."""

    timeframe: int
    horizon: int
    walk: WalkOptions = field(default_factory=WalkOptions)
    trees: TreeOptions = field(default_factory=TreeOptions)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A model's bytes and what is known about it; `metrics` is ready for JSON."""

    direction: bytes
    quantile: bytes
    digest: str
    metrics: dict[str, Any]
    data_hash: str
    rows: int
    trained_from: int
    trained_through: int


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """What models said about rows that they had not seen, of all test windows."""

    places: NDArray[np.int64]
    window: NDArray[np.int64]
    margins: Floats
    base_rate: Floats
    quantiles: Floats
    usual: Floats


def silent(_share: float, _stage: str) -> None:
    """Tell nobody."""


def learn(sample: Sample, recipe: Recipe, *, tell: Tell = silent) -> Learned:
    """Walk forward for the figures, then fit the model on everything.

    Raises
    ------
    TooLittleError
        If there are fewer than 500 rows, or only rises, or only falls.
    LeakError
        If a feature tells the return to come.
    """
    sample = sample.ordered()
    _refuse_little(sample)
    tell(0.0, "looking for features that tell the future")
    refuse_leaks(sample.rows, sample.returns, sample.names)
    unseen = walk_forward(sample, recipe, tell=tell)
    metrics, platt = account(sample, unseen, recipe)
    tell(WALK_SHARE, "training on all rows")
    direction = grow_direction(sample.rows, sample.is_up, recipe.trees)
    quantile = grow_quantiles(sample.rows, sample.returns, recipe.trees)
    scorer = Scorer(sample.names, direction, quantile, platt)
    tell(0.95, "remembering what the training looked like")
    metrics["importance"] = _importance(direction, sample.names)
    metrics["reference"] = reference(sample.rows, sample.names, scorer.probabilities(sample.rows))
    parts = save(direction), save(quantile)
    return Learned(
        *parts,
        digest_of(*parts),
        metrics,
        sample.hash(),
        len(sample.rows),
        int(sample.close_time[0]) - recipe.timeframe,
        int(sample.known_at.max()),
    )


def walk_forward(sample: Sample, recipe: Recipe, *, tell: Tell = silent) -> Unseen:
    """Return what models trained on the past said about each test window.

    Raises
    ------
    TooLittleError
        If no window has enough before it.
    """
    parts: list[tuple[Any, ...]] = []
    for number, window in enumerate(
        windows(sample.close_time, sample.known_at, recipe.timeframe, recipe.walk)
    ):
        share = WALK_SHARE * number / recipe.walk.windows
        tell(share, f"walking forward, window {number + 1} of {recipe.walk.windows}")
        train = sample.part(window.train)
        if len(train.rows) < FEWEST_ROWS or train.is_up.all() or not train.is_up.any():
            continue
        scorer = Scorer(
            sample.names,
            grow_direction(train.rows, train.is_up, recipe.trees),
            grow_quantiles(train.rows, train.returns, recipe.trees),
        )
        rows = np.ascontiguousarray(sample.rows[window.test])
        count = len(rows)
        parts.append(
            (
                window.test,
                np.full(count, number),
                scorer.margins(rows),
                np.full(count, train.is_up.mean()),
                scorer.quantiles(rows),
                np.tile(np.quantile(train.returns, LEVELS), (count, 1)),
            )
        )
    if not parts:
        raise TooLittleError("no window of the walk-forward has enough rows before it")
    return Unseen(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def account(sample: Sample, unseen: Unseen, recipe: Recipe) -> tuple[dict[str, Any], Platt]:
    """Return the figures of the walk-forward, and the curve over the log-odds.

    The curve is used where it helped on windows after those that it was fitted on.
    """
    is_up, outcome = sample.is_up[unseen.places], sample.returns[unseen.places]
    moments = sample.close_time[unseen.places]
    probability, is_better = sequential(unseen.margins, is_up, unseen.window)
    platt = settled(unseen.margins, is_up) if is_better else Platt()
    span = {"timeframe": recipe.timeframe, "horizon": recipe.horizon}
    direction = judge_direction(probability, unseen.base_rate, is_up, moments, **span)
    quantiles = judge_quantiles(unseen.quantiles, unseen.usual, outcome, moments, LEVELS, **span)
    return {
        # A database may keep the features in another order than the trees' columns.
        "names": list(sample.names),
        "base_rate": float(sample.is_up.mean()),
        "direction": direction,
        "quantiles": quantiles,
        "verdict": verdict(direction, quantiles),
        "calibration": asdict(platt),
        "is_calibrated": is_better,
        "windows": len(np.unique(unseen.window)),
        "tested_from": int(moments.min()),
        "tested_through": int(moments.max()),
    }, platt


def _refuse_little(sample: Sample) -> None:
    count = len(sample.rows)
    if count < FEWEST_ROWS:
        raise TooLittleError(f"{count} rows are too few to learn from; {FEWEST_ROWS} are needed")
    if sample.is_up.all() or not sample.is_up.any():
        raise TooLittleError("every row ends the same way: there is nothing to tell apart")


def _importance(booster: Any, names: tuple[str, ...]) -> dict[str, float]:
    """Return each feature's share of the gain of all splits, the greatest first."""
    gains = booster.get_score(importance_type="total_gain")
    total = sum(gains.values()) or 1.0
    shares = {name: gains.get(f"f{place}", 0.0) / total for place, name in enumerate(names)}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
