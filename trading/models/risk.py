"""What an account may do, what was decided, and what stops it."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from mystic.lib.money import UnitsField
from trading.models.accounts import Account


class RiskLimit(models.Model):
    """The limits of one account; money in units of the account's currency."""

    account = models.OneToOneField(Account, models.CASCADE, related_name="risk_limit")
    max_position_fraction = models.FloatField(default=0.02, help_text="of equity, notional")
    max_position_notional = UnitsField(help_text="1,000 of the currency unless changed")
    max_open_positions = models.PositiveSmallIntegerField(default=3)
    max_daily_loss = UnitsField(help_text="500 of the currency unless changed")
    max_exposure_fraction = models.FloatField(default=0.5, help_text="of equity, all positions")
    stop_fraction = models.FloatField(default=0.02, help_text="stop distance where none is given")
    take_multiple = models.FloatField(default=3.0, help_text="take-profit in multiples of the risk")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(max_position_notional__gt=0, max_daily_loss__gt=0)
                & Q(max_position_fraction__gt=0, max_position_fraction__lte=1)
                & Q(max_exposure_fraction__gt=0, max_exposure_fraction__lte=1)
                & Q(stop_fraction__gt=0, stop_fraction__lt=1, take_multiple__gt=0),
                name="risk_limits_make_sense",
            ),
        ]

    def __str__(self) -> str:
        return f"limits of {self.account_id}"


class RiskDay(models.Model):
    """One UTC day of one account: the row that every approval locks, and where a halt stands."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="risk_days")
    day = models.DateField()
    opening_equity = UnitsField()
    is_halted = models.BooleanField(default=False)
    halt_reason = models.CharField(max_length=40, blank=True)
    halted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="risk_day_once"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.day}"


class RiskDecision(models.Model):
    """One verdict of the risk engine with everything it saw; no order exists without one."""

    class Verdict(models.TextChoices):
        APPROVED = "approved"
        DENIED = "denied"

    account = models.ForeignKey(Account, models.CASCADE, related_name="risk_decisions")
    verdict = models.CharField(max_length=8, choices=Verdict)
    reason_code = models.CharField(max_length=40)
    detail = models.CharField(max_length=300, blank=True)
    inputs = models.JSONField(default=dict)
    decided_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(help_text="the order must have reached its broker by then")

    def __str__(self) -> str:
        return f"{self.verdict} {self.reason_code}"


class Lock(models.Model):
    """A reason not to trade, with its reach and its end; `account` empty means everybody."""

    class Level(models.TextChoices):
        NO_NEW_ENTRIES = "no_new_entries"
        REDUCE_ONLY = "reduce_only"
        FLATTEN = "flatten"
        HALT = "halt"

    account = models.ForeignKey(
        Account, models.CASCADE, null=True, blank=True, related_name="locks"
    )
    level = models.CharField(max_length=14, choices=Level)
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.level}: {self.reason}"
