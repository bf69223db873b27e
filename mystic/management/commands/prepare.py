"""`manage.py prepare`: bring the database to this version; the full shape runs it once at start."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from signals.services.folder import folder_refresh
from signals.services.rules import rules_renew
from signals.services.strategies import strategies_sync
from signals.services.variants import variants_renew


class Command(BaseCommand):
    """Apply migrations and know the strategies of this version."""

    help = "Apply migrations and register the built-in strategies."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        folder_refresh()
        strategies_sync()
        rules_renew()
        variants_renew()
        self.stdout.write("The database is ready.")
