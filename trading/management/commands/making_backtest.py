"""`manage.py making_backtest FILE`: quote on a recorded stream and say what came of it."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mystic.lib.units import AmountError, parse_amount, shown, to_units
from signals.making import Grid, Parameters, ParametersError, Report, simulate
from signals.making.recorded import recorded
from trading.execution.fees import PAPER

SCALE = 8
FIGURES = {
    "risk_aversion": 0.05,
    "horizon_s": 60.0,
    "min_edge_bps": 1.0,
    "order_flow_decay": None,
    "replace_bps": 1.0,
    "memory_s": 300.0,
    "spike": 4.0,
}


class Command(BaseCommand):
    """Run a market maker over a recorded stream of Binance; nothing is stored."""

    help = "Quote both sides of a recorded stream of best prices and trades (docs/strategies)."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="`<ns> <json>` lines, .gz or plain")
        parser.add_argument("--symbol", default="btcusdt", help="as the stream names it")
        for name, usual in (("tick", "0.01"), ("step", "0.00001"), ("order-size", "0.001")):
            parser.add_argument(f"--{name}", default=usual)
        parser.add_argument("--max-inventory", default="0.003")
        parser.add_argument("--fee-ppm", type=int, default=PAPER.maker_ppm, help="of a maker")
        parser.add_argument("--latency-ms", type=int, default=100)
        parser.add_argument("--refresh-ms", type=int, default=1_000)
        for name, value in FIGURES.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=value)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = _report(options)
        except (AmountError, ParametersError, ValueError, OSError) as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(_told(report))


def _report(options: dict[str, Any]) -> Report:
    """Run the simulation that the command line asks for."""
    names = ("tick", "step", "order_size", "max_inventory")
    tick, step, size, most = (to_units(parse_amount(options[name]), SCALE) for name in names)
    figures = {name: options[name] for name in FIGURES}
    parameters = Parameters(size, most, refresh_ms=options["refresh_ms"], **figures)
    with _opened(options["file"]) as lines:
        return simulate(
            recorded(lines, options["symbol"]),
            parameters,
            Grid(tick, step),
            maker_fee_ppm=options["fee_ppm"],
            latency_ms=options["latency_ms"],
        )


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt") as lines:
            yield lines
    else:
        with path.open() as lines:
            yield lines


def _told(report: Report) -> str:
    """Return the report as lines; money in the quote asset."""
    bought = sum(1 for fill in report.fills if fill.is_buy)
    holds = ", ".join(f"{name} {count}" for name, count in report.holds.items()) or "none"
    rows = {
        "seconds": Decimal(f"{report.seconds:.1f}"),
        "decisions, of which quoted": f"{report.decisions}, {report.quoted}",
        "withdrawn": holds,
        "quotes placed": report.placed,
        "bought, sold (fills)": f"{bought}, {len(report.fills) - bought}",
        "held at the end": shown(report.inventory, SCALE),
        "spread captured": shown(report.spread_captured, SCALE),
        "inventory": shown(report.inventory_profit, SCALE),
        "fees": shown(report.fees, SCALE),
        "profit": shown(report.profit, SCALE),
    }
    return "\n".join(f"{name:<28}{value}" for name, value in rows.items())
