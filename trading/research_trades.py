"""The trades of a report as a table: filtered, sorted and cut into pages by the address."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from trading.research_shown import number

PAGE = 50
Key = Callable[[Mapping[str, Any]], Any]
SORTS: dict[str, tuple[str, Key]] = {
    "number": ("Trade", lambda one: one["number"]),
    "symbol": ("Symbol", lambda one: one["symbol"]),
    "opened": ("In", lambda one: one["opened_at"]),
    "closed": ("Out", lambda one: one["closed_at"] or float("inf")),
    "bars": ("Bars", lambda one: one["bars"]),
    "profit": ("Profit after costs", lambda one: number(one["profit"]) or 0.0),
    "return": ("Return", lambda one: number(one["return"]) or 0.0),
    "mae": ("Worst meanwhile", lambda one: number(one["mae"]) or 0.0),
    "mfe": ("Best meanwhile", lambda one: number(one["mfe"]) or 0.0),
    "leave": ("Left by", lambda one: one["leave"]),
}
NUMERIC = {"bars", "profit", "return", "mae", "mfe"}
LEAVES = {
    "signal": "signal",
    "stop": "stop",
    "trailing": "trailing stop",
    "take": "target",
    "reversed": "reversed",
    "flattened": "flattened",
    "open": "still open",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks of the table."""

    symbol: str = ""
    leave: str = ""
    won: str = ""
    sort: str = "number"
    is_descending: bool = False
    page: int = 1

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> "Asked":
        """Read an address; what it cannot mean is left aside."""
        sort, page = sent.get("sort", ""), sent.get("page", "")
        return cls(
            symbol=sent.get("symbol", "")[:80],
            leave=one if (one := sent.get("leave", "")) in LEAVES else "",
            won=one if (one := sent.get("won", "")) in ("yes", "no") else "",
            sort=sort if sort in SORTS else "number",
            is_descending=sent.get("direction") == "down",
            page=int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 7 else 1,
        )

    def query(self, **changed: Any) -> str:
        """Return the address of the same table with something changed."""
        told = {
            "symbol": self.symbol,
            "leave": self.leave,
            "won": self.won,
            "sort": self.sort,
            "direction": "down" if self.is_descending else "up",
            "page": self.page,
        } | changed
        return urlencode({name: value for name, value in told.items() if value not in ("", 1)})


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: what sorts by it, and how it is sorted now."""

    name: str
    label: str
    query: str
    sorted: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class TradeTable:
    """One page of trades, and what leads to the others."""

    asked: Asked
    rows: Sequence[Mapping[str, Any]]
    found: int
    total: int
    symbols: Sequence[str]
    leaves: Sequence[tuple[str, str]]
    headings: Sequence[Heading]
    page: int
    pages: int

    @property
    def newer(self) -> str:
        return self.asked.query(page=self.page - 1) if self.page > 1 else ""

    @property
    def older(self) -> str:
        return self.asked.query(page=self.page + 1) if self.page < self.pages else ""


def trade_table(trades: Sequence[Mapping[str, Any]], asked: Asked) -> TradeTable:
    """Return the page of the trades that is asked for."""
    found = [one for one in trades if _is_asked(one, asked)]
    key = SORTS[asked.sort][1]
    found.sort(key=key, reverse=asked.is_descending)
    pages = max(1, -(-len(found) // PAGE))
    page = min(max(1, asked.page), pages)
    leaves = sorted({str(one["leave"]) for one in trades})
    return TradeTable(
        asked=asked,
        rows=found[(page - 1) * PAGE : page * PAGE],
        found=len(found),
        total=len(trades),
        symbols=sorted({str(one["symbol"]) for one in trades}),
        leaves=[(one, LEAVES.get(one, one)) for one in leaves],
        headings=[_heading(name, asked) for name in SORTS],
        page=page,
        pages=pages,
    )


def _heading(name: str, asked: Asked) -> Heading:
    is_now = asked.sort == name
    direction = "up" if is_now and asked.is_descending else "down" if is_now else "up"
    state = ("descending" if asked.is_descending else "ascending") if is_now else ""
    query = asked.query(sort=name, direction=direction, page=1)
    return Heading(name, SORTS[name][0], query, state, name in NUMERIC)


def _is_asked(trade: Mapping[str, Any], asked: Asked) -> bool:
    is_won = (number(trade["profit"]) or 0.0) > 0
    return (
        (not asked.symbol or trade["symbol"] == asked.symbol)
        and (not asked.leave or trade["leave"] == asked.leave)
        and (not asked.won or is_won == (asked.won == "yes"))
    )
