"""Backtests, sweeps and walk-forwards in one list, newest first, filtered by the address."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.urls import reverse

from markets.selectors_spans import AT, LONGEST_NAME
from mystic.models import User
from trading.models import BacktestRun, Sweep
from trading.research_shown import Figure, figure
from trading.selectors_research import runs_for
from trading.selectors_sweeps import sweeps_for

PAGE = 30
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
KINDS = (
    ("", "All"),
    ("backtest", "Backtests"),
    ("sweep", "Sweeps"),
    ("walk_forward", "Walk-forwards"),
)
STATES = (
    ("", "All"),
    ("working", "Waiting or running"),
    ("ready", "Ready"),
    ("failed", "Failed or canceled"),
)
OF_STATE = {
    "working": ("waiting", "running"),
    "ready": ("ready",),
    "failed": ("failed", "canceled"),
}
SHOWN = ("return", "sharpe", "max_drawdown", "trades")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks of the list."""

    kind: str = ""
    strategy: str = ""
    symbol: str = ""
    state: str = ""
    is_archived: bool = False

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> "Filters":
        kind, state = sent.get("kind", ""), sent.get("state", "")
        return cls(
            kind=kind if kind in dict(KINDS) else "",
            strategy=sent.get("strategy", "")[:80].replace("\x00", ""),
            symbol=_symbol(sent.get("symbol", "")),
            state=state if state in OF_STATE else "",
            is_archived=sent.get("archived") == "yes",
        )

    def query(self, **changed: str) -> str:
        """Return the address of the same list with something changed."""
        told = {
            "kind": self.kind,
            "strategy": self.strategy,
            "symbol": self.symbol,
            "state": self.state,
            "archived": "yes" if self.is_archived else "",
        } | changed
        return urlencode({name: value for name, value in told.items() if value})

    @property
    def is_any(self) -> bool:
        return bool(self.kind or self.strategy or self.symbol or self.state or self.is_archived)


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list."""

    research: BacktestRun | Sweep
    kind: str
    kind_name: str
    address: str
    figures: tuple[Figure, ...]
    is_out_of_sample: bool = False
    key: tuple[datetime, int, int] = (EPOCH, 0, 0)

    @property
    def cursor(self) -> str:
        moment, rank, pk = self.key
        return f"{(moment - EPOCH) // MICROSECOND}.{rank}.{pk}"


def _symbol(text: str) -> str:
    """Return a symbol as runs have it: `BTC/USDT`, or `BTC/USDT@import:mine`."""
    symbol, at, code = text.strip()[:LONGEST_NAME].replace("\x00", "").partition(AT)
    return f"{symbol.upper()}{at}{code.lower()}"


def listed(*, user: User, filters: Filters, before: str = "") -> tuple[list[Listed], str]:
    """Return one page of the user's research, and what the address of the next begins with."""
    cursor = _cursor(before)
    rows: list[Listed] = []
    if filters.kind in ("", "backtest"):
        runs = _filtered(runs_for(user=user, is_archived=filters.is_archived), filters)
        rows += [of_run(one) for one in _page(runs, 1, cursor)]
    if filters.kind != "backtest":
        sweeps = _filtered(sweeps_for(user=user, is_archived=filters.is_archived), filters)
        if filters.kind:
            sweeps = sweeps.filter(kind=filters.kind)
        rows += [of_sweep(one) for one in _page(sweeps, 0, cursor)]
    rows.sort(key=lambda one: one.key, reverse=True)
    is_more = len(rows) > PAGE
    return rows[:PAGE], rows[PAGE - 1].cursor if is_more else ""


def of_run(run: BacktestRun) -> Listed:
    """Return a backtest as a line."""
    metrics: Mapping[str, Any] = run.result.metrics if hasattr(run, "result") else {}
    return Listed(
        run,
        "backtest",
        "Backtest",
        reverse("backtest", args=[run.pk]),
        tuple(figure(name, metrics) for name in SHOWN),
        key=(run.created_at, 1, run.pk),
    )


def of_sweep(sweep: Sweep) -> Listed:
    """Return a sweep or a walk-forward as a line; of the latter what the choice never saw."""
    is_walk = sweep.kind == Sweep.Kind.WALK_FORWARD
    metrics = sweep_metrics(sweep)
    return Listed(
        sweep,
        sweep.kind,
        str(sweep.get_kind_display()).capitalize(),
        reverse("sweep", args=[sweep.pk]),
        tuple(figure(name, metrics) for name in SHOWN),
        is_out_of_sample=is_walk,
        key=(sweep.created_at, 0, sweep.pk),
    )


def sweep_metrics(sweep: Sweep) -> Mapping[str, Any]:
    """Return the figures a search is judged by: out of sample, else of the recommended point."""
    summary: Mapping[str, Any] = sweep.summary
    told = summary.get("out_of_sample") or summary.get("recommended") or {}
    metrics: Mapping[str, Any] = told.get("metrics") or {}
    return metrics


def _filtered[Rows: QuerySet[Any]](rows: Rows, filters: Filters) -> Rows:
    if filters.strategy:
        rows = rows.filter(Q(strategy__name=filters.strategy) | Q(class_name=filters.strategy))
    if filters.symbol:
        rows = rows.annotate(symbols_text=Cast("symbols", TextField())).filter(
            symbols_text__contains=f'"{filters.symbol}"'
        )
    if filters.state:
        rows = rows.filter(state__in=OF_STATE[filters.state])
    return rows


def _page[Row: (BacktestRun, Sweep)](
    rows: QuerySet[Row], rank: int, cursor: tuple[datetime, int, int] | None
) -> Iterable[Row]:
    """Return the rows after the cursor in the order of (moment, kind, id), one more than a page."""
    if cursor is not None:
        moment, other, pk = cursor
        after = Q(created_at__lt=moment)
        if rank < other:
            after |= Q(created_at=moment)
        elif rank == other:
            after |= Q(created_at=moment, pk__lt=pk)
        rows = rows.filter(after)
    return rows.order_by("-created_at", "-pk")[: PAGE + 1]


def _cursor(text: str) -> tuple[datetime, int, int] | None:
    parts = text.split(".")
    if len(parts) != 3 or not all(one.isascii() and one.isdigit() for one in parts):
        return None
    micro, rank, pk = (int(one[:18]) for one in parts)
    if micro > 4_000_000_000_000_000:
        return None
    return EPOCH + micro * MICROSECOND, rank, pk
