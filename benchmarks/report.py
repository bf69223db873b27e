"""What was found, as a table for the terminal, a file for programs, a page for people."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
COLUMNS = ("ours", "peer", "limit", "unit", "ratio", "goal", "met")
PLACE = re.compile(r"(<!-- last run -->\n).*(<!-- end of last run -->)", re.DOTALL)

type Rows = dict[str, dict[str, Any]]


def write(rows: Rows, machine: str, *, is_all: bool) -> None:
    """Replace the rows that were measured, here and on the page; keep the others."""
    old = {} if is_all or not RESULTS.exists() else json.loads(RESULTS.read_text())
    kept = {**old, **rows}
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    text = f"{machine}.\n\n{markdown(kept)}\n"
    PAGE.write_text(PLACE.sub(lambda found: found[1] + text + found[2], PAGE.read_text()))


def table(rows: Rows) -> str:
    """Return the rows in columns."""
    lines = cells(rows)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown(rows: Rows) -> str:
    """Return the rows as the table of the page."""
    head, *body = cells(rows)
    lines = [head, ("---",) * len(head), *((f"`{name}`", *rest) for name, *rest in body)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(rows: Rows) -> list[tuple[str, ...]]:
    head = ("benchmark", *COLUMNS)
    return [head, *((name, *(shown(row[c]) for c in COLUMNS)) for name, row in rows.items())]


def shown(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
    return str(value)
