"""A report as files: trades and equity as CSV, all of it as JSON, or a page that prints."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from trading.backtest.document import canonical
from trading.drawing import HEIGHT, WIDTH, Plot
from trading.performance.catalogue import METRICS
from trading.research_robust import SIGNAL_ABOUT, SIGNAL_TITLE, signal_words
from trading.research_shown import curves, figure

CSV, JSON, HTML = "text/csv", "application/json", "text/html"
TRADE_COLUMNS = (
    *("number", "symbol", "side", "decided_at", "opened_at", "closed_at", "bars", "quantity"),
    *("entry_price", "stop", "take", "exit_price", "fees", "carry", "profit", "return", "mae"),
    *("mfe", "leave", "reason", "is_ambiguous", "other_profit"),
)
TIMES = {"decided_at", "opened_at", "closed_at", "time"}
ADDED = {"luck", "again"}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
WORDS = {"symbol", "side", "leave", "reason"}
STYLE = """
body{font:14px/1.45 system-ui,sans-serif;color:#111;background:#fff;
max-width:60rem;margin:2rem auto}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:1.6rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.2rem .5rem;border-bottom:1px solid #ddd}
td.n{text-align:right}svg{width:100%;height:14rem;border:1px solid #ddd}
polyline{fill:none;stroke-width:1.5;vector-effect:non-scaling-stroke}
.first{stroke:#1f5fbf}.second{stroke:#888}.third{stroke:#2a7a4b}.loss{stroke:#b3261e}
polygon{opacity:.2;stroke:none;fill:#b3261e}.warn{color:#8a4b00}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}}
"""


def trades_csv(document: Mapping[str, Any]) -> bytes:
    """Return a line for each trade."""
    rows = ([_cell(name, one.get(name)) for name in TRADE_COLUMNS] for one in document["trades"])
    return _csv(TRADE_COLUMNS, rows)


def equity_csv(document: Mapping[str, Any]) -> bytes:
    """Return a line for each point of the curve."""
    told = document["equity"]
    names = [one for one in ("time", "equity", "drawdown", "exposure", "benchmark") if one in told]
    rows = zip(*(told[name] for name in names), strict=True)
    return _csv(names, ([_cell(*pair) for pair in zip(names, row, strict=True)] for row in rows))


def report_json(document: Mapping[str, Any]) -> bytes:
    """Return the stored bytes of a report: what was added when it was read is left out."""
    return canonical({key: value for key, value in document.items() if key not in ADDED})


def report_html(document: Mapping[str, Any]) -> bytes:
    """Return a page that stands alone: no script, nothing loaded, ready to be printed."""
    strategy = document["strategy"]
    title = f"{strategy['name']} on {', '.join(document['symbols'])}"
    span = document["span"]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f"<p>{_when(span['first_bar'])} to {_when(span['last_bar'])} UTC, {span['bars']:,} bars. ",
        f"Version {escape(str(strategy['version']))}, digest {document['digest']}.</p>",
        f"<p>{escape(again['sentence'])}</p>" if (again := document.get("again")) else "",
        *(f'<p class="warn">{escape(one)}</p>' for one in document["warnings"]),
        "<h2>Figures</h2>",
        _figures(document),
        *(f"<h2>{escape(name)}</h2>{_svg(one)}" for name, one in curves(document)),
        "<h2>Parameters</h2>",
        _table(("Name", "Value"), strategy["params"].items()),
        "<h2>What was assumed</h2><ul>",
        *(f"<li>{escape(one)}</li>" for one in document["sentences"]),
        "</ul>",
        _signals(document),
        f"<h2>Trades ({len(document['trades']):,})</h2>",
        _table(
            TRADE_COLUMNS, ([_cell(n, t.get(n)) for n in TRADE_COLUMNS] for t in document["trades"])
        ),
        "</body></html>",
    ]
    return "".join(parts).encode()


def _figures(document: Mapping[str, Any]) -> str:
    currency = str(document["assumptions"]["currency"])
    rows = []
    for name, metric in METRICS.items():
        shown = figure(name, document["metrics"], currency)
        rows.append((metric.label, shown.text, metric.about))
    return _table(("Figure", "Value", "What it says"), rows)


def _signals(document: Mapping[str, Any]) -> str:
    """Return what the bars held tell of the signal; nothing in a report that has no such test."""
    tests = (document.get("robustness") or {}).get("signal") or []
    rows = ((one["symbol"], *signal_words(one)) for one in tests)
    head = ("Symbol", "In the market", "p-value", "What it says")
    return f"<h2>{SIGNAL_TITLE}</h2><p>{SIGNAL_ABOUT}</p>{_table(head, rows)}" if tests else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    top = "".join(f"<th>{escape(one)}</th>" for one in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(one))}</td>" for one in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _svg(plot: Plot) -> str:
    areas = "".join(f'<polygon points="{one.points}"/>' for one in plot.areas)
    lines = "".join(f'<polyline class="{one.look}" points="{one.points}"/>' for one in plot.lines)
    legend = ", ".join(one.name for one in plot.lines)
    rungs = " · ".join(escape(one.text) for one in plot.rungs)
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" role="img">'
        f"<title>{escape(plot.label)}</title>{areas}{lines}</svg>"
        f"<p>{escape(legend)}. From top to bottom: {rungs}.</p>"
    )


def _csv(head: Sequence[str], rows: Iterable[Iterable[Any]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(head)
    writer.writerows(rows)
    return file.getvalue().encode()


def _cell(name: str, value: Any) -> Any:
    """Return a value as a sheet shows it; text never begins a formula."""
    if value is None:
        return ""
    if name in TIMES:
        return f"{datetime.fromtimestamp(value, tz=UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in WORDS and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _when(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, tz=UTC):%Y-%m-%d %H:%M}"
