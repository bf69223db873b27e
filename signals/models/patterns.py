"""Smart-Money events of a series, as the charts draw them."""

from django.db import models

from markets.models import Instrument


class Pattern(models.Model):
    """One Smart-Money event: drawn at `at`, known from `confirmed_at` (UTC epoch seconds).

    What happens to it later has times of its own: price came back to it (`touched_at`), used it up
    (`mitigated_at`), passed through a gap to its far side (`filled_at`). `quality` is 0 to 1.
    """

    class Kind(models.TextChoices):
        SWING_HIGH = "swing_high"
        SWING_LOW = "swing_low"
        BOS = "bos", "break of structure"
        CHOCH = "choch", "change of character"
        ORDER_BLOCK = "order_block"
        FAIR_VALUE_GAP = "fvg", "fair value gap"
        BREAKER = "breaker", "breaker block"
        LIQUIDITY = "liquidity", "liquidity pool"
        SWEEP = "sweep", "liquidity sweep"

    instrument = models.ForeignKey(Instrument, models.CASCADE, related_name="patterns")
    timeframe = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=Kind)
    direction = models.SmallIntegerField(help_text="1 bullish, -1 bearish")
    top = models.FloatField()
    bottom = models.FloatField()
    at = models.BigIntegerField()
    confirmed_at = models.BigIntegerField()
    touched_at = models.BigIntegerField(null=True, blank=True)
    mitigated_at = models.BigIntegerField(null=True, blank=True)
    filled_at = models.BigIntegerField(null=True, blank=True)
    quality = models.FloatField(null=True, blank=True)

    class Meta:
        indexes = [
            # Serves the chart: what was confirmed since the first bar it shows.
            models.Index(
                fields=["instrument", "timeframe", "confirmed_at"], name="pattern_by_series"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["instrument", "timeframe", "kind", "direction", "at", "confirmed_at"],
                name="pattern_once",
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_at__gte=models.F("at")),
                name="pattern_confirmed_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.instrument_id} at {self.at}"
