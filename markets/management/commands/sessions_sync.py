"""`manage.py sessions_sync`: write the trading days of the markets, a year back and ahead."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from markets.services.sessions import SessionsError, sessions_span, sessions_sync


class Command(BaseCommand):
    help = "Write the trading days of the markets, a year back and a year ahead."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "calendars",
            nargs="*",
            help="names of exchange_calendars such as XNYS; by default those of the instruments",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counts = sessions_sync(options["calendars"] or None)
        except SessionsError as fault:
            raise CommandError(str(fault)) from fault
        for name, count in counts.items():
            span = sessions_span(name)
            about = "" if span is None else f", {span[0]} to {span[1]}"
            self.stdout.write(f"{name}: {count} days of trading{about}")
