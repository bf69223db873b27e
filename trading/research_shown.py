"""What a page shows of a backtest's report: figures in words, curves, months, trades."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trading.drawing import Curve, Plot, plot
from trading.performance.catalogue import METRICS, Metric, Unit

NOTHING = "—"
HEADLINE = ("return", "benchmark_return", "sharpe", "max_drawdown", "trades", "win_rate")
MORE = (
    ("What was gained", ("net_profit", "final_equity", "cagr", "alpha", "beta")),
    (
        "At which risk",
        (
            "volatility",
            "sortino",
            "calmar",
            "omega",
            "max_drawdown_days",
            "ulcer",
            "var_5",
            "cvar_5",
        ),
    ),
    (
        "In which trades",
        (
            "profit_factor",
            "expectancy",
            "payoff",
            "average_win",
            "average_loss",
            "best_trade",
            "worst_trade",
            "average_bars",
            "longest_losing_streak",
            "mae_mean",
            "mfe_mean",
            "sqn",
        ),
    ),
    ("At what cost", ("fees_paid", "carry_paid", "turnover", "exposure")),
)
SIGNED = {"return", "net_profit", "cagr", "alpha", "benchmark_return", "expectancy"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure in words: its label, its text, what it says, and its tone."""

    name: str
    label: str
    text: str
    about: str
    tone: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A year of monthly returns; a month without a bar is None."""

    year: int
    months: tuple[float | None, ...]
    total: float


def figure(name: str, metrics: Mapping[str, Any], currency: str = "") -> Figure:
    """Return a figure of the catalogue as people read it."""
    metric = METRICS[name]
    value = number(metrics.get(name))
    tone = ""
    text = NOTHING
    if value is not None:
        text = shown(metric, value, currency)
        if name in SIGNED and round(value, 6):
            tone = "up" if value > 0 else "down"
            text = f"{'▲' if value > 0 else '▼'} {'+' if value > 0 else ''}{text}"
    return Figure(name, metric.label, text, metric.about, tone, value)


def shown(metric: Metric, value: float, currency: str = "") -> str:
    """Write a value in the unit of its figure: 0.1234 is 12.34 %."""
    match metric.unit:
        case Unit.MONEY:
            return f"{value:,.2f} {currency}".strip()
        case Unit.FRACTION:
            return f"{value * 100:,.2f} %"
        case Unit.DAYS:
            return f"{value:,.0f} days"
        case Unit.COUNT:
            return f"{value:,.0f}"
        case Unit.BARS:
            return f"{value:,.1f} bars"
        case Unit.YEARLY:
            return f"{value:,.1f} times a year"
    return f"{value:,.2f}"


def headline(document: Mapping[str, Any]) -> list[Figure]:
    """Return the figures that stand on top."""
    return figures(HEADLINE, document)


def more_figures(document: Mapping[str, Any]) -> list[tuple[str, list[Figure]]]:
    """Return all other figures in their groups."""
    return [(title, figures(names, document)) for title, names in MORE]


def figures(names: Sequence[str], document: Mapping[str, Any]) -> list[Figure]:
    currency = str(document["assumptions"].get("currency", ""))
    return [figure(name, document["metrics"], currency) for name in names]


def curves(document: Mapping[str, Any]) -> list[tuple[str, Plot]]:
    """Return equity, drawdown, exposure and buying and holding as plots, where they are known."""
    told = document["equity"]
    times, equity = told["time"], numbers(told["equity"])
    made = [
        ("Equity", curve_plot("Equity after costs", [Curve("Equity", "first", times, equity)])),
        (
            "Below the highest so far",
            _filled("Drawdown", "Drawdown: how far below the highest so far", "loss", told),
        ),
        (
            "In the market",
            _filled("Exposure", "Exposure: share of the equity in the market", "third", told),
        ),
        (
            "Return, beside buying and holding",
            return_plot(
                "Return of this backtest and of buying and holding",
                [
                    ("This backtest", times, equity),
                    ("Buy and hold", times, told.get("benchmark") or []),
                ],
            ),
        ),
    ]
    return [(title, one) for title, one in made if one is not None]


def _filled(name: str, label: str, look: str, told: Mapping[str, Any]) -> Plot | None:
    values = numbers(told[name.lower()])
    line = Curve(name, look, told["time"], values)
    return plot(label, [line], shown=_percent, day=day_of, floor_at=0.0, is_filled=True)


def months(document: Mapping[str, Any]) -> list[MonthRow]:
    """Return the monthly returns a year, newest year first."""
    by_year: dict[int, list[float | None]] = {}
    for year, month, value in document["months"]:
        by_year.setdefault(int(year), [None] * 12)[int(month) - 1] = number(value)
    rows = []
    for year, values in sorted(by_year.items(), reverse=True):
        total = 1.0
        for value in values:
            total *= 1 + (value or 0.0)
        rows.append(MonthRow(year, tuple(values), total - 1))
    return rows


def curve_plot(title: str, folds: Sequence[Curve]) -> Plot | None:
    """Draw curves that follow each other, such as those of the folds of a walk-forward."""
    return plot(title, folds, shown=_money, day=day_of)


def return_plot(
    title: str, lines: Sequence[tuple[str, Sequence[float], Sequence[Any]]]
) -> Plot | None:
    """Draw several equity curves as returns since their own beginnings."""
    made = []
    for n, (name, times, values) in enumerate(lines):
        known = numbers(values)
        first = next((one for one in known if one), None)
        if first is not None and len(known) == len(times):
            shares = [None if one is None else one / first - 1 for one in known]
            made.append(Curve(name, LOOKS[n % len(LOOKS)], times, shares))
    return plot(title, made, shown=_percent, day=day_of)


LOOKS = ("first", "second", "third", "fourth", "fifth", "sixth")


def number(value: Any) -> float | None:
    """Return what the report has as text or number; None where it has nothing."""
    return None if value is None or value == "" else float(value)


def numbers(values: Sequence[Any]) -> list[float | None]:
    return [number(one) for one in values]


def day_of(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d")


def _money(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.2f}"


def _percent(value: float) -> str:
    places = 0 if abs(value * 100) >= 10 or round(value * 100, 6) == round(value * 100) else 1
    return f"{value * 100:,.{places}f} %"
