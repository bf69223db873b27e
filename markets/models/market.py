"""Venues, instruments, their names elsewhere, their hours, and who watches them."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from markets.types import slug_of
from mystic.lib.money import UnitsField


class Venue(models.Model):
    """One place of trade; a replay of it is a venue of its own, so that data never mix."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    is_replay = models.BooleanField(default=False)
    listed_at = models.DateTimeField(
        null=True, blank=True, help_text="when everything it lists was last synchronised"
    )

    def __str__(self) -> str:
        return self.code


class Instrument(models.Model):
    """One thing that trades on a venue.

    Quantities count 10**-base_scale of the base asset, money 10**-quote_scale of the quote asset,
    prices 10**-price_scale of the quote asset; tick, step and minima are in those units.
    """

    class AssetClass(models.TextChoices):
        CRYPTO = "crypto"
        STOCK = "stock"
        FX = "fx"
        MACRO = "macro"
        OPTION = "option"

    class Status(models.TextChoices):
        TRADING = "trading"
        HALTED = "halted"
        DELISTED = "delisted"

    venue = models.ForeignKey(Venue, models.PROTECT, related_name="instruments")
    symbol = models.CharField(max_length=40, help_text="Canonical, such as BTC/USDT")
    native_id = models.CharField(max_length=40, help_text="The venue's own name, such as BTCUSDT")
    asset_class = models.CharField(max_length=8, choices=AssetClass, default=AssetClass.CRYPTO)
    base = models.CharField(max_length=20)
    quote = models.CharField(max_length=20)
    base_scale = models.PositiveSmallIntegerField(default=8)
    quote_scale = models.PositiveSmallIntegerField(default=8)
    price_scale = models.PositiveSmallIntegerField(default=8)
    tick = UnitsField(default=1)
    step = UnitsField(default=1)
    min_quantity = UnitsField(default=0)
    min_notional = UnitsField(default=0)
    status = models.CharField(max_length=8, choices=Status, default=Status.TRADING)
    session_calendar = models.CharField(max_length=20, default="24/7")
    name = models.CharField(max_length=120, blank=True, help_text="Such as Apple Inc.")
    is_watched = models.BooleanField(default=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["venue", "symbol"], name="instrument_once_per_venue"),
            models.UniqueConstraint(fields=["venue", "native_id"], name="native_id_once_per_venue"),
            models.CheckConstraint(condition=Q(tick__gt=0), name="instrument_tick_positive"),
            models.CheckConstraint(condition=Q(step__gt=0), name="instrument_step_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} ({self.venue_id})"

    @property
    def slug(self) -> str:
        """The name in addresses: `BTCUSDT`."""
        return slug_of(self.symbol)


class InstrumentAlias(models.Model):
    """What another source calls the same pair: ("coinbase", "BTC-USDT")."""

    instrument = models.ForeignKey(Instrument, models.CASCADE, related_name="aliases")
    source = models.CharField(max_length=40)
    native_id = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "native_id", "instrument"], name="alias_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.native_id}"


class SessionDay(models.Model):
    """One day on which a calendar's market is open: [opens_at, closes_at), UTC epoch seconds.

    A day without a row inside the synchronised span is a holiday.
    """

    calendar = models.CharField(max_length=20, help_text="A name of exchange_calendars: XNYS")
    day = models.DateField()
    opens_at = models.BigIntegerField()
    closes_at = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["calendar", "day"], name="session_once_a_day"),
            models.CheckConstraint(
                condition=Q(closes_at__gt=models.F("opens_at")), name="session_has_length"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.calendar} {self.day}"


class WatchItem(models.Model):
    """One line of a person's own watch list."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="watch_items")
    instrument = models.ForeignKey(Instrument, models.CASCADE, related_name="watch_items")
    position = models.PositiveIntegerField(default=0)
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "instrument"], name="watched_once_by_a_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} watches {self.instrument_id}"
