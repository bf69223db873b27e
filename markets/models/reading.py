"""How reading of a slow feed goes: when it is due, since when it is followed."""

from django.db import models
from django.utils import timezone


class FeedState(models.Model):
    """One slow feed ("fred:DGS10", "fear_greed"); its next reading is due by this row.

    What was published before `followed_from` came by a back-fill: it counts from its own release.
    What came later counts from when we had it, for nobody here could act on it earlier.
    """

    name = models.CharField(max_length=80, unique=True)
    followed_from = models.BigIntegerField(
        null=True, blank=True, help_text="UTC epoch seconds of the first whole reading"
    )
    last_read_at = models.DateTimeField(null=True, blank=True)
    next_read_at = models.DateTimeField(default=timezone.now)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    told = models.JSONField(default=dict, help_text="what the source says of it: unit, frequency")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
