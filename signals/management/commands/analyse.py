"""`manage.py analyse`: look for lookahead in a strategy and measure its warm-up."""

import json
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from markets.models import Instrument
from markets.selectors import instrument_by_symbol
from mystic.lib.leases import follow_parent
from signals.columns.compiled import StrategyLike
from signals.models import Strategy
from signals.services.analyses import UNFIT, analysis_make
from signals.services.analysis_work import SECONDS, USUAL_BARS, analysis_of
from signals.services.folder import folder_read
from signals.services.instances import instance_of
from signals.strategies.registry import CLASSES, build

NICENESS = 10


class Command(BaseCommand):
    """Analyse a strategy on stored bars; nothing is written."""

    help = "Look for lookahead in a strategy and measure its warm-up (docs/analysis.md)."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--strategy", help="its number, or the name of its class")
        parser.add_argument("--symbol", help="whose bars: BTC/USDT")
        parser.add_argument("--timeframe", help="of a class, in place of its own: 1h")
        parser.add_argument("--bars", type=int, default=USUAL_BARS, help="newest closed bars")
        parser.add_argument("--seconds", type=float, default=SECONDS, help="what it may take")
        parser.add_argument("--json", action="store_true", help="print everything as JSON")
        parser.add_argument("--row", type=int, help="given by the worker that claimed the row")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["row"] is not None:
            os.nice(NICENESS)
            follow_parent()
            analysis_make(options["row"])
            return
        if not options["strategy"] or not options["symbol"]:
            raise CommandError("Name both: --strategy TrendPullback --symbol BTC/USDT")
        try:
            found = analysis_of(
                _strategy(options["strategy"], options["timeframe"]),
                instrument_by_symbol(options["symbol"]),
                bars=options["bars"],
                seconds=options["seconds"],
            )
        except (*UNFIT, Instrument.DoesNotExist, Strategy.DoesNotExist) as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(json.dumps(found, indent=1) if options["json"] else told(found))
        if found["verdict"] != "clean":
            raise CommandError(found["sentences"][0])


def _strategy(named: str, timeframe: str | None) -> StrategyLike:
    folder_read()
    if named.isascii() and named.isdigit():
        return instance_of(Strategy.objects.get(pk=int(named)))
    if named not in CLASSES:
        message = f"there is no class {named}; there are {', '.join(sorted(CLASSES))}"
        raise CommandError(message)
    return build(named, {}, timeframe=timeframe)


def told(found: dict[str, Any]) -> str:
    """Return an analysis as lines: the sentences, then a row for each column."""
    warm = {one["name"]: one for one in found["warm_up"]["columns"]}
    leaks = {one["name"]: one["leak"] for one in found["lookahead"]["outputs"]}
    names = dict.fromkeys((*leaks, *warm))
    wide = max((len(name) for name in names), default=0)
    lines = [*found["sentences"], ""]
    lines.append(f"{'output':<{wide}}  ahead  derived    exact     1e-9     1e-3")
    for name in names:
        one = warm.get(name)
        ahead = "-" if name not in leaks else "YES" if leaks[name] else "no"
        bars = ("derived", "exact", "near", "rough")
        figures = "".join(f"{_bars(one, key):>9}" for key in bars) if one else ""
        lines.append(f"{name:<{wide}}  {ahead:<5}{figures}")
    return "\n".join(lines)


def _bars(one: dict[str, Any], key: str) -> str:
    return "never" if one[key] is None else str(one[key])
