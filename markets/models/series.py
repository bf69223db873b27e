"""Bars: sealed, packed, corrected, missing, estimated, refused."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from markets.models.market import Instrument


class Candle(models.Model):
    """One sealed bar; times are UTC epoch seconds, prices float64, never changed silently.

    The instrument is a plain number: the table is hot and rows are written by the thousand.
    """

    class Origin(models.TextChoices):
        LIVE = "live"
        BACKFILL = "backfill"
        IMPORT = "import"

    pk = models.CompositePrimaryKey("instrument_id", "timeframe", "open_time")
    instrument_id = models.BigIntegerField()
    timeframe = models.PositiveIntegerField(help_text="seconds")
    open_time = models.BigIntegerField(help_text="UTC epoch seconds")
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()
    trades = models.IntegerField(default=-1)
    source = models.CharField(max_length=40)
    origin = models.CharField(max_length=8, choices=Origin)
    received_at_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(timeframe__gt=0), name="candle_timeframe_positive"),
            models.CheckConstraint(
                condition=Q(high__gte=F("open"))
                & Q(high__gte=F("close"))
                & Q(low__lte=F("open"))
                & Q(low__lte=F("close"))
                & Q(low__gt=0, volume__gte=0),
                name="candle_is_possible",
            ),
            models.CheckConstraint(
                condition=Q(open_time=F("open_time") - F("open_time") % F("timeframe")),
                name="candle_on_grid",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.timeframe}s {self.open_time}"


class CandleRevision(models.Model):
    """What a later word of the venue replaced, and when; the first word stays readable."""

    instrument = models.ForeignKey(Instrument, models.CASCADE)
    timeframe = models.PositiveIntegerField()
    open_time = models.BigIntegerField()
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()
    source = models.CharField(max_length=40)
    replaced_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.timeframe}s {self.open_time} was {self.close}"


class Gap(models.Model):
    """A hole [start, end) in a series, UTC epoch seconds, and what became of it."""

    class State(models.TextChoices):
        OPEN = "open"
        FILLED = "filled"
        ABSENT = "absent", "the venue has no bars there"

    instrument = models.ForeignKey(Instrument, models.CASCADE, related_name="gaps")
    timeframe = models.PositiveIntegerField()
    start = models.BigIntegerField()
    end = models.BigIntegerField()
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    detected_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["instrument", "timeframe", "start", "end"], name="gap_once"
            ),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="gap_has_length"),
        ]
        # The open holes of one series, newest first: where readable bars begin, what to ask next.
        indexes = [
            models.Index(fields=["instrument", "timeframe", "state", "end"], name="gap_by_end")
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.timeframe}s [{self.start}, {self.end}) {self.state}"


class SeriesStamp(models.Model):
    """A number that changes whenever anything but the newest end of a stored series changes.

    Who remembers bars that it read may go on from their end while the stamp is the same.
    """

    instrument_id = models.BigIntegerField()
    timeframe = models.PositiveIntegerField()
    stamp = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instrument_id", "timeframe"], name="stamp_once"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.timeframe}s: {self.stamp}"


class CandleBlock(models.Model):
    """The sealed bars of one finished UTC day as one columnar block: the fast read path.

    `data` holds n int64 open times, then n float64 each of open, high, low, close and volume,
    little endian. A block is made of `Candle` rows, which stay the truth; whatever changes a
    packed day deletes its block in the same transaction.
    """

    pk = models.CompositePrimaryKey("instrument_id", "timeframe", "day")
    instrument_id = models.BigIntegerField()
    timeframe = models.PositiveIntegerField(help_text="seconds")
    day = models.BigIntegerField(help_text="UTC epoch seconds of midnight")
    count = models.PositiveIntegerField()
    data = models.BinaryField()
    digest = models.BigIntegerField(help_text="crc32 of data")

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.timeframe}s {self.day}: {self.count} bars"


class GapEstimate(models.Model):
    """A drawn value where no source has a bar; never a candle, never read by a strategy."""

    instrument = models.ForeignKey(Instrument, models.CASCADE, related_name="gap_estimates")
    timeframe = models.PositiveIntegerField()
    open_time = models.BigIntegerField()
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    method = models.CharField(max_length=60)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["instrument", "timeframe", "open_time"], name="estimate_once"
            ),
        ]

    def __str__(self) -> str:
        return f"estimate of {self.instrument_id} {self.timeframe}s {self.open_time}"


class Quarantined(models.Model):
    """What a source sent and was refused; the same fault of the same thing counts in one row."""

    source = models.CharField(max_length=40)
    kind = models.CharField(max_length=12, help_text="bar, quote, trade, book, option, macro, news")
    instrument_id = models.BigIntegerField(default=0, help_text="0 where none is known")
    reason = models.CharField(max_length=60)
    sample = models.CharField(max_length=300, blank=True, help_text="the newest one, shortened")
    hour = models.BigIntegerField(help_text="UTC epoch seconds of the hour it was seen in")
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-last_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "kind", "instrument_id", "reason", "hour"],
                name="quarantined_once_an_hour",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.kind}: {self.reason} ({self.count})"


class QualityScore(models.Model):
    """How good the newest data of an instrument are, 0 to 100, with what was counted."""

    class Level(models.TextChoices):
        GOOD = "good"
        ACCEPTABLE = "acceptable"
        POOR = "poor"
        UNKNOWN = "unknown"

    instrument = models.OneToOneField(Instrument, models.CASCADE, related_name="quality")
    score = models.FloatField()
    level = models.CharField(max_length=10, choices=Level)
    parts = models.JSONField(default=dict)
    as_of = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.instrument_id}: {self.score:.0f} ({self.level})"
