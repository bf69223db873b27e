"""The sentences with which looking ahead is refused."""

import difflib
from collections.abc import Iterable, Mapping
from math import isfinite

from signals.columns.errors import ColumnError, UnknownColumnError

MAX_WINDOW = 2000

SEES_ALL = (
    "looks at the whole sample, and so at bars that have not closed yet; "
    "use a rolling window: .sma(n), .stdev(n), .rolling_max(n), .rolling_min(n)"
)
FILLS_BACK = (
    "fills a gap from other bars, later ones among them; a missing value stays missing "
    "and a condition on it does not hold; .otherwise(value) puts a constant in its place"
)
SHIFTS = "can shift forward; use .lag(n), which only looks back"
TAKES_ROWS = "reaches for rows of the series; a column has no rows; use .lag(n) for an earlier bar"
NO_FRAME = "would hand out the whole series; a column is only ever seen at the bar that closed"
CUMULATES = (
    "adds up from where the calculation began, which is not the same place in a backtest and live; "
    'use a word that begins anew: x.obv(reset="day"), x.accumulation(reset=...), x.vwap(reset=...)'
)
MARKS_LATER = (
    "marks a bar by later ones; use x.smc.swing_high and x.smc.swing_low, which are known from the "
    "bar that confirmed them, or x.ichimoku() without its lagging span"
)

WHY_NOT: Mapping[str, str] = {
    **dict.fromkeys(
        ("mean", "std", "var", "median", "quantile", "sum", "max", "min", "rank", "zscore"),
        SEES_ALL,
    ),
    **dict.fromkeys(
        ("idxmax", "idxmin", "argmax", "argmin", "describe", "corr", "normalize"), SEES_ALL
    ),
    **dict.fromkeys(("bfill", "backfill", "ffill", "fillna", "interpolate"), FILLS_BACK),
    **dict.fromkeys(("shift", "diff", "pct_change", "lead", "roll"), SHIFTS),
    **dict.fromkeys(
        ("iloc", "loc", "at", "iat", "head", "tail", "item", "first", "last", "take"), TAKES_ROWS
    ),
    **dict.fromkeys(("values", "array", "to_numpy", "tolist", "to_list", "index", "T"), NO_FRAME),
    **dict.fromkeys(("rolling", "expanding", "ewm", "resample", "apply", "groupby"), NO_FRAME),
    **dict.fromkeys(
        ("cumsum", "cumprod", "cummax", "cummin", "cumulative", "ad", "adl", "anchored_vwap"),
        CUMULATES,
    ),
    **dict.fromkeys(
        ("zigzag", "fractal", "fractals", "pivots", "pivot_high", "pivot_low", "chikou"),
        MARKS_LATER,
    ),
}


def refuse_attribute(owner: str, name: str, known: Iterable[str]) -> UnknownColumnError:
    """Make the error for an attribute that does not exist, with its reason or a suggestion."""
    if name in WHY_NOT:
        return UnknownColumnError(f"{owner}.{name} {WHY_NOT[name]}")
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"It has {', '.join(names)}."
    return UnknownColumnError(f"{owner} has no {name}. {hint}")


def refuse_whole_sample(word: str) -> ColumnError:
    """Make the error for a statistic that was asked for without a window."""
    return ColumnError(f"{word} without a number of bars {SEES_ALL}, or .{word}(n)")


def whole_number(what: str, value: object, *, low: int) -> int:
    """Return a bar count, or refuse it."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ColumnError(f"{what} takes a whole number of bars, not {value!r}")
    if value < low:
        if low == 0:
            raise ColumnError(
                f"{what} cannot take {value}: a negative lag reads bars that have not closed yet; "
                "use 0 or more"
            )
        raise ColumnError(f"{what} takes at least {low}, not {value}")
    if value > MAX_WINDOW:
        raise ColumnError(f"{what} takes at most {MAX_WINDOW} bars, not {value}")
    return value


def finite_number(what: str, value: object) -> float:
    """Return a constant as float, or refuse it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ColumnError(f"{what} takes a column or a finite number, not {value!r}")
    return float(value)


def refuse_options(what: str, options: Mapping[str, object]) -> None:
    """Refuse keyword options; the centred window has its own sentence."""
    if not options:
        return
    name = next(iter(options))
    if name == "center":
        raise ColumnError(
            f"{what}: a centred window ends after the bar that closed, so it would look ahead; "
            "windows end at the current bar"
        )
    raise ColumnError(f"{what} has no option {name}")
