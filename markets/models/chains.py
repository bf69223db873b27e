"""What was asked of the sources of options, and what became of it."""

from django.db import models
from django.utils import timezone

from markets.models.market import Instrument


class OptionUnderlying(models.Model):
    """One instrument whose options somebody asked for, and when its expiries were last listed.

    `detail` says why the last attempt gave none; it is empty after a success.
    """

    instrument = models.OneToOneField(Instrument, models.CASCADE, related_name="options")
    wanted_at = models.DateTimeField(default=timezone.now)
    asked_at = models.DateTimeField(null=True, blank=True)
    listed_at = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=600, blank=True)

    def __str__(self) -> str:
        return f"options of {self.instrument_id}"


class OptionChain(models.Model):
    """One expiry of one underlying: when it was wanted, asked and read, and by what it was valued.

    `snapshot_ms` is the `received_at_ms` of its newest `OptionQuote` rows. `rate` (continuous, a
    fraction of a year) and `dividend_yield` are those of Mystic's own greeks; the notes say where
    they come from. `detail` says why the last attempt gave nothing; it is empty after a success.
    """

    underlying = models.ForeignKey(Instrument, models.CASCADE, related_name="option_chains")
    expiry = models.DateField()
    is_listed = models.BooleanField(default=True)
    wanted_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=600, blank=True)
    snapshot_ms = models.BigIntegerField(null=True, blank=True)
    contracts = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0, help_text="rows of it that were quarantined")
    rate = models.FloatField(null=True, blank=True)
    rate_note = models.CharField(max_length=120, blank=True)
    dividend_yield = models.FloatField(default=0.0)
    spot = models.FloatField(
        null=True, blank=True, help_text="the underlying's price it was valued at"
    )
    spot_source = models.CharField(max_length=40, blank=True)
    spot_as_of_ms = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["expiry"]
        constraints = [
            models.UniqueConstraint(fields=["underlying", "expiry"], name="option_chain_once"),
        ]

    def __str__(self) -> str:
        return f"{self.underlying_id} {self.expiry}"
