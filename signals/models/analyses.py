"""Lookahead and warm-up analyses of strategies, and the work of making them."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from signals.models.strategies import Strategy


class Analysis(models.Model):
    """One analysis of one version of a strategy on stored bars of a symbol.

    Only who asked for it sees it. `bars` is how many of the newest closed bars are looked at.
    `document` is what `signals.services.analysis_work` found. A process that dies leaves the lease
    to run out; then the analysis has failed and may be asked for again.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waits for a worker"
        RUNNING = "running"
        READY = "ready"
        FAILED = "failed"

    strategy = models.ForeignKey(Strategy, models.CASCADE, related_name="analyses")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="strategy_analyses"
    )
    symbol = models.CharField(max_length=40)
    bars = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    error = models.CharField(max_length=500, blank=True)
    document = models.JSONField(default=dict, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "analyses"
        indexes = [
            # Serves the page of a strategy: the newest analyses of one person.
            models.Index(fields=["asked_by", "strategy", "-id"], name="analysis_by_asker"),
            # Serves the workers: what waits or lost its process.
            models.Index(
                fields=["id"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="analysis_due",
            ),
        ]

    def __str__(self) -> str:
        return f"analysis {self.pk} of {self.strategy}"

    @property
    def is_ended(self) -> bool:
        return self.state in (self.State.READY, self.State.FAILED)
