"""Channels, rules, alerts and their deliveries."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from markets.models import Instrument
from mystic.lib.provenance import Provenance


class Channel(models.Model):
    """One way to reach a user; used only while verified and enabled."""

    class Kind(models.TextChoices):
        IN_APP = "in_app", "In the app"
        EMAIL = "email", "E-mail"
        TELEGRAM = "telegram", "Telegram"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="channels")
    kind = models.CharField(max_length=8, choices=Kind)
    address = models.CharField(max_length=254, blank=True, help_text="e-mail address or chat id")
    label = models.CharField(max_length=80, blank=True)
    is_enabled = models.BooleanField(default=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=200, blank=True)
    verification_sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "address"], name="channel_once"),
            models.UniqueConstraint(
                fields=["address"], condition=Q(kind="telegram"), name="chat_belongs_to_one_user"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id}"

    @property
    def is_usable(self) -> bool:
        """Whether an alert may go this way now."""
        return self.is_enabled and self.verified_at is not None

    @property
    def shown_address(self) -> str:
        """What the owner's pages show; a chat id means nothing to a person."""
        return self.address if self.kind == self.Kind.EMAIL else self.label


class AlertRule(models.Model):
    """What a user wants to be told; without channels it goes to every usable one.

    `params` by kind: price {"direction": "above"|"below", "level": "61000.5"}; signal
    {"min_confidence": 0.7}; fill, risk, source_down, option {}. A price rule `is_armed` while the
    price was last seen on the other side of its level, so that a restart misses no crossing.
    """

    class Kind(models.TextChoices):
        PRICE = "price", "Price crosses a level"
        SIGNAL = "signal", "A strategy raises a signal"
        FILL = "fill", "An order of mine is filled"
        RISK = "risk", "A risk limit stops me"
        SOURCE_DOWN = "source_down", "A data source goes down"
        OPTION = "option", "Options trade unusually"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="alert_rules")
    kind = models.CharField(max_length=11, choices=Kind)
    instrument = models.ForeignKey(Instrument, models.CASCADE, null=True, blank=True)
    params = models.JSONField(default=dict)
    channels = models.ManyToManyField(Channel, related_name="rules", blank=True)
    is_active = models.BooleanField(default=True)
    is_repeating = models.BooleanField(default=False, help_text="a price rule fires once otherwise")
    is_armed = models.BooleanField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    fired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="price") | Q(instrument__isnull=False),
                name="price_rule_names_an_instrument",
            ),
        ]
        indexes = [
            # Serves the listeners: who wants to hear of this kind.
            models.Index(
                fields=["kind"], condition=Q(is_active=True), name="alert_rule_active_by_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"

    @property
    def summary(self) -> str:
        """The rule in a few words, for lists."""
        where = self.instrument.symbol if self.instrument else "any symbol"
        if self.kind == self.Kind.PRICE:
            side = "upwards" if self.params["direction"] == "above" else "downwards"
            return f"{where} crosses {self.params['level']} {side}"
        if self.kind == self.Kind.SIGNAL:
            share = round(100 * self.params.get("min_confidence", 0))
            return f"Signals on {where}, confidence {share} % or more"
        return str(self.get_kind_display())


class Alert(models.Model):
    """One thing that a user was told; `key` names its cause, so the same cause tells once."""

    class Severity(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        CRITICAL = "critical"

    class Kind(models.TextChoices):
        PRICE = "price", "Price"
        SIGNAL = "signal", "Signal"
        FILL = "fill", "Fill"
        RISK = "risk", "Risk"
        SOURCE_DOWN = "source_down", "Source down"
        OPTION = "option", "Options"
        CHANNEL = "channel", "Channel"
        TEST = "test", "Test"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="alerts")
    rule = models.ForeignKey(AlertRule, models.SET_NULL, null=True, related_name="alerts")
    key = models.CharField(max_length=120)
    kind = models.CharField(max_length=11, choices=Kind)
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.INFO)
    title = models.CharField(max_length=140)
    body = models.TextField(blank=True)
    path = models.CharField(max_length=200, blank=True, help_text="page to open, such as /orders/")
    source = models.CharField(max_length=40, blank=True)
    is_live = models.BooleanField(default=False)
    as_of = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="alert_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="alert_by_user"),
            # Serves the bell on every page.
            models.Index(fields=["user"], condition=Q(read_at=None), name="alert_unread"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def code(self) -> str:
        """The short code that a repeated delivery carries again."""
        return f"A{self.pk}"

    @property
    def provenance(self) -> Provenance | None:
        """Where its facts came from; what is told is past, so it is never shown as live."""
        if not self.source:
            return None
        return Provenance(
            source=self.source,
            is_live=False,
            as_of_ms=int((self.as_of or self.created_at).timestamp() * 1000),
            received_at_ms=int(self.created_at.timestamp() * 1000),
        )


class Delivery(models.Model):
    """One alert on its way through one channel: the outbox row that a worker claims.

    `attempts` counts the claims and marks whose claim a row is; `unconfirmed` counts those whose
    outcome nobody knows (a worker died, a provider never answered): what follows one of them says
    that it may be a repeat.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=7, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    unconfirmed = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["alert", "channel"], name="delivery_once"),
        ]
        indexes = [
            # Serves the sweep: what is due, oldest first.
            models.Index(
                fields=["next_try_at"],
                condition=Q(state__in=["pending", "sending"]),
                name="delivery_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} to {self.channel_id}: {self.state}"


class LinkCode(models.Model):
    """A one-time code that binds a Telegram chat to a user; only its SHA-256 is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="link_codes")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"link code of {self.user_id}"


class BotState(models.Model):
    """What the poller of one Telegram bot last did; `update_id` is the last one worked off."""

    bot_id = models.CharField(max_length=20, unique=True)
    username = models.CharField(max_length=64, blank=True)
    update_id = models.BigIntegerField(null=True, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=20, blank=True)
    detail = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"bot {self.username or self.bot_id}"


class Watermark(models.Model):
    """How far the sweep has looked through another app's rows for causes nobody was told of."""

    name = models.CharField(max_length=40, unique=True)
    row_id = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} up to {self.row_id}"
