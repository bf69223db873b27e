"""How the sources of data do: states, breakers, budgets, the streamer's lease."""

from django.db import models
from django.utils import timezone


class SourceState(models.Model):
    """How one source is doing ("binance:stream", "binance:rest"); written by the streamer only."""

    class State(models.TextChoices):
        CONNECTING = "connecting"
        LIVE = "live"
        STALE = "stale"
        DOWN = "down"
        BLOCKED = "blocked"
        STANDBY = "standby"
        OFF = "off"

    source = models.CharField(max_length=40, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.CONNECTING)
    detail = models.CharField(max_length=300, blank=True)
    is_official = models.BooleanField(default=True)
    last_message_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    blocked_until = models.DateTimeField(null=True, blank=True)
    weight_used = models.IntegerField(default=0)
    weight_limit = models.IntegerField(default=0)
    counters = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["source"]

    def __str__(self) -> str:
        return f"{self.source}: {self.state}"


class StreamLease(models.Model):
    """Which streamer is active; `beats` counts its renewals.

    Nobody compares clocks: a waiting streamer takes over when `beats` stood still for long enough
    by its own monotonic clock.
    """

    name = models.CharField(max_length=40, unique=True)
    holder = models.CharField(max_length=120, blank=True)
    beats = models.BigIntegerField(default=0)
    renewed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.name}: {self.holder or 'free'}"


class Breaker(models.Model):
    """The circuit breaker of one operation of one source; survives a restart."""

    class State(models.TextChoices):
        CLOSED = "closed"
        OPEN = "open"
        HALF_OPEN = "half_open"

    source = models.CharField(max_length=40)
    operation = models.CharField(max_length=40)
    state = models.CharField(max_length=9, choices=State, default=State.CLOSED)
    failures = models.PositiveIntegerField(default=0, help_text="in the last minute")
    reason = models.CharField(max_length=300, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    latency_ms = models.FloatField(null=True, blank=True, help_text="smoothed")
    calls = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["source", "operation"]
        constraints = [
            models.UniqueConstraint(fields=["source", "operation"], name="breaker_once"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.operation}: {self.state}"


class RateBudget(models.Model):
    """The request budget of one venue and address as last seen; a ban outlives a restart."""

    name = models.CharField(max_length=60, unique=True, help_text="binance, massive:key")
    limit = models.PositiveIntegerField(default=0)
    window_s = models.PositiveIntegerField(default=60)
    used = models.PositiveIntegerField(default=0)
    used_by = models.JSONField(default=dict, help_text="weight by priority in this window")
    window_start = models.BigIntegerField(default=0, help_text="UTC epoch seconds")
    blocked_until = models.DateTimeField(null=True, blank=True)
    is_ban = models.BooleanField(default=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name}: {self.used} of {self.limit}"


class Disagreement(models.Model):
    """Two sources told prices of one instrument too far apart; trading it pauses meanwhile."""

    instrument = models.ForeignKey("markets.Instrument", models.CASCADE)
    source = models.CharField(max_length=40)
    price = models.FloatField()
    other_source = models.CharField(max_length=40)
    other_price = models.FloatField()
    began_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-began_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["instrument"],
                condition=models.Q(ended_at__isnull=True),
                name="one_disagreement_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        first = f"{self.source} {self.price}"
        return f"{self.instrument_id}: {first}, {self.other_source} {self.other_price}"
