"""`manage.py making_backtest FILE`: quote on a recorded stream and say what came of it."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mystic.lib.units import AmountError, parse_amount, shown, to_units
from signals.making import (
    Cancels,
    FillModel,
    Grid,
    Parameters,
    ParametersError,
    Report,
    simulate,
)
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
MODELS = {
    FillModel.STRICT: (
        "filled where a trade or the other side's best price goes strictly beyond the order",
    ),
    FillModel.QUEUE: (
        "filled as by strict, and where trades at its price have taken all that stood ahead of it",
        "an order joins behind all that is shown at its price as it arrives",
        "what vanishes without a trade was cancelled, ahead and behind by f = {cancels}",
        "depth comes every 100 ms, so a place is known only so well; sizes not shown are not there",
    ),
}
ALWAYS = (
    "at most what was traded or shown is filled; the rest goes on resting",
    "quotes arrive {latency} ms after they were decided on; the old ones are hit meanwhile",
    "our orders change nothing in the market; stops of the account are not part of it",
)


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
        parser.add_argument(
            "--model", choices=list(FillModel), default=FillModel.STRICT, type=FillModel
        )
        parser.add_argument(
            "--cancels",
            default="1",
            help="queue: n of x^n by which cancelled size is shared out, or log for log(1 + x)",
        )
        for name, value in FIGURES.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=value)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            cancels = _cancels(options["cancels"], options["step"])
            report = _report(options, cancels)
        except (AmountError, ParametersError, ValueError, OSError) as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(_assumed(report.model, cancels, options["latency_ms"]))
        self.stdout.write(_told(report))


def _cancels(text: str, step: str) -> Cancels:
    """Return how cancelled size is shared out, in lots of one step."""
    lot = max(1, to_units(parse_amount(step), SCALE))
    if text == "log":
        return Cancels(None, lot)
    try:
        power = float(text)
    except ValueError:
        power = 0.0
    if not 0.1 <= power <= 10:
        message = f"--cancels is log, or a power from 0.1 to 10, not {text}"
        raise ValueError(message)
    return Cancels(power, lot)


def _assumed(model: FillModel, cancels: Cancels, latency_ms: int) -> str:
    """Return what the figures take for granted, a line each."""
    told = (one.format(cancels=cancels, latency=latency_ms) for one in (*MODELS[model], *ALWAYS))
    return "\n".join(f"assumed: {one}" for one in told)


def _report(options: dict[str, Any], cancels: Cancels) -> Report:
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
            model=options["model"],
            cancels=cancels,
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
        "most held": shown(max((held for _, held in report.path), default=0), SCALE),
        "waited, median and longest": _waited(report),
    }
    for horizon, after in report.after.items():
        mean = "-" if after.mean_ppm is None else f"{after.mean_ppm / 100:+.2f} bps"
        rows[f"mid {horizon // 1000} s after a fill"] = f"{mean} ({after.fills} fills)"
    return "\n".join(f"{name:<28}{value}" for name, value in rows.items())


def _waited(report: Report) -> str:
    if report.wait_ms is None:
        return "-"
    middle, longest = report.wait_ms
    return f"{middle / 1000:.1f} s, {longest / 1000:.1f} s"
