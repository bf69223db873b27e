"""Gradient-boosted trees: fitted, kept as bytes, opened again, asked.

The bytes are XGBoost's binary JSON (UBJSON): numbers and names, no code. `xgboost` is imported only
where it is used; the import takes a second.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

ENGINE = "xgboost"
LARGEST_BYTES = 64 * 1024 * 1024
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
# Of the mean of a quantile function that is linear between the levels and flat beyond them.
MEAN_WEIGHTS = np.array([0.15, 0.225, 0.25, 0.225, 0.15])


NOT_THERE = (
    "the library of the trees (XGBoost) cannot be loaded here; on macOS it wants the OpenMP "
    "runtime: brew install libomp"
)


class TreesError(ValueError):
    """Stored trees cannot be used; the sentence says what was found and what was wanted."""


@cache
def engine() -> Any:
    """Return XGBoost, loaded when it is first wanted.

    Raises
    ------
    TreesError
        Where it is not installed, or a library that it wants is missing.
    """
    try:
        return import_module(ENGINE)
    except Exception as fault:
        # Its own error where the shared library cannot be opened is no ImportError.
        raise TreesError(NOT_THERE) from fault


@dataclass(frozen=True, slots=True)
class TreeOptions:
    """How trees are grown; the same values, rows and seed give the same bytes.

    Attributes
    ----------
    rounds, quantile_rounds : int
        Trees of the direction; rounds of five trees of the quantiles.
    threads : int
        Part of the recipe: another number may add in another order, and waits on a busy machine.
    """

    rounds: int = 120
    quantile_rounds: int = 60
    depth: int = 4
    rate: float = 0.05
    leaf_weight: float = 20.0
    row_share: float = 0.7
    column_share: float = 0.7
    penalty: float = 5.0
    bins: int = 64
    threads: int = 1
    seed: int = 7

    def params(self) -> dict[str, Any]:
        return {
            "tree_method": "hist",
            "max_bin": self.bins,
            "max_depth": self.depth,
            "eta": self.rate,
            "min_child_weight": self.leaf_weight,
            "subsample": self.row_share,
            "colsample_bytree": self.column_share,
            "lambda": self.penalty,
            "nthread": self.threads,
            "seed": self.seed,
            "verbosity": 0,
        }


@dataclass(frozen=True, slots=True)
class Platt:
    """A logistic curve over the trees' log-odds, fitted on what they had not seen (Platt 1999)."""

    slope: float = 1.0
    offset: float = 0.0

    def probability(self, margin: Floats) -> Floats:
        result: Floats = 1.0 / (1.0 + np.exp(-(self.slope * margin + self.offset)))
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """A model's trees, opened.

    Attributes
    ----------
    names : tuple of str
        The columns of the rows it takes, in order.
    """

    names: tuple[str, ...]
    direction: Any
    quantile: Any
    platt: Platt = field(default_factory=Platt)

    def margins(self, rows: Rows) -> Floats:
        """Return the log-odds that the price is higher, shape (n,)."""
        found = self.direction.inplace_predict(rows, predict_type="margin")
        result: Floats = np.asarray(found, dtype=np.float64).reshape(len(rows))
        return result

    def probabilities(self, rows: Rows) -> Floats:
        """Return the probability that the price is higher, shape (n,)."""
        return self.platt.probability(self.margins(rows))

    def quantiles(self, rows: Rows) -> Floats:
        """Return the quantiles of the return, ascending, shape (n, 5)."""
        found = np.asarray(self.quantile.inplace_predict(rows), dtype=np.float64)
        # Fitted one by one they may cross; sorted they are closer to the truth
        # (Chernozhukov, Fernandez-Val, Galichon 2010).
        result: Floats = np.sort(found.reshape(len(rows), len(LEVELS)), axis=1)
        return result

    def contributions(self, row: Rows) -> dict[str, float]:
        """Return how much each column moves one row's log-odds (Shapley values of the trees)."""
        xgboost = engine()
        matrix = xgboost.DMatrix(row.reshape(1, -1), feature_names=None, nthread=1)
        found = self.direction.predict(matrix, pred_contribs=True)[0]
        return dict(zip(self.names, (float(one) for one in found[:-1]), strict=True))


def expected(quantiles: Floats) -> Floats:
    """Return the mean of rows of quantiles, shape (n,)."""
    # Written out: a matrix product may add in another order for another number of rows.
    total = np.zeros(len(quantiles))
    for place, weight in enumerate(MEAN_WEIGHTS.tolist()):
        total = total + weight * quantiles[:, place]
    return total


def grow_direction(rows: Rows, is_up: NDArray[np.bool_], options: TreeOptions) -> Any:
    """Fit the log-odds that the price is higher."""
    xgboost = engine()
    matrix = xgboost.QuantileDMatrix(
        rows, is_up.astype(np.float32), max_bin=options.bins, nthread=options.threads
    )
    params = options.params() | {"objective": "binary:logistic"}
    return xgboost.train(params, matrix, options.rounds)


def grow_quantiles(rows: Rows, returns: Floats, options: TreeOptions) -> Any:
    """Fit the quantiles of the return."""
    xgboost = engine()
    matrix = xgboost.QuantileDMatrix(
        rows, returns.astype(np.float32), max_bin=options.bins, nthread=options.threads
    )
    params = options.params() | {
        "objective": "reg:quantileerror",
        "quantile_alpha": list(LEVELS),
    }
    return xgboost.train(params, matrix, options.quantile_rounds)


def save(booster: Any) -> bytes:
    return bytes(booster.save_raw("ubj"))


def digest_of(direction: bytes, quantile: bytes) -> str:
    """Return the SHA-256 of both, each behind its length."""
    digest = hashlib.sha256()
    for part in (direction, quantile):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def open_trees(
    direction: bytes,
    quantile: bytes,
    *,
    digest: str,
    names: Sequence[str],
    calibration: Mapping[str, float] | None = None,
) -> Scorer:
    """Open stored trees.

    Raises
    ------
    TreesError
        If a part is missing or too large, if they are not the bytes that were trained, or if they
        want another number of columns.
    """
    if not direction or not quantile:
        raise TreesError("its trees are missing; train it anew")
    size = len(direction) + len(quantile)
    if size > LARGEST_BYTES:
        raise TreesError(f"its trees take {size} bytes, more than {LARGEST_BYTES}")
    found = digest_of(direction, quantile)
    if found != digest:
        raise TreesError(
            f"its trees have the digest {found[:12]}, trained were {digest[:12] or 'none'}; "
            "they were damaged or replaced: train it anew"
        )
    platt = Platt(**calibration) if calibration else Platt()
    return Scorer(
        tuple(names), _opened(direction, len(names)), _opened(quantile, len(names)), platt
    )


def _opened(stored: bytes, columns: int) -> Any:
    xgboost = engine()
    booster = xgboost.Booster(params={"nthread": 1})
    try:
        booster.load_model(bytearray(stored))
    except (xgboost.core.XGBoostError, ValueError) as fault:
        raise TreesError(f"XGBoost cannot read its trees: {str(fault)[:120]}") from None
    if booster.num_features() != columns:
        raise TreesError(f"its trees take {booster.num_features()} columns, it has {columns}")
    booster.set_param({"nthread": 1})
    return booster
