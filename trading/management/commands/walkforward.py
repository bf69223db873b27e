"""`manage.py walkforward`: choose on the bars before, judge on the bars after, again and again."""

from typing import Any

from django.core.management.base import CommandParser

from trading.backtest.folds import CHOICES, SCHEMES
from trading.management.searching import TOLD, SearchCommand, said, said_point
from trading.models import Sweep

NAMES = ("scheme", "train_days", "test_days", "purge_bars", "hold_bars", "embargo_days", "choose")


class Command(SearchCommand):
    help = "Optimise a strategy and judge the choice on bars that it never saw."
    kind = Sweep.Kind.WALK_FORWARD

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--scheme", default="rolling", choices=SCHEMES)
        parser.add_argument("--train-days", type=int, default=90)
        parser.add_argument("--test-days", type=int, default=30)
        parser.add_argument("--purge-bars", type=int, default=0)
        parser.add_argument("--hold-bars", type=int, default=0)
        parser.add_argument("--embargo-days", type=int, default=0)
        parser.add_argument("--choose", default="stability", choices=CHOICES)

    def windows(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the windows that were asked for."""
        return {name: options[name] for name in NAMES}

    def show(self, sweep: Sweep) -> None:
        """Print the folds, then the curve outside as the headline."""
        summary = sweep.summary
        self.counts(sweep)
        heading = ["fold", "chosen", f"{sweep.objective} inside", "outside", "return", "trades"]
        rows = [
            [
                str(one["number"]),
                said_point(one["chosen"] or {}) or "none",
                said(one["in_sample_objective"]),
                said(one["objective"]),
                said(one["return"]),
                said(one["trades"]),
            ]
            for one in summary["folds"]
        ]
        self.table([heading, *rows])
        outside = summary["out_of_sample"]["metrics"]
        told = ", ".join(f"{name} {said(outside[name])}" for name in TOLD)
        self.stdout.write(f"outside: {told}")
        efficiency = summary["efficiency"]
        self.stdout.write(f"efficiency: {said(efficiency['growth'])} of the growth inside")
        self.stdout.write(summary["verdict"]["sentence"])
        for one in summary["sentences"]:
            self.stdout.write(one)
