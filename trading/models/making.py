"""Market makers: what quotes both sides of a book for an account, and on which mid it did."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from markets.models import Instrument
from mystic.lib.append_only import AppendOnly
from mystic.lib.money import UnitsField
from trading.models.accounts import Account, Deployment
from trading.models.orders import Order


class MarketMaker(models.Model):
    """A market maker of one instrument on one account; the process that streams serves it.

    `deployment` names what is its own among the account's orders and positions; it hears no
    signals and is never active. Sizes are base units; `params` holds the other parameters of
    `signals.making.Parameters`. `hold` says why a side is withdrawn at this moment.
    `spread_captured` (quote units) counts the fills up to `counted_fill`.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        STOPPED = "stopped"

    account = models.ForeignKey(Account, models.PROTECT, related_name="makers")
    instrument = models.ForeignKey(Instrument, models.PROTECT, related_name="makers")
    deployment = models.OneToOneField(Deployment, models.PROTECT, related_name="maker")
    order_size = UnitsField()
    max_inventory = UnitsField()
    params = models.JSONField(default=dict)
    state = models.CharField(max_length=7, choices=State, default=State.RUNNING)
    reason_code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    hold = models.CharField(max_length=80, blank=True)
    spread_captured = UnitsField(default=0)
    counted_fill = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "instrument"], name="maker_once"),
            models.CheckConstraint(
                condition=Q(order_size__gt=0, max_inventory__gte=F("order_size")),
                name="maker_sizes_make_sense",
            ),
        ]

    def __str__(self) -> str:
        return f"market maker of {self.instrument_id} on {self.account_id} ({self.state})"


class MakerQuote(AppendOnly):
    """One order of a market maker and the mid, in price units, on which it was quoted."""

    maker = models.ForeignKey(MarketMaker, models.PROTECT, related_name="quotes")
    order = models.OneToOneField(Order, models.PROTECT, related_name="maker_quote")
    mid = UnitsField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(mid__gt=0), name="maker_quote_mid_positive"),
        ]

    def __str__(self) -> str:
        return f"quote {self.order_id} of {self.maker_id}"
