"""What `manage.py sweep` and `walkforward` share: read what is asked, wait with a bar, show it."""

import os
import socket
import threading
from abc import abstractmethod
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from markets import history
from mystic.models import User
from signals.models import Strategy
from signals.selectors_rules import seen_by
from trading.models import Sweep
from trading.selectors_sweeps import trial_counts
from trading.services.research_errors import ResearchError
from trading.services.sweeps import sweep_cancel, sweep_start
from trading.services.trials import sweep_work

WIDTH = 40
PATIENCE_S = 0.5
SHOWN = 10
TOLD = ("sharpe", "return", "max_drawdown", "trades")


class SearchCommand(BaseCommand):
    """A command that makes one search to its end, beside whatever workers run."""

    requires_system_checks = ()
    kind = Sweep.Kind.SWEEP

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("strategy", help="number of a strategy, or the name of its class")
        parser.add_argument("symbols", nargs="+", help="such as BTC/USDT")
        parser.add_argument("--user", required=True, help="whose search it is")
        parser.add_argument("--from", dest="first", required=True, help="2026-01-01T00:00Z")
        parser.add_argument("--through", dest="last", required=True, help="the last bar")
        parser.add_argument(
            "--vary",
            action="append",
            default=[],
            metavar="NAME[=5..30..5|=5,10,20]",
            help="what varies: its own bounds, from..to..step, or values with commas",
        )
        parser.add_argument("--where", action="append", default=[], help='such as "fast < slow"')
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
        parser.add_argument("--assume", action="append", default=[], metavar="NAME=VALUE")
        parser.add_argument("--method", default="grid", choices=Sweep.Method.values)
        parser.add_argument("--points", type=int, help="of a random or TPE search")
        parser.add_argument("--objective", default="sharpe", help="a figure of docs/metrics.md")
        parser.add_argument("--min-trades", type=int, default=10)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--name", default="")
        parser.add_argument(
            "--leave", action="store_true", help="ask only: workers of the platform make it"
        )

    def windows(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the windows of a walk-forward."""
        return {}

    @abstractmethod
    def show(self, sweep: Sweep) -> None:
        """Print what came of an ended search."""

    def handle(self, *args: Any, **options: Any) -> None:
        sweep = self._asked(options)
        self.stdout.write(f"search {sweep.pk} of {sweep.class_name}: {sweep.points} points")
        if options["leave"]:
            return
        try:
            self._wait(sweep)
        except KeyboardInterrupt:
            sweep_cancel(sweep=sweep, actor=options["user"])
            raise CommandError("The search is canceled; its trials stay.") from None
        if sweep.state != Sweep.State.READY:
            raise CommandError(sweep.error or f"the search is {sweep.state}")
        self.show(sweep)

    def _asked(self, options: dict[str, Any]) -> Sweep:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"there is no user {options['user']}")
        space = dict(_dimension(one) for one in options["vary"])
        if options["where"]:
            space["where"] = options["where"]
        try:
            return sweep_start(
                user=user,
                strategy=_strategy(user, options["strategy"]),
                symbols=options["symbols"],
                from_open=history.time_read(options["first"], "from"),
                through_open=history.time_read(options["last"], "through"),
                space=space,
                kind=self.kind,
                walk=self.windows(options),
                params=dict(_pair(one) for one in options["set"]),
                assumptions=dict(_pair(one) for one in options["assume"]),
                **{
                    name: options[name]
                    for name in ("method", "points", "objective", "min_trades", "seed", "name")
                },
            )
        except history.SpanError as fault:
            raise CommandError(fault.detail) from None
        except ResearchError as fault:
            raise CommandError(f"{fault.place or '/'}: {fault}") from None

    def _wait(self, sweep: Sweep) -> None:
        worker = f"{socket.gethostname()[:20]}:{os.getpid()}"
        pause = threading.Event()
        while not sweep.is_ended:
            if not sweep_work(sweep, worker):
                pause.wait(PATIENCE_S)  # others have the rest in hand
            sweep.refresh_from_db()
            self._bar(sweep)
        if self._has_terminal():
            self.stdout.write("")

    def _bar(self, sweep: Sweep) -> None:
        if not self._has_terminal():
            return
        full = round(sweep.progress * WIDTH)
        told = sweep.stage or sweep.state
        self.stdout.write(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {told:<40}", ending="")
        self.stdout.flush()

    def _has_terminal(self) -> bool:
        return bool(self.stdout.isatty())

    def table(self, rows: list[list[str]]) -> None:
        """Print rows in columns; the first is their heading."""
        wide = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
        for row in rows:
            self.stdout.write(
                "  ".join(one.rjust(size) for one, size in zip(row, wide, strict=True))
            )

    def counts(self, sweep: Sweep) -> None:
        """Print how many trials were made."""
        found = trial_counts(sweep)
        self.stdout.write(f"{found['done']} trials made, {found['failed']} failed")


def said(value: object) -> str:
    """Return a figure as the tables show it."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def said_point(params: dict[str, Any]) -> str:
    return " ".join(
        f"{name.removeprefix('assumptions.')}={params[name]}" for name in sorted(params)
    )


def _strategy(user: User, word: str) -> Strategy:
    seen = Strategy.objects.filter(seen_by(user), is_active=True)
    rows = seen.filter(pk=int(word)) if word.isdigit() else seen.filter(class_name=word)
    found = list(rows[:2])
    if len(found) != 1:
        many = "several strategies are" if found else "no strategy is"
        raise CommandError(f"{many} called {word}; give the number of one")
    return found[0]


def _dimension(text: str) -> tuple[str, dict[str, Any]]:
    name, _, told = text.partition("=")
    if not told:
        return name, {}
    if ".." not in told:
        return name, {"values": [_value(one) for one in told.split(",")]}
    parts = told.split("..")
    if not 2 <= len(parts) <= 3:
        raise CommandError(f"--vary {name} wants from..to..step, not {told}")
    return name, dict(zip(("low", "high", "step"), map(_value, parts), strict=False))


def _pair(text: str) -> tuple[str, Any]:
    name, sign, told = text.partition("=")
    if not sign:
        raise CommandError(f"{text} wants NAME=VALUE")
    return name, _value(told)


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)
