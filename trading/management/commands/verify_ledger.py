"""`manage.py verify_ledger`: recompute every balance from the entries."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from trading.models import LedgerEntry
from trading.services.ledger import ledger_verify


class Command(BaseCommand):
    """Compare every balance, holding and reserve with the entries that made it."""

    help = "Recompute every balance of the ledger; fails where one differs."

    def handle(self, *args: Any, **options: Any) -> None:
        faults = ledger_verify()
        if faults:
            raise CommandError("The ledger does not add up:\n" + "\n".join(faults))
        self.stdout.write(f"The ledger adds up: {LedgerEntry.objects.count()} entries.")
