"""Forecasts and their accuracy as shapes, drawn by the server: points in a box of fixed size."""

from collections.abc import Sequence
from dataclasses import dataclass

from signals.selectors_accuracy import Bin, TrendPoint

WIDTH, HEIGHT = 800.0, 240.0
AHEAD = 0.25
"""Share of the width that the future takes."""


@dataclass(frozen=True, slots=True)
class Fan:
    """The closes up to a forecast, and the fan of what it expects.

    Attributes
    ----------
    line : str
        Points of the closes.
    bands : tuple of str
        Points of the triangles between quantiles, the widest first.
    median : str
        Points from now to the middle of the forecast.
    now_x : float
    high, low : float
        Prices at the top and the bottom of the box.
    """

    line: str
    bands: tuple[str, ...]
    median: str
    now_x: float
    high: float
    low: float


def fan(closes: Sequence[float], price: float, quantiles: dict[str, float]) -> Fan | None:
    """Draw a forecast; None where there is nothing to draw."""
    levels = [
        price * (1 + value) for _, value in sorted((float(k), v) for k, v in quantiles.items())
    ]
    prices = [*closes, price, *levels]
    low, high = min(prices), max(prices)
    if len(closes) < 2 or high <= low:
        return None

    def y(value: float) -> float:
        return HEIGHT * (high - value) / (high - low)

    now_x = WIDTH * (1 - AHEAD)
    step = now_x / (len(closes) - 1)
    line = " ".join(f"{n * step:.1f},{y(close):.1f}" for n, close in enumerate(closes))
    tip = f"{now_x:.1f},{y(price):.1f}"
    bands = tuple(
        f"{tip} {WIDTH:.1f},{y(levels[n]):.1f} {WIDTH:.1f},{y(levels[-1 - n]):.1f}"
        for n in range(len(levels) // 2)
    )
    middle = levels[len(levels) // 2] if len(levels) % 2 else None
    median = "" if middle is None else f"{tip} {WIDTH:.1f},{y(middle):.1f}"
    return Fan(line, bands, median, now_x, high, low)


@dataclass(frozen=True, slots=True)
class Mark:
    """One point with the bar of its interval, in the box; `label` says it in words."""

    x: float
    y: float
    top: float
    bottom: float
    label: str


def trend_marks(points: Sequence[TrendPoint]) -> list[Mark]:
    """Draw hit rates over time; the box goes from 0 at the bottom to 1 at the top."""
    step = WIDTH / max(len(points), 1)
    return [
        Mark(
            x=(n + 0.5) * step,
            y=HEIGHT * (1 - one.hit_rate.value),
            top=HEIGHT * (1 - one.hit_rate.high),
            bottom=HEIGHT * (1 - one.hit_rate.low),
            label=f"{one.day}: {one.hit_rate.value:.0%} right of {one.count}, "
            f"{one.hit_rate.low:.0%} to {one.hit_rate.high:.0%}",
        )
        for n, one in enumerate(points)
    ]


def calibration_marks(bins: Sequence[Bin]) -> list[Mark]:
    """Draw what happened over what was said; on the diagonal they agree."""
    return [
        Mark(
            x=WIDTH * one.said,
            y=HEIGHT * (1 - one.happened.value),
            top=HEIGHT * (1 - one.happened.high),
            bottom=HEIGHT * (1 - one.happened.low),
            label=f"said {one.said:.0%}, happened {one.happened.value:.0%} of {one.count}",
        )
        for one in bins
    ]
