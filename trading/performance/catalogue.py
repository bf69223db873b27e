"""Every figure of a run: its name, how it is shown, and one sentence of what it says."""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a figure counts."""

    MONEY = "money"  # of the account's currency
    FRACTION = "fraction"  # 0.1 is 10 %
    RATIO = "ratio"
    DAYS = "days"
    COUNT = "count"
    BARS = "bars"
    YEARLY = "times a year"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: `better` is `higher`, `lower` or `none`."""

    name: str
    label: str
    unit: Unit
    about: str
    better: str = "higher"


_ALL = (
    Metric("final_equity", "Final equity", Unit.MONEY, "What the account was worth at the end."),
    Metric("net_profit", "Net profit", Unit.MONEY, "Final equity less what it began with."),
    Metric("return", "Return", Unit.FRACTION, "Net profit by what the account began with."),
    Metric("cagr", "Yearly growth", Unit.FRACTION, "The return a year, compounded (CAGR)."),
    Metric(
        "volatility",
        "Volatility",
        Unit.FRACTION,
        "How far daily returns scatter around their mean, a year.",
        "lower",
    ),
    Metric("sharpe", "Sharpe", Unit.RATIO, "Mean return by its scatter, a year."),
    Metric("sortino", "Sortino", Unit.RATIO, "Mean return by the scatter of losses only, a year."),
    Metric("calmar", "Calmar", Unit.RATIO, "Yearly growth by the deepest drawdown."),
    Metric("omega", "Omega", Unit.RATIO, "Sum of daily gains by the sum of daily losses."),
    Metric(
        "max_drawdown",
        "Deepest drawdown",
        Unit.FRACTION,
        "The largest fall from a peak of the daily equity, a negative fraction.",
    ),
    Metric(
        "max_drawdown_days",
        "Longest drawdown",
        Unit.DAYS,
        "The longest time below an earlier peak.",
        "lower",
    ),
    Metric(
        "ulcer",
        "Ulcer index",
        Unit.FRACTION,
        "How deep and how long drawdowns were: the root of their mean square.",
        "lower",
    ),
    Metric(
        "var_5",
        "Value at risk",
        Unit.FRACTION,
        "On one day in twenty the return was below this.",
    ),
    Metric(
        "cvar_5",
        "Expected shortfall",
        Unit.FRACTION,
        "The mean return of the worst twentieth of days.",
    ),
    Metric("trades", "Trades", Unit.COUNT, "How many trades were closed.", "none"),
    Metric("win_rate", "Win rate", Unit.FRACTION, "Share of closed trades with a profit."),
    Metric(
        "profit_factor",
        "Profit factor",
        Unit.RATIO,
        "Sum of what was won by the sum of what was lost.",
    ),
    Metric("expectancy", "Expectancy", Unit.MONEY, "Mean profit of a closed trade, after costs."),
    Metric("payoff", "Payoff", Unit.RATIO, "Average win by average loss."),
    Metric("average_win", "Average win", Unit.MONEY, "Mean profit of the trades that won."),
    Metric(
        "average_loss",
        "Average loss",
        Unit.MONEY,
        "Mean profit of the trades that lost, a negative amount.",
    ),
    Metric("best_trade", "Best trade", Unit.MONEY, "The largest profit of one trade."),
    Metric("worst_trade", "Worst trade", Unit.MONEY, "The smallest profit of one trade."),
    Metric("average_bars", "Bars held", Unit.BARS, "How many bars a trade lasted.", "none"),
    Metric(
        "exposure",
        "Time in the market",
        Unit.FRACTION,
        "Share of the bars at whose close something was held.",
        "none",
    ),
    Metric(
        "turnover",
        "Turnover",
        Unit.YEARLY,
        "What was bought and sold in a year by the mean equity.",
        "lower",
    ),
    Metric("fees_paid", "Fees", Unit.MONEY, "All fees, those of open trades too.", "lower"),
    Metric(
        "carry_paid",
        "Carry",
        Unit.MONEY,
        "Funding and interest paid, less what was received.",
        "lower",
    ),
    Metric(
        "alpha",
        "Alpha",
        Unit.FRACTION,
        "The return a year that holding the same instruments does not explain.",
    ),
    Metric(
        "beta",
        "Beta",
        Unit.RATIO,
        "How far the equity moves when holding the same instruments gains or loses 1 %.",
        "none",
    ),
    Metric(
        "benchmark_return",
        "Buy and hold",
        Unit.FRACTION,
        "The return of buying the same instruments at the start, in equal parts, and holding.",
        "none",
    ),
    Metric(
        "mae_mean",
        "Adverse excursion",
        Unit.FRACTION,
        "The mean of the largest losses while a trade was open, by its cost, a negative fraction.",
    ),
    Metric(
        "mfe_mean",
        "Favourable excursion",
        Unit.FRACTION,
        "The mean of the largest gains while a trade was open, by its cost.",
    ),
    Metric(
        "sqn",
        "System quality",
        Unit.RATIO,
        "Mean profit of a trade by its scatter, times the root of their number (SQN).",
    ),
    Metric(
        "longest_losing_streak",
        "Longest losing streak",
        Unit.COUNT,
        "How many trades in a row lost, at most.",
        "lower",
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
