"""How forecasts turned out: by whom, of which symbol, over which horizon, and when."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from mystic.lib.provenance import REPLAY_PREFIX
from signals.forecasting.metrics import (
    FEWEST_BLOCKS,
    Interval,
    block_seconds,
    gain,
    has_skill,
    wilson,
)
from signals.models import ForecastScore

MOST_SCORES = 20_000
PERIODS = {"day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}
BINS = 10


@dataclass(frozen=True, slots=True)
class Scored:
    """One scored forecast as the figures need it; times are UTC epoch seconds."""

    voter: str
    is_replay: bool
    symbol: str
    timeframe: int
    horizon: int
    bar_open: int
    due_at: int
    direction: int
    probability: float | None
    is_up: bool
    is_hit: bool
    brier: float | None
    naive_brier: float | None
    pinball: float | None
    naive_pinball: float | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How one group of forecasts turned out.

    Attributes
    ----------
    count : int
        Scored forecasts.
    own : float
        How many of them stand on their own: forecasts whose horizons overlap tell the same, on
        several symbols too, for these move together.
    hit_rate : Interval
        Share of right directions with its 95 % interval, by those that stand on their own.
    chance : float
        The hit rate of always saying what happened more often, known only afterwards.
    brier, naive_brier, pinball, naive_pinball : float or None
        Means; lower is better.
    brier_gain : Interval or None
        Naive loss less ours with its interval; above nothing is skill.
    """

    voter: str
    symbol: str
    horizon: int
    timeframe: int
    count: int
    own: float
    hit_rate: Interval
    chance: float
    brier: float | None
    naive_brier: float | None
    brier_gain: Interval | None
    pinball: float | None
    naive_pinball: float | None

    @property
    def verdict(self) -> str:
        """Say what the figures show, and nothing that they do not."""
        if self.brier_gain is not None:
            shown = {"low": self.brier_gain.low if np.isfinite(self.brier_gain.low) else None}
            return "skill shown" if has_skill(shown) else "no skill shown"
        if self.own < FEWEST_BLOCKS:
            return "no skill shown"
        if self.hit_rate.low > self.chance:
            return "better than chance"
        return "worse than chance" if self.hit_rate.high < self.chance else "no skill shown"


def scores_for(
    *,
    model: str = "",
    strategy_id: int | None = None,
    symbol: str = "",
    horizon: int | None = None,
    asset_class: str = "",
    since: int | None = None,
) -> list[Scored]:
    """Return the newest scored forecasts that match, oldest first; at most 20,000.

    Beside what was said live, what was said in a replay is another voter of its own.
    """
    found = ForecastScore.objects.select_related(None)
    wanted: dict[str, object] = {
        "forecast__model__name": model,
        "forecast__strategy": strategy_id,
        "forecast__instrument__symbol": symbol,
        "forecast__horizon": horizon,
        "forecast__instrument__asset_class": asset_class,
        "forecast__bar_open__gte": since,
    }
    for field, value in wanted.items():
        if value not in ("", None):
            found = found.filter(**{field: value})
    rows = found.order_by("-forecast__bar_open").values_list(
        "forecast__model__name",
        "forecast__model__version",
        "forecast__strategy__name",
        "forecast__instrument__symbol",
        "forecast__timeframe",
        "forecast__horizon",
        "forecast__bar_open",
        "forecast__due_at",
        "forecast__direction",
        "forecast__probability",
        "is_up",
        "is_hit",
        "brier",
        "naive_brier",
        "pinball",
        "naive_pinball",
        "forecast__source",
    )[:MOST_SCORES]
    scores = [
        Scored(
            f"{name} v{version}" if name else strategy,
            source.startswith(REPLAY_PREFIX),
            *rest,
        )
        for name, version, strategy, *rest, source in reversed(rows)
    ]
    if all(one.is_replay for one in scores):
        return scores
    return [replace(one, voter=f"{one.voter} (replay)") if one.is_replay else one for one in scores]


def _of_one_kind(scores: Iterable[Scored]) -> list[Scored]:
    """Return what was said live; where nothing was, what was said in replays."""
    found = list(scores)
    return [one for one in found if not one.is_replay] or found


def accuracy(scores: Iterable[Scored]) -> list[Accuracy]:
    """Return the figures by voter, symbol and horizon."""
    groups: dict[tuple[str, str, int, int], list[Scored]] = defaultdict(list)
    for one in scores:
        groups[one.voter, one.symbol, one.horizon, one.timeframe].append(one)
    return [_accuracy(key, group) for key, group in sorted(groups.items())]


def overall(scores: Iterable[Scored]) -> list[Accuracy]:
    """Return the figures by voter and horizon, all symbols together."""
    groups: dict[tuple[str, str, int, int], list[Scored]] = defaultdict(list)
    for one in scores:
        groups[one.voter, "", one.horizon, one.timeframe].append(one)
    return [_accuracy(key, group) for key, group in sorted(groups.items())]


def _accuracy(key: tuple[str, str, int, int], group: Sequence[Scored]) -> Accuracy:
    voter, symbol, horizon, timeframe = key
    hits, own = _own(group)
    ups = sum(one.is_up for one in group) / len(group)
    briers = [one for one in group if one.brier is not None and one.naive_brier is not None]
    pinballs = [one for one in group if one.pinball is not None]
    return Accuracy(
        voter=voter,
        symbol=symbol,
        horizon=horizon,
        timeframe=timeframe,
        count=len(group),
        own=own,
        hit_rate=wilson(hits, own),
        chance=max(ups, 1.0 - ups),
        brier=_mean([one.brier for one in briers]),
        naive_brier=_mean([one.naive_brier for one in briers]),
        brier_gain=_gain(briers),
        pinball=_mean([one.pinball for one in pinballs]),
        naive_pinball=_mean([one.naive_pinball for one in pinballs]),
    )


def _own(group: Sequence[Scored]) -> tuple[float, float]:
    """Return hits and count of what stands on its own: one for each stretch of a horizon."""
    stretches: dict[tuple[int, int], list[bool]] = defaultdict(list)
    for one in group:
        length = one.horizon * one.timeframe
        stretches[length, one.bar_open // length].append(one.is_hit)
    return sum(sum(hits) / len(hits) for hits in stretches.values()), float(len(stretches))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return sum(known) / len(known) if known else None


def _gain(group: Sequence[Scored]) -> Interval | None:
    if not group:
        return None
    moments = np.array([one.bar_open for one in group], dtype=np.int64)
    first = group[0]
    block = block_seconds(moments, first.timeframe, first.horizon)
    ours = np.array([one.brier for one in group], dtype=np.float64)
    naive = np.array([one.naive_brier for one in group], dtype=np.float64)
    return gain(ours, naive, moments, block)


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """The figures of one stretch of time; `start` is UTC epoch seconds."""

    start: int
    count: int
    hit_rate: Interval
    brier: float | None
    naive_brier: float | None

    @property
    def day(self) -> str:
        return f"{datetime.fromtimestamp(self.start, tz=UTC):%Y-%m-%d}"


def trend(scores: Iterable[Scored], *, period: str) -> list[TrendPoint]:
    """Return how the forecasts turned out over time, by when they were made, oldest first.

    Parameters
    ----------
    period : str
        `day`, `week` or `month` (30 days).
    """
    length = PERIODS[period]
    groups: dict[int, list[Scored]] = defaultdict(list)
    for one in _of_one_kind(scores):
        groups[one.bar_open // length * length].append(one)
    points = []
    for start, group in sorted(groups.items()):
        hits, own = _own(group)
        briers = [one for one in group if one.brier is not None]
        points.append(
            TrendPoint(
                start,
                len(group),
                wilson(hits, own),
                _mean([one.brier for one in briers]),
                _mean([one.naive_brier for one in briers]),
            )
        )
    return points


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts of about the same probability, and how often the price did rise."""

    said: float
    happened: Interval
    count: int


def calibration(scores: Iterable[Scored]) -> list[Bin]:
    """Return the calibration curve: ten bins of probability, the empty ones left out."""
    bins: dict[int, list[tuple[float, Scored]]] = defaultdict(list)
    for one in _of_one_kind(scores):
        if one.probability is not None:
            place = min(int(one.probability * BINS), BINS - 1)
            bins[place].append((one.probability, one))
    found = []
    for _, group in sorted(bins.items()):
        count = len(group)
        _, own = _own([one for _, one in group])
        share = sum(one.is_up for _, one in group) / count
        found.append(Bin(sum(said for said, _ in group) / count, wilson(share * own, own), count))
    return found
