"""Accounts and the strategies switched on for them."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from signals.models import Strategy


class Account(models.Model):
    """One account of one user; paper and live never share a row or change into each other."""

    class Mode(models.TextChoices):
        PAPER = "paper"
        LIVE = "live"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="trading_accounts"
    )
    name = models.CharField(max_length=60)
    mode = models.CharField(max_length=5, choices=Mode, default=Mode.PAPER)
    currency = models.CharField(max_length=20)
    scale = models.PositiveSmallIntegerField(default=8, help_text="decimal places of the currency")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="account_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Deployment(models.Model):
    """A strategy switched on for an account; `symbols` empty means the whole watch list."""

    class State(models.TextChoices):
        ACTIVE = "active"
        STOPPED = "stopped"

    account = models.ForeignKey(Account, models.CASCADE, related_name="deployments")
    strategy = models.ForeignKey(Strategy, models.CASCADE, related_name="deployments")
    symbols = models.JSONField(default=list)
    state = models.CharField(max_length=7, choices=State, default=State.ACTIVE)
    created_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "strategy"],
                condition=Q(state="active"),
                name="deployment_active_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_id} on {self.account_id}"
