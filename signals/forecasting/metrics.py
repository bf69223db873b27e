"""How good forecasts were, held against forecasts that know nothing, with how sure that is."""

from dataclasses import asdict, dataclass
from math import cbrt, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Times = NDArray[np.int64]

Z95 = 1.959963984540054
RESAMPLES = 2000
FEWEST_BLOCKS = 8


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the 95 % interval around it."""

    value: float
    low: float
    high: float


def wilson(hits: float, count: float) -> Interval:
    """Return the share of hits with Wilson's score interval (JASA 22, 1927)."""
    if count <= 0:
        return Interval(float("nan"), 0.0, 1.0)
    share, spread = hits / count, Z95 * Z95 / count
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 * sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return Interval(share, max(middle - half, 0.0), min(middle + half, 1.0))


def brier(probability: Floats, is_up: Flags) -> Floats:
    """Return the squared error of each probability (Brier 1950)."""
    result: Floats = (probability - is_up) ** 2
    return result


def log_loss(probability: Floats, is_up: Flags) -> Floats:
    """Return minus the logarithm of the probability that was given to what happened."""
    held = np.clip(probability, 1e-12, 1 - 1e-12)
    result: Floats = -np.log(np.where(is_up, held, 1 - held))
    return result


def pinball(quantiles: Floats, outcome: Floats, levels: tuple[float, ...]) -> Floats:
    """Return the mean quantile loss of each row (Koenker and Bassett 1978).

    Parameters
    ----------
    quantiles : float64 array, shape (n, levels) or (levels,)
    outcome : float64 array, shape (n,)
    """
    missed = outcome[:, None] - quantiles
    share = np.array(levels)
    result: Floats = np.maximum(share * missed, (share - 1) * missed).mean(axis=1)
    return result


def gain(ours: Floats, naive: Floats, moments: Times, block_s: int, *, seed: int = 7) -> Interval:
    """Return the mean of `naive - ours`, a loss each, with its block-bootstrap interval.

    Neighbouring errors are alike, for their labels overlap: whole stretches of time are drawn
    again, not rows (Carlstein 1986; the statistic is that of Diebold and Mariano 1995). Rows of
    several instruments at one moment stay together.

    Parameters
    ----------
    moments : int64 array
        When each forecast was made, UTC epoch seconds.
    block_s : int
        Length of a stretch, at least that of a label.

    Returns
    -------
    Interval
        Above zero: better than naive. Without bounds where there are fewer than 8 stretches.
    """
    better = naive - ours
    block = (moments - moments.min()) // max(block_s, 1)
    _, place = np.unique(block, return_inverse=True)
    totals = np.bincount(place, weights=better)
    counts = np.bincount(place).astype(np.float64)
    mean = float(better.mean())
    if len(totals) < FEWEST_BLOCKS:
        return Interval(mean, -np.inf, np.inf)
    draw = np.random.default_rng(seed)
    means = np.empty(RESAMPLES)
    for n in range(RESAMPLES):
        chosen = draw.integers(0, len(totals), len(totals))
        means[n] = totals[chosen].sum() / counts[chosen].sum()
    low, high = np.quantile(means, (0.025, 0.975)).tolist()
    return Interval(mean, low, high)


def block_seconds(moments: Times, timeframe: int, horizon: int) -> int:
    """Return how long a stretch of the bootstrap is: a label, or the cube root of the bars."""
    bars = len(np.unique(moments))
    return max(horizon + 1, round(cbrt(bars))) * timeframe


def judge_direction(
    probability: Floats,
    base_rate: Floats,
    is_up: Flags,
    moments: Times,
    *,
    timeframe: int,
    horizon: int,
) -> dict[str, Any]:
    """Return the figures of a direction against the base rate of what it was trained on.

    Parameters
    ----------
    base_rate : float64 array, shape (n,)
        The share of rises in the training rows of each forecast.
    """
    block = block_seconds(moments, timeframe, horizon)
    hit = (probability > 0.5) == is_up
    naive_hit = (base_rate > 0.5) == is_up
    # Labels that overlap tell the same: so many of them stand on their own.
    own = len(np.unique(moments)) / horizon
    ours, naive = brier(probability, is_up), brier(base_rate, is_up)
    log_ours, log_naive = log_loss(probability, is_up), log_loss(base_rate, is_up)
    return {
        "rows": len(is_up),
        "independent": round(own, 1),
        "ups": float(is_up.mean()),
        "hit_rate": _shown(wilson(float(hit.mean()) * own, own)),
        "naive_hit_rate": float(naive_hit.mean()),
        "hit_gain": _shown(gain(1.0 - hit, 1.0 - naive_hit, moments, block)),
        "brier": float(ours.mean()),
        "naive_brier": float(naive.mean()),
        "brier_gain": _shown(gain(ours, naive, moments, block)),
        "log_loss": float(log_ours.mean()),
        "naive_log_loss": float(log_naive.mean()),
        "log_gain": _shown(gain(log_ours, log_naive, moments, block)),
    }


def judge_quantiles(
    quantiles: Floats,
    usual: Floats,
    outcome: Floats,
    moments: Times,
    levels: tuple[float, ...],
    *,
    timeframe: int,
    horizon: int,
) -> dict[str, Any]:
    """Return the figures of quantiles against the usual ones and against "no change".

    Parameters
    ----------
    usual : float64 array, shape (n, levels)
        The quantiles of the training rows of each forecast, the same for each of its rows.
    """
    block = block_seconds(moments, timeframe, horizon)
    ours, naive = pinball(quantiles, outcome, levels), pinball(usual, outcome, levels)
    unchanged = pinball(np.zeros(len(levels)), outcome, levels)
    inside = (outcome >= quantiles[:, 0]) & (outcome <= quantiles[:, -1])
    return {
        "pinball": float(ours.mean()),
        "naive_pinball": float(naive.mean()),
        "no_change_pinball": float(unchanged.mean()),
        "pinball_gain": _shown(gain(ours, naive, moments, block)),
        "inside": float(inside.mean()),
        "inside_wanted": levels[-1] - levels[0],
    }


def _shown(interval: Interval) -> dict[str, float | None]:
    """Return an interval for JSON, which has no infinity."""
    return {name: one if np.isfinite(one) else None for name, one in asdict(interval).items()}


def has_skill(shown: dict[str, float | None]) -> bool:
    """Tell whether a gain's whole interval lies above nothing."""
    low = shown["low"]
    return low is not None and low > 0


def verdict(direction: dict[str, Any], quantiles: dict[str, Any]) -> str:
    """Return in a sentence what the walk-forward showed."""
    told = []
    for what, shown, naive in (
        ("direction", direction["brier_gain"], direction["naive_brier"]),
        ("quantiles", quantiles["pinball_gain"], quantiles["naive_pinball"]),
    ):
        low, high = (
            "?" if one is None else f"{one / naive:+.2%}" for one in (shown["low"], shown["high"])
        )
        share = f"{shown['value'] / naive:+.2%} of the naive loss, 95 % interval {low} to {high}"
        word = "skill shown" if has_skill(shown) else "no skill shown"
        told.append(f"{what}: {word} ({share})")
    return "; ".join(told)
