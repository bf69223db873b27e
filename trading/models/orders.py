"""Orders, what happened to them, and the positions they made."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from markets.models import Instrument
from mystic.lib.append_only import AppendOnly
from mystic.lib.money import UnitsField
from signals.models import Signal
from trading.models.accounts import Account, Deployment
from trading.models.risk import RiskDecision


class Position(models.Model):
    """What an account holds of an instrument for one deployment, or by hand where there is none.

    `quantity` in base units; `cost` what it cost in quote units without fees; `realised` the profit
    booked so far in quote units after fees. Stop and take in price units, watched on every quote.
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="positions")
    instrument = models.ForeignKey(Instrument, models.PROTECT, related_name="positions")
    deployment = models.ForeignKey(
        Deployment, models.PROTECT, null=True, blank=True, related_name="positions"
    )
    quantity = UnitsField(default=0)
    cost = UnitsField(default=0)
    realised = UnitsField(default=0)
    fees = UnitsField(default=0)
    stop_price = UnitsField(null=True, blank=True)
    take_price = UnitsField(null=True, blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            # Serves the risk engine and the watcher: what is open now.
            models.Index(fields=["account"], condition=Q(closed_at=None), name="position_open"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "instrument", "deployment"],
                condition=Q(closed_at=None),
                name="position_open_once",
            ),
            models.UniqueConstraint(
                fields=["account", "instrument"],
                condition=Q(closed_at=None, deployment=None),
                name="manual_position_open_once",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=0, cost__gte=0), name="position_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.instrument_id}"


class Order(models.Model):
    """One order; `client_order_id` is committed before anything is sent anywhere."""

    class Side(models.TextChoices):
        BUY = "buy"
        SELL = "sell"

    class Type(models.TextChoices):
        MARKET = "market"
        LIMIT = "limit"

    class Status(models.TextChoices):
        DRAFT = "draft"
        DENIED = "denied"
        SUBMITTED = "submitted"
        ACCEPTED = "accepted"
        REJECTED = "rejected"
        PARTIALLY_FILLED = "partially_filled"
        FILLED = "filled"
        CANCELED = "canceled"
        EXPIRED = "expired"
        UNKNOWN = "unknown"

    WORKING = (Status.SUBMITTED, Status.ACCEPTED, Status.PARTIALLY_FILLED, Status.UNKNOWN)

    account = models.ForeignKey(Account, models.PROTECT, related_name="orders")
    instrument = models.ForeignKey(Instrument, models.PROTECT, related_name="orders")
    deployment = models.ForeignKey(
        Deployment, models.PROTECT, null=True, blank=True, related_name="orders"
    )
    signal = models.ForeignKey(Signal, models.PROTECT, null=True, blank=True, related_name="orders")
    position = models.ForeignKey(
        Position, models.PROTECT, null=True, blank=True, related_name="orders"
    )
    risk_decision = models.OneToOneField(RiskDecision, models.PROTECT, related_name="order")
    risk_verdict = models.CharField(max_length=8, choices=RiskDecision.Verdict)
    client_order_id = models.CharField(max_length=36, unique=True)
    idempotency_key = models.CharField(  # noqa: DJ001  NULL is "none given", unique otherwise
        max_length=80, null=True, blank=True
    )
    request_digest = models.CharField(max_length=64, blank=True)
    mode = models.CharField(max_length=5, choices=Account.Mode)
    side = models.CharField(max_length=4, choices=Side)
    type = models.CharField(max_length=6, choices=Type)
    quantity = UnitsField()
    limit_price = UnitsField(null=True, blank=True)
    worst_price = UnitsField(
        null=True, blank=True, help_text="bound of a market purchase, price units"
    )
    stop_loss = UnitsField(null=True, blank=True, help_text="attached to the position it opens")
    take_profit = UnitsField(null=True, blank=True)
    is_reduce_only = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    filled = UnitsField(default=0)
    steps = models.PositiveIntegerField(default=0, help_text="events so far")
    reserved = UnitsField(default=0, help_text="quote units held for it (buy) or base units (sell)")
    reason_code = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "idempotency_key"], name="order_idempotency_once"
            ),
            models.UniqueConstraint(
                fields=["position"],
                condition=Q(
                    is_reduce_only=True,
                    type="market",
                    status__in=["submitted", "accepted", "partially_filled", "unknown"],
                ),
                name="position_exit_once",
            ),
            models.UniqueConstraint(
                fields=["deployment", "signal"],
                condition=Q(signal__isnull=False),
                name="order_once_per_signal",
            ),
            models.CheckConstraint(
                condition=Q(status="denied") | Q(risk_verdict="approved"),
                name="order_only_when_approved",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, filled__gte=0, filled__lte=F("quantity")),
                name="order_never_overfilled",
            ),
            models.CheckConstraint(
                condition=Q(type="market", limit_price=None)
                | Q(type="limit", limit_price__isnull=False),
                name="order_price_fits_type",
            ),
        ]
        indexes = [
            # Serves the sweep and the watcher's start: orders that still work.
            models.Index(
                fields=["id"],
                condition=Q(status__in=["submitted", "accepted", "partially_filled", "unknown"]),
                name="order_working",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} of {self.instrument_id} ({self.status})"

    @staticmethod
    def new_client_order_id() -> str:
        return f"my-{uuid.uuid4().hex[:32]}"


class OrderEvent(AppendOnly):
    """One step in the life of an order; append-only."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    from_status = models.CharField(max_length=16, blank=True)
    to_status = models.CharField(max_length=16)
    actor = models.CharField(max_length=60)
    cause = models.CharField(max_length=200, blank=True)
    reason_code = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["order", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["order", "seq"], name="order_event_once"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}.{self.seq} {self.to_status}"


class Fill(AppendOnly):
    """One execution and the quote it was made on; money in quote units, price in price units."""

    class Origin(models.TextChoices):
        LIVE = "live"
        REPLAY = "replay"

    order = models.ForeignKey(Order, models.PROTECT, related_name="fills")
    trade_id = models.CharField(max_length=60)
    quantity = UnitsField()
    price = UnitsField()
    notional = UnitsField()
    fee = UnitsField(default=0)
    fee_asset = models.CharField(max_length=20)
    realised = UnitsField(default=0, help_text="profit booked by this fill, after its fee")
    source = models.CharField(max_length=40)
    origin = models.CharField(max_length=6, choices=Origin)
    quote_received_at_ms = models.BigIntegerField()
    quote_age_ms = models.IntegerField()
    max_age_ms = models.IntegerField()
    filled_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "trade_id"], name="fill_once"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, price__gt=0, notional__gte=0, fee__gte=0),
                name="fill_positive",
            ),
            models.CheckConstraint(
                condition=Q(quote_age_ms__gte=0, quote_age_ms__lte=F("max_age_ms")),
                name="fill_never_on_a_stale_quote",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} at {self.price}"
