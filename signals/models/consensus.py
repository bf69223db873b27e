"""What several strategies and models say together."""

from django.db import models
from django.utils import timezone

from markets.models import Instrument
from mystic.lib.provenance import Provenance


class Consensus(models.Model):
    """The weighted vote on one closed bar of an instrument, once for all users.

    `votes` lists every voter with its vote, confidence, weight and the record behind the weight.
    `bar_open` is UTC epoch seconds.
    """

    class SignalType(models.TextChoices):
        BUY = "BUY"
        SELL = "SELL"
        HOLD = "HOLD"

    instrument = models.ForeignKey(Instrument, models.CASCADE, related_name="consensus")
    timeframe = models.PositiveIntegerField(help_text="seconds")
    bar_open = models.BigIntegerField()
    signal_type = models.CharField(max_length=4, choices=SignalType)
    confidence = models.FloatField(help_text="0 to 1")
    reasoning = models.CharField(max_length=500)
    price = models.FloatField(help_text="close of the bar")
    votes = models.JSONField(default=list)
    source = models.CharField(max_length=40)
    is_live = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "consensus"
        ordering = ["-id"]
        constraints = [
            # Also serves "the newest of this instrument".
            models.UniqueConstraint(
                fields=["instrument", "timeframe", "bar_open"], name="consensus_once"
            ),
            models.CheckConstraint(
                condition=models.Q(confidence__gte=0, confidence__lte=1),
                name="consensus_confidence_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.signal_type} {self.instrument_id} at {self.bar_open}"

    @property
    def provenance(self) -> Provenance:
        """Where the bar under the vote came from; live only while it is fresh."""
        close = self.bar_open + self.timeframe
        is_fresh = timezone.now().timestamp() - close <= 2 * self.timeframe
        return Provenance(
            source=self.source,
            is_live=self.is_live and is_fresh,
            as_of_ms=close * 1000,
            received_at_ms=int(self.created_at.timestamp() * 1000),
        )
