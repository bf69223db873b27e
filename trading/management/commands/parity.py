"""`manage.py parity`: hold deployments against their strategies run again, and say what differs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading.models import Deployment, ParityReport
from trading.selectors_parity import causes_told, differences_of, passport
from trading.services.parity import parity_report

SHOWN = 20


class Command(BaseCommand):
    help = "Decide again what deployments decided, and report what differs and why."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "deployment", nargs="*", type=int, help="numbers of deployments; all that run without"
        )
        parser.add_argument("--from", type=int, dest="first", help="open of the first bar, UTC s")
        parser.add_argument("--through", type=int, dest="last", help="open of the last bar, UTC s")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = Deployment.objects.select_related("strategy", "account").order_by("pk")
        wanted = options["deployment"]
        rows = rows.filter(pk__in=wanted) if wanted else rows.filter(state=Deployment.State.ACTIVE)
        missing = sorted(set(wanted) - {row.pk for row in rows})
        if missing:
            raise CommandError(f"there is no deployment {missing[0]}; give the number of one")
        for row in rows:
            report = parity_report(
                deployment=row,
                from_open=options["first"],
                through_open=options["last"],
                asked_by="manage.py",
            )
            self.stdout.write(f"{row.pk} {row.strategy.name} on {row.account.name}")
            self._tell(report)

    def _tell(self, report: ParityReport | None) -> None:
        if report is None:
            self.stdout.write("  nothing was decided in this span")
            return
        self.stdout.write(f"  {passport(report).text or 'nothing could be compared'}")
        for words, count in causes_told(report):
            self.stdout.write(f"  {count} x {words}")
        for one in differences_of(report)[:SHOWN]:
            self.stdout.write(f"  {one.instrument.symbol} {one.bar_open} {one.cause}: {one.detail}")
        for note in report.causes["notes"]:
            self.stdout.write(f"  {note}")
