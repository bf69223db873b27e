"""A result by symbol and by regime, as tables of words."""

from collections.abc import Mapping, Sequence
from typing import Any

from trading.research_shown import NOTHING, number

Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


def breakdowns(document: Mapping[str, Any]) -> list[Table]:
    """Return each table with its title and its columns."""
    currency = str(document["assumptions"].get("currency", ""))
    made = []
    if document["symbols_table"]:
        made.append(_by_symbol(document["symbols_table"], currency))
    if document["regimes"]:
        made.append(_by_regime(document["regimes"]))
    return made


def _by_symbol(rows: Sequence[Mapping[str, Any]], currency: str) -> Table:
    columns = (
        "Symbol",
        "Trades",
        "Won",
        f"Profit, {currency}",
        f"Fees, {currency}",
        "Buy and hold",
    )
    return (
        "By symbol",
        columns,
        [
            (
                str(one["symbol"]),
                f"{one['trades']:,}" + (f" + {one['open']} open" if one["open"] else ""),
                _percent(one["win_rate"]),
                _money(one["profit"]),
                _money(one["fees"]).lstrip("+"),
                _percent(one["buy_and_hold"]),
            )
            for one in rows
        ],
    )


def _by_regime(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = ("Regime", "Days", "Return", "Sharpe", "Trades", "Won")
    return (
        "By regime of the market",
        columns,
        [
            (
                _regime(one),
                f"{one.get('days', 0):,}",
                _percent(one.get("return")),
                _ratio(one.get("sharpe")),
                f"{one.get('trades') or 0:,.0f}",
                _percent(one.get("win_rate")),
            )
            for one in rows
        ],
    )


def _regime(one: Mapping[str, Any]) -> str:
    trend, volatility = str(one.get("trend", "")), str(one.get("volatility", ""))
    if "unknown" in (trend, volatility):
        return f"{trend}, volatility not known yet" if trend != "unknown" else "Not known yet"
    return f"{trend.capitalize()}, {volatility} volatility"


def refused(document: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return what the risk check refused, the most frequent first: `min notional`, 60."""
    told: Mapping[str, int] = document["denied"]
    named = {code.removeprefix("risk_").replace("_", " "): count for code, count in told.items()}
    return sorted(named.items(), key=lambda one: -one[1])


def _percent(value: Any) -> str:
    found = number(value)
    return NOTHING if found is None else f"{found * 100:,.2f} %"


def _ratio(value: Any) -> str:
    found = number(value)
    return NOTHING if found is None else f"{found:,.2f}"


def _money(value: Any) -> str:
    found = number(value)
    return NOTHING if found is None else f"{found:+,.2f}" if found else "0.00"
