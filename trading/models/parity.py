"""The parity passport: what a deployment did, held against its strategy run again."""

from django.db import models
from django.utils import timezone

from markets.models import Instrument
from mystic.lib.append_only import AppendOnly
from signals.models import Decision
from trading.models.accounts import Deployment


class ParityReport(AppendOnly):
    """One deployment's decisions of a span, run again over the bars as received and as published.

    `matched_received` counts the decisions that come out equal on the bars as they had been
    received then; `matched_published` those on the bars as they stand now. `causes` counts the
    differences by cause; its `verdicts` those with another verdict, `apart` what was not compared
    and why, `notes` what limits the report; `is_part` says that somebody chose its span.
    """

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="parity_reports")
    from_open = models.BigIntegerField(help_text="first bar compared, UTC epoch seconds")
    through_open = models.BigIntegerField()
    decisions = models.PositiveIntegerField()
    matched_received = models.PositiveIntegerField()
    matched_published = models.PositiveIntegerField()
    fills = models.PositiveIntegerField(default=0)
    fills_matched = models.PositiveIntegerField(default=0)
    causes = models.JSONField(default=dict)
    asked_by = models.CharField(max_length=60, default="nightly")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"parity {self.pk} of deployment {self.deployment_id}"

    @property
    def match(self) -> float | None:
        """Share of decisions that the strategy, run again as it was fed, gives again."""
        return self.matched_received / self.decisions if self.decisions else None


class ParityDifference(AppendOnly):
    """One decision, or one fill, that the run again does not give, and why."""

    class Cause(models.TextChoices):
        DATA_REVISED = "data_revised", "the venue corrected a bar"
        LATE_BAR = "late_bar", "a bar came after the decision"
        CODE_VERSION = "code_version", "the code is another one"
        MODEL = "model", "a trained model was replaced"
        FILL = "fill", "filled otherwise than the assumptions say"
        UNEXPLAINED = "unexplained", "not explained"

    report = models.ForeignKey(ParityReport, models.CASCADE, related_name="differences")
    instrument = models.ForeignKey(Instrument, models.PROTECT, related_name="+")
    bar_open = models.BigIntegerField()
    # Old decisions are deleted in time; the difference stays.
    decision = models.ForeignKey(
        Decision, models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    cause = models.CharField(max_length=12, choices=Cause)
    was = models.JSONField(default=dict, help_text="what the ledger holds")
    received = models.JSONField(default=dict, help_text="run again on the bars as received")
    published = models.JSONField(default=dict, help_text="run again on the bars as they stand")
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["report", "bar_open"]

    def __str__(self) -> str:
        return f"{self.cause} at {self.bar_open}"
