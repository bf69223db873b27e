"""What is left when trading costs more than assumed: the variants to run, and how to read them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

BASE = "base"


class Stressable(Protocol):
    """Assumptions that can be made worse: a frozen dataclass with these three."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def fee_milli(self) -> int: ...
    @property
    def slippage_milli(self) -> int: ...
    @property
    def delay_bars(self) -> int: ...


LABELS = {
    BASE: "as assumed",
    "fees": "2 x fees",
    "slippage": "2 x slippage",
    "late": "one bar late",
    "all": "all of it",
}


def variants[A: Stressable](assumptions: A) -> dict[str, A]:
    """Return the assumptions to run, by their names in LABELS, the base first."""
    fees = 2 * assumptions.fee_milli
    slippage = 2 * assumptions.slippage_milli
    late = assumptions.delay_bars + 1
    return {
        BASE: assumptions,
        "fees": replace(assumptions, fee_milli=fees),
        "slippage": replace(assumptions, slippage_milli=slippage),
        "late": replace(assumptions, delay_bars=late),
        "all": replace(assumptions, fee_milli=fees, slippage_milli=slippage, delay_bars=late),
    }


@dataclass(frozen=True, slots=True)
class Stress:
    """One line of the stress table; `kept` is the share of the base's profit that is left."""

    name: str
    label: str
    net_profit: float
    kept: float | None
    sharpe: float | None
    max_drawdown: float | None
    trades: float | None

    @property
    def is_profitable(self) -> bool:
        """Say whether anything was earned."""
        return self.net_profit > 0


@dataclass(frozen=True, slots=True)
class StressTable:
    """All lines, the base first, and what they say.

    `fee_room` and `slippage_room` estimate how many times the assumed cost takes the whole
    profit, on the straight line between the base and twice the cost; None where that cost takes
    nothing or there is no profit to take.
    """

    lines: tuple[Stress, ...]
    fee_room: float | None
    slippage_room: float | None
    sentence: str


def stress_table(results: Mapping[str, Mapping[str, float | None]]) -> StressTable:
    """Read the metrics of each variant that was run, by name; the base must be among them."""
    base = results[BASE]["net_profit"] or 0.0
    lines = tuple(_line(name, results[name], base) for name in LABELS if name in results)
    by_name = {line.name: line for line in lines}
    return StressTable(
        lines=lines,
        fee_room=_room(base, by_name.get("fees")),
        slippage_room=_room(base, by_name.get("slippage")),
        sentence=_sentence(lines),
    )


def _line(name: str, metrics: Mapping[str, float | None], base: float) -> Stress:
    profit = metrics["net_profit"] or 0.0
    return Stress(
        name=name,
        label=LABELS[name],
        net_profit=profit,
        kept=profit / base if base > 0 else None,
        sharpe=metrics.get("sharpe"),
        max_drawdown=metrics.get("max_drawdown"),
        trades=metrics.get("trades"),
    )


def _room(base: float, doubled: Stress | None) -> float | None:
    if doubled is None or base <= 0 or doubled.net_profit >= base:
        return None
    return 1.0 + base / (base - doubled.net_profit)


def _sentence(lines: tuple[Stress, ...]) -> str:
    base, *worse = lines
    if not base.is_profitable:
        return "there is no profit to stress: the run loses as assumed"
    lost = [line.label for line in worse if not line.is_profitable]
    if not worse:
        return "nothing was stressed: run the variants first"
    if not lost:
        return f"the profit survives every variant that was run ({len(worse)})"
    return f"the profit does not survive: {', '.join(lost)}"
