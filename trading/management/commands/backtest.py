"""`manage.py backtest`: one backtest in this process; nothing is stored."""

from argparse import Namespace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date

from markets import history
from markets.types import TIMEFRAME_SECONDS
from signals.services.shelving import models_shelve
from trading import exports
from trading.performance.catalogue import METRICS
from trading.research_shown import figure
from trading.services.research_alone import Wanted, alone_made
from trading.services.research_errors import ResearchError
from trading.services.research_work import FINAL

WIDTH = 30
WORST_MONTHS = 5
WRITERS = {
    ".json": exports.report_json,
    ".csv": exports.trades_csv,
    ".html": exports.report_html,
}


class Command(BaseCommand):
    help = "Make one backtest here, on stored bars or on files of bars; nothing is stored."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--strategy", required=True, help="a class, its name, or a file of rules (.json)")
        add("--symbols", required=True, help="such as BTC/USDT,ETH/USDT")
        add("--timeframe", choices=list(TIMEFRAME_SECONDS), help="instead of the strategy's own")
        add("--from", dest="start", help="2019-01-01, or a time with a zone; UTC")
        add("--to", dest="end", help="bars that open before it")
        add("--param", action="append", default=[], metavar="NAME=VALUE")
        add("--assume", action="append", default=[], metavar="NAME=VALUE")
        add("--bars", action="append", default=[], type=Path, help="a file (.csv, .parquet) each")
        add("--bars-timeframe", default="1m", choices=list(TIMEFRAME_SECONDS), help="of the files")
        add("--out", action="append", default=[], type=Path, help="report.json, .csv or .html")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = Namespace(**options)
        for path in asked.out:
            if path.suffix not in WRITERS:
                raise CommandError(f"{path} ends in none of {', '.join(WRITERS)}")
        models_shelve()
        try:
            document = alone_made(_wanted(asked), tell=self._bar)
        except ResearchError as fault:
            raise CommandError(f"{fault.place or '/'}: {fault}") from None
        except FINAL as fault:
            raise CommandError(str(fault)) from None
        self._say(document)
        for path in asked.out:
            path.write_bytes(WRITERS[path.suffix](document))
            self.stdout.write(f"{path} is written.")

    def _bar(self, progress: float, stage: str) -> None:
        if not self.stdout.isatty():
            return
        full = round(progress * WIDTH)
        self.stdout.write(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {stage:<36}", ending="")
        self.stdout.flush()

    def _say(self, document: dict[str, Any]) -> None:
        say = self.stdout.write
        if self.stdout.isatty():
            say("")
        strategy, span = document["strategy"], document["span"]
        say(f"{strategy['name']} {strategy['version']} on {', '.join(document['symbols'])}")
        say(f"{_when(span['first_bar'])} to {_when(span['last_bar'])}, {span['bars']:,} bars\n")
        for one in document["sentences"]:
            say(f"- {one}")
        say("")
        currency = document["assumptions"]["currency"]
        for name, metric in METRICS.items():
            shown = figure(name, document["metrics"], currency)
            say(f"{metric.label:<22}{shown.text:>22}")
        worst = sorted(document["months"], key=lambda one: one[2])[:WORST_MONTHS]
        say("\nWorst months")
        for year, month, change in worst:
            say(f"{year}-{month:02d} {100 * change:>10.2f} %")
        for one in document["warnings"]:
            say(f"\nNote: {one}", ending="")
        say(f"\ndigest {document['digest']}")


def _wanted(asked: Namespace) -> Wanted:
    return Wanted(
        strategy=asked.strategy,
        symbols=tuple(one.strip() for one in asked.symbols.split(",") if one.strip()),
        timeframe=asked.timeframe or "",
        start=_moment(asked.start, "from"),
        end=_moment(asked.end, "to"),
        params=dict(_pair(one) for one in asked.param),
        assumptions=dict(_pair(one) for one in asked.assume),
        files=tuple(asked.bars),
        bars_timeframe=TIMEFRAME_SECONDS[asked.bars_timeframe],
    )


def _moment(text: str | None, name: str) -> int | None:
    """Return an epoch second: of a day its beginning, UTC."""
    if text is None:
        return None
    try:
        day = parse_date(text)
        if day is not None:
            return int(datetime.combine(day, time(), UTC).timestamp())
        return history.time_read(text, name)
    except history.SpanError as fault:
        raise CommandError(fault.detail) from None
    except ValueError as fault:
        raise CommandError(f"--{name} {text}: {fault}") from None


def _pair(text: str) -> tuple[str, Any]:
    name, sign, told = text.partition("=")
    if not sign:
        raise CommandError(f"{text} wants NAME=VALUE")
    for kind in (int, float):
        try:
            return name, kind(told)
        except ValueError:
            continue
    return name, {"true": True, "false": False}.get(told.lower(), told)


def _when(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, tz=UTC):%Y-%m-%d %H:%M}"
