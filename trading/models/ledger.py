"""The double-entry ledger: pots, and the amounts that moved between them."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from mystic.lib.append_only import AppendOnly
from mystic.lib.money import UnitsField
from trading.models.accounts import Account
from trading.models.orders import Fill, Order


class LedgerAccount(models.Model):
    """One pot of one asset; the sum of every pot of an asset is zero at all times.

    `venue` and `funding` are the outside world and may be negative; a user's pots may not.
    """

    class Kind(models.TextChoices):
        CASH = "cash"
        RESERVED = "reserved"
        VENUE = "venue"
        FEES = "fees"
        FUNDING = "funding"

    account = models.ForeignKey(Account, models.PROTECT, related_name="pots")
    asset = models.CharField(max_length=20)
    scale = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=8, choices=Kind)
    balance = UnitsField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "asset", "kind"], name="pot_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["venue", "funding"]) | Q(balance__gte=0),
                name="pot_never_overdrawn",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.asset}: {self.balance}"


class LedgerEntry(AppendOnly):
    """One amount that left one pot and entered another; append-only, balanced by its shape."""

    key = models.CharField(max_length=80, unique=True)
    debit = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="entries_out")
    credit = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="entries_in")
    amount = UnitsField()
    fill = models.ForeignKey(
        Fill, models.PROTECT, null=True, blank=True, related_name="ledger_entries"
    )
    order = models.ForeignKey(
        Order, models.PROTECT, null=True, blank=True, related_name="ledger_entries"
    )
    memo = models.CharField(max_length=60)
    booked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="ledger_amount_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="ledger_two_pots"),
        ]
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"{self.memo}: {self.amount}"
