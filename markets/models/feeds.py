"""What moves slowly beside prices: macro series, mood, news, options, book statistics."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from markets.models.market import Instrument


class MacroPoint(models.Model):
    """One observation of a macro series as one vintage published it.

    `available_at` is when it could first be known (its release), UTC epoch seconds: nobody who
    decides at an earlier moment may read it. A revision is a new row with a later `available_at`.
    """

    instrument = models.ForeignKey(Instrument, models.CASCADE, related_name="macro_points")
    period = models.DateField(help_text="the first day the observation describes")
    value = models.FloatField()
    vintage = models.DateField(help_text="the day of the release it came with")
    available_at = models.BigIntegerField()
    source = models.CharField(max_length=40)
    received_at_ms = models.BigIntegerField()

    class Meta:
        ordering = ["instrument", "period", "available_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["instrument", "period", "vintage"], name="macro_point_once"
            ),
        ]
        indexes = [models.Index(fields=["instrument", "available_at"], name="macro_by_release")]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.period}: {self.value} ({self.vintage})"


class SentimentPoint(models.Model):
    """A mood at a moment: fear and greed, or the mean tone of an hour's news.

    `instrument` is null for the whole market. Method and count stand beside each value.
    """

    name = models.CharField(max_length=30, help_text="fear_greed, news")
    instrument = models.ForeignKey(Instrument, models.CASCADE, null=True, blank=True)
    value = models.FloatField()
    label = models.CharField(max_length=40, blank=True, help_text="the source's own word")
    count = models.PositiveIntegerField(default=1, help_text="how many texts it was made of")
    method = models.CharField(max_length=40, blank=True)
    period = models.BigIntegerField(help_text="UTC epoch seconds it describes from")
    available_at = models.BigIntegerField(help_text="UTC epoch seconds it could first be known")
    source = models.CharField(max_length=40)
    received_at_ms = models.BigIntegerField()

    class Meta:
        ordering = ["name", "available_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "source", "period"],
                condition=Q(instrument__isnull=True),
                name="market_mood_once",
            ),
            models.UniqueConstraint(
                fields=["name", "source", "instrument", "period"],
                condition=Q(instrument__isnull=False),
                name="instrument_mood_once",
            ),
        ]
        indexes = [models.Index(fields=["name", "instrument", "available_at"], name="mood_by_time")]

    def __str__(self) -> str:
        return f"{self.name} {self.instrument_id or 'market'}: {self.value}"


class NewsFeed(models.Model):
    """An RSS or Atom feed that is read; the list is data and can be edited."""

    name = models.CharField(max_length=60, unique=True)
    url = models.URLField(max_length=300, unique=True)
    is_active = models.BooleanField(default=True)
    etag = models.CharField(max_length=200, blank=True)
    last_modified = models.CharField(max_length=80, blank=True)
    last_read_at = models.DateTimeField(null=True, blank=True)
    next_read_at = models.DateTimeField(default=timezone.now)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class NewsItem(models.Model):
    """One piece of news, plain text; the same story of two feeds is one row."""

    feed = models.ForeignKey(NewsFeed, models.CASCADE, related_name="items")
    key = models.CharField(max_length=64, unique=True, help_text="hash by which doubles are known")
    title = models.CharField(max_length=300)
    link = models.URLField(max_length=500, blank=True)
    summary = models.CharField(max_length=500, blank=True)
    published_at = models.DateTimeField(help_text="as the feed says")
    available_at = models.BigIntegerField(help_text="UTC epoch seconds we first had it")
    sentiment = models.FloatField(null=True, blank=True, help_text="-1 to 1")
    method = models.CharField(max_length=40, blank=True)
    instruments = models.ManyToManyField(Instrument, related_name="news", blank=True)

    class Meta:
        ordering = ["-available_at", "-id"]
        indexes = [models.Index(fields=["available_at"], name="news_by_time")]

    def __str__(self) -> str:
        return self.title


class OptionQuote(models.Model):
    """One option contract at one moment of one source's chain; what was not said is null."""

    class Kind(models.TextChoices):
        CALL = "call"
        PUT = "put"

    underlying = models.ForeignKey(Instrument, models.CASCADE, related_name="option_quotes")
    contract = models.CharField(max_length=24, help_text="OCC symbol, such as AAPL270115C00230000")
    kind = models.CharField(max_length=4, choices=Kind)
    strike = models.FloatField()
    expiry = models.DateField()
    bid = models.FloatField(null=True)
    ask = models.FloatField(null=True)
    last = models.FloatField(null=True)
    volume = models.BigIntegerField(null=True)
    open_interest = models.BigIntegerField(null=True)
    underlying_price = models.FloatField(null=True)
    implied_volatility = models.FloatField(null=True)
    delta = models.FloatField(null=True)
    gamma = models.FloatField(null=True)
    theta = models.FloatField(null=True)
    vega = models.FloatField(null=True)
    rho = models.FloatField(null=True)
    are_greeks_computed = models.BooleanField(default=False, help_text="by Mystic, not the source")
    is_volatility_computed = models.BooleanField(default=False, help_text="by Mystic")
    volatility_reason = models.CharField(
        max_length=80, blank=True, help_text="why there is no implied volatility"
    )
    is_delayed = models.BooleanField(default=True)
    source = models.CharField(max_length=40)
    as_of_ms = models.BigIntegerField(null=True)
    received_at_ms = models.BigIntegerField()

    class Meta:
        ordering = ["expiry", "strike", "kind"]
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "source", "received_at_ms"], name="option_quote_once"
            ),
            models.CheckConstraint(condition=Q(strike__gt=0), name="option_strike_positive"),
        ]
        indexes = [
            models.Index(fields=["underlying", "received_at_ms"], name="option_by_underlying"),
        ]

    def __str__(self) -> str:
        return self.contract


class UnusualActivity(models.Model):
    """A contract that trades far beyond its open interest or its own history; once a day."""

    underlying = models.ForeignKey(Instrument, models.CASCADE, related_name="unusual_activity")
    contract = models.CharField(max_length=24)
    day = models.DateField()
    reasons = models.JSONField(default=list)
    volume = models.BigIntegerField()
    open_interest = models.BigIntegerField(null=True)
    typical_volume = models.FloatField(null=True)
    premium = models.FloatField(null=True, help_text="volume x mid x 100")
    score = models.FloatField()
    source = models.CharField(max_length=40)
    detected_at_ms = models.BigIntegerField()

    class Meta:
        ordering = ["-detected_at_ms"]
        constraints = [
            models.UniqueConstraint(fields=["contract", "day"], name="unusual_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.contract} {self.day}"


class BookStat(models.Model):
    """What one minute of an order book and its trades were like; known from `open_time + 60` on.

    Spread and micro-price offset are fractions of the mid; imbalances lie in -1..1; quantities
    are in the base asset. `samples` says how many book states it is made of.
    """

    pk = models.CompositePrimaryKey("instrument_id", "open_time")
    instrument_id = models.BigIntegerField()
    open_time = models.BigIntegerField(help_text="UTC epoch seconds")
    spread = models.FloatField(null=True)
    imbalance = models.FloatField(null=True)
    micro_offset = models.FloatField(null=True)
    bid_depth = models.FloatField(null=True)
    ask_depth = models.FloatField(null=True)
    order_flow_imbalance = models.FloatField(null=True)
    void_above = models.FloatField(null=True, help_text="distance of the nearest void, of the mid")
    void_below = models.FloatField(null=True)
    buy_volume = models.FloatField(null=True)
    sell_volume = models.FloatField(null=True)
    samples = models.PositiveIntegerField()
    source = models.CharField(max_length=40)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(open_time=F("open_time") - F("open_time") % 60),
                name="book_stat_on_the_minute",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} book {self.open_time}"
