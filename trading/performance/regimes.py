"""Days by the state of the market as it was known when they began: trend and volatility."""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from trading.performance.ratios import sharpe
from trading.performance.types import Bools, FigureError, Floats, Ints, TradeFigures

TREND_DAYS = 50
VOLATILITY_DAYS = 20
LEAST_HISTORY = 30
DAY_S = 86_400


class Trend(StrEnum):
    """Where the last close stood to its simple moving average."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class Volatility(StrEnum):
    """In which third of all earlier days the volatility stood."""

    UNKNOWN = "unknown"
    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Regime:
    """The days of one state, and what was made on them; `return_` compounds their returns."""

    trend: Trend
    volatility: Volatility
    days: int
    return_: float
    mean: float
    sharpe: float | None
    trades: int
    profit: float
    win_rate: float | None


@dataclass(frozen=True, slots=True)
class Labels:
    """The state of each day, one element a day."""

    days: Ints  # begin of each, UTC epoch seconds
    trend: tuple[Trend, ...]
    volatility: tuple[Volatility, ...]


def labels(
    days: Ints,
    closes: Floats,
    *,
    trend_days: int = TREND_DAYS,
    volatility_days: int = VOLATILITY_DAYS,
) -> Labels:
    """Label each day by the closes of the days before it, never by its own.

    Parameters
    ----------
    days : ints
        Begin of each day, UTC epoch seconds, ascending.
    closes : floats
        The benchmark's close of each day, all above zero.
    """
    if len(days) != len(closes) or bool((closes <= 0).any()):
        raise FigureError("give a close above zero for each day")
    return Labels(
        days=days,
        trend=tuple(_trends(closes, trend_days)),
        volatility=tuple(_volatilities(closes, volatility_days)),
    )


def by_regime(
    found: Labels, returns: Floats, periods: int, trades: TradeFigures | None = None
) -> list[Regime]:
    """Break returns and closed trades down; a trade belongs to the day on which it opened.

    Only states that occurred are given; a trade opened outside the labelled days is left out.
    """
    if len(returns) != len(found.days):
        raise FigureError(f"{len(returns)} returns for {len(found.days)} days: give one for each")
    opened = _days_of(found.days, trades)
    lines = []
    for trend in Trend:
        for volatility in Volatility:
            here = np.array(
                [
                    one is trend and other is volatility
                    for one, other in zip(found.trend, found.volatility, strict=True)
                ],
                dtype=np.bool_,
            )
            if here.any():
                lines.append(_line(trend, volatility, here, returns, periods, trades, opened))
    return lines


def _line(
    trend: Trend,
    volatility: Volatility,
    here: Bools,
    returns: Floats,
    periods: int,
    trades: TradeFigures | None,
    opened: Ints,
) -> Regime:
    made = returns[here]
    profit = np.empty(0)
    if trades is not None:
        inside = (opened >= 0) & here[np.maximum(opened, 0)] & trades.is_closed
        profit = trades.profit[inside]
    return Regime(
        trend=trend,
        volatility=volatility,
        days=len(made),
        return_=float(np.prod(1.0 + made) - 1.0),
        mean=float(made.mean()),
        sharpe=sharpe(made, periods),
        trades=len(profit),
        profit=float(profit.sum()),
        win_rate=float((profit > 0).mean()) if len(profit) else None,
    )


def _days_of(days: Ints, trades: TradeFigures | None) -> Ints:
    """Return the position of the day on which each trade opened, -1 for none of them."""
    if trades is None:
        return np.empty(0, dtype=np.int64)
    place = np.searchsorted(days, trades.opened_at, side="right") - 1
    is_on = (place >= 0) & (trades.opened_at < days[np.maximum(place, 0)] + DAY_S)
    return np.where(is_on, place, -1)


def _trends(closes: Floats, window: int) -> list[Trend]:
    sums = np.concatenate(([0.0], np.cumsum(closes)))
    found = [Trend.UNKNOWN] * len(closes)
    for day in range(window, len(closes)):  # the last close known is that of day - 1
        mean = (sums[day] - sums[day - window]) / window
        found[day] = Trend.UP if closes[day - 1] > mean else Trend.DOWN
    return found


def _volatilities(closes: Floats, window: int) -> list[Volatility]:
    """Rank each day's volatility among all that were known before it."""
    found = [Volatility.UNKNOWN] * len(closes)
    if len(closes) <= window + 1:
        return found
    moves = np.diff(np.log(closes))
    spreads = np.lib.stride_tricks.sliding_window_view(moves, window).std(axis=1, ddof=1)
    history: list[float] = []
    for day in range(window + 1, len(closes)):
        known = float(spreads[day - window - 1])  # of the moves up to the close of day - 1
        if len(history) >= LEAST_HISTORY:
            rank = (bisect_left(history, known) + bisect_right(history, known)) / 2
            share = rank / len(history)
            found[day] = _third(share)
        insort(history, known)
    return found


def _third(share: float) -> Volatility:
    if share < 1 / 3:
        return Volatility.LOW
    return Volatility.HIGH if share > 2 / 3 else Volatility.MIDDLE
