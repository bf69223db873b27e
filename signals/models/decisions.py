"""What strategies decided on every bar, and the signals that follow."""

from django.db import models
from django.utils import timezone

from markets.models import Instrument
from mystic.lib.provenance import Provenance
from signals.models.strategies import Strategy


class Decision(models.Model):
    """What one strategy concluded on the close of one bar: the answer to "why" and "why not".

    `bar_open` is UTC epoch seconds; `values` are the columns used; `reason` is the first
    condition that failed, or why it acted.
    """

    class Verdict(models.TextChoices):
        NONE = "none", "no action"
        ENTER_LONG = "enter_long", "buy"
        EXIT = "exit", "sell"
        WARMING_UP = "warming_up", "warming up"
        ERROR = "error", "error"
        REFUSED = "refused", "refused: poor data"

    strategy = models.ForeignKey(Strategy, models.CASCADE, related_name="decisions")
    instrument = models.ForeignKey(Instrument, models.CASCADE, related_name="decisions")
    bar_open = models.BigIntegerField()
    verdict = models.CharField(max_length=10, choices=Verdict)
    reason = models.CharField(max_length=300, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    values = models.JSONField(default=dict)
    source = models.CharField(max_length=40)
    is_live = models.BooleanField(default=False)
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            # Also serves "how far has this pair been evaluated" and "the bar under the pointer".
            models.UniqueConstraint(
                fields=["strategy", "instrument", "bar_open"], name="decision_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_id}/{self.instrument_id} {self.bar_open}: {self.verdict}"


class Progress(models.Model):
    """How far one strategy is evaluated on one instrument; the row that an evaluation locks.

    `decided_through` is the open time of the last decided bar, UTC epoch seconds; `errors` counts
    the failures in a row, `paused_reason` stops the pair until somebody resumes it.
    """

    strategy = models.ForeignKey(Strategy, models.CASCADE, related_name="progress")
    instrument = models.ForeignKey(Instrument, models.CASCADE, related_name="+")
    decided_through = models.BigIntegerField(null=True, blank=True)
    errors = models.PositiveSmallIntegerField(default=0)
    paused_reason = models.CharField(max_length=300, blank=True)
    decisions = models.PositiveIntegerField(default=0, help_text="how many were written")
    signals = models.PositiveIntegerField(default=0, help_text="how many were raised")
    last_decision = models.ForeignKey(
        Decision, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "progress"
        constraints = [
            models.UniqueConstraint(fields=["strategy", "instrument"], name="progress_once"),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_id}/{self.instrument_id} through {self.decided_through}"


class Signal(models.Model):
    """A decision that asks for action, stored once for all users; prices are float64."""

    class Side(models.TextChoices):
        BUY = "BUY"
        SELL = "SELL"

    decision = models.OneToOneField(Decision, models.CASCADE, related_name="signal")
    strategy = models.ForeignKey(Strategy, models.CASCADE, related_name="signals")
    instrument = models.ForeignKey(Instrument, models.CASCADE, related_name="signals")
    side = models.CharField(max_length=4, choices=Side)
    confidence = models.FloatField()
    price = models.FloatField(help_text="close of the bar it was concluded from")
    stop = models.FloatField(null=True, blank=True)
    take = models.FloatField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    bar_close = models.BigIntegerField(help_text="UTC epoch seconds")
    source = models.CharField(max_length=40)
    is_live = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    # Set by trading when every deployment has been told; the sweep looks for the empty ones. A late
    # signal is born with it: `late_reason` says why nobody may act on it.
    acted_at = models.DateTimeField(null=True, blank=True)
    late_reason = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["instrument", "-id"], name="signal_by_instrument"),
            models.Index(fields=["id"], condition=models.Q(acted_at=None), name="signal_not_acted"),
            models.Index(fields=["strategy", "-id"], name="signal_by_strategy"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(late_reason="") | models.Q(acted_at__isnull=False),
                name="late_signal_is_never_acted_on",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.instrument_id} at {self.price}"

    @property
    def provenance(self) -> Provenance:
        """Where the bar under the signal came from; live only while the signal is fresh."""
        age_s = timezone.now().timestamp() - self.bar_close
        return Provenance(
            source=self.source,
            is_live=self.is_live and age_s <= 2 * self.strategy.timeframe,
            as_of_ms=self.bar_close * 1000,
            received_at_ms=int(self.created_at.timestamp() * 1000),
        )
