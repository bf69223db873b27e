"""The price rules' rows: what the watcher loads, and what a crossing changes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone

from markets.types import Quote
from mystic.lib.clock import from_ms
from mystic.lib.provenance import REPLAY_PREFIX
from mystic.lib.units import tick_places
from notifications import rules
from notifications.models import Alert, AlertRule
from notifications.rules import PriceRule, Step
from notifications.services.alerts import Draft, alert_raise
from notifications.services.listeners import rule_channels

# A price that trembles around a level tells a repeating rule's owner once in this time.
REPEAT_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Crossing:
    """What a quote did to a rule; `rule` is as it was before."""

    rule: PriceRule
    quote: Quote
    price: float
    step: Step


def price_rules_version() -> tuple[Any, ...]:
    """Return a value that changes whenever a price rule is made, switched or deleted."""
    found = AlertRule.objects.filter(kind=AlertRule.Kind.PRICE, is_active=True).aggregate(
        Count("pk"), Max("pk"), Max("updated_at")
    )
    return tuple(found.values())


def price_rules_load() -> list[PriceRule]:
    """Return every active price rule of active users."""
    found = AlertRule.objects.filter(
        kind=AlertRule.Kind.PRICE, is_active=True, user__is_active=True, instrument__isnull=False
    ).values_list("pk", "user_id", "instrument_id", "params", "is_armed", "updated_at")
    return [
        PriceRule(
            rule_id=pk,
            user_id=user_id,
            instrument_id=int(instrument_id or 0),
            direction=params["direction"],
            level=float(params["level"]),
            is_armed=is_armed,
            row_version=updated_at.isoformat(),
        )
        for pk, user_id, instrument_id, params, is_armed, updated_at in found
    ]


def rule_arm(rule_id: int, *, is_armed: bool) -> None:
    """Keep on which side of its level a rule last saw the price, for after a restart."""
    AlertRule.objects.filter(pk=rule_id, is_active=True).update(is_armed=is_armed)


@transaction.atomic
def crossing_tell(crossing: Crossing) -> Alert | None:
    """Tell the owner that the level was crossed; the claim on the row makes it once."""
    now = timezone.now()
    rule = (
        AlertRule.objects.select_related("instrument")
        .prefetch_related("channels")
        .filter(pk=crossing.rule.rule_id, is_active=True)
        .first()
    )
    if rule is None or rule.instrument is None:
        return None
    if rule.fired_at is not None and now - rule.fired_at < REPEAT_AFTER:
        rule_arm(rule.pk, is_armed=False)
        return None
    # Whoever changes the row first tells; a second process with the same quote finds it changed.
    unchanged = AlertRule.objects.filter(pk=rule.pk, is_active=True, fired_at=rule.fired_at)
    if not unchanged.exclude(is_armed=False).update(
        is_active=rule.is_repeating, is_armed=False, fired_at=now
    ):
        return None
    quote = crossing.quote
    return alert_raise(
        Draft(
            user_id=rule.user_id,
            key=f"price:{rule.pk}:{quote.received_at_ms}",
            kind=Alert.Kind.PRICE,
            text=rules.price_text(
                symbol=rule.instrument.symbol,
                direction=rule.params["direction"],
                level=rule.params["level"],
                price=crossing.price,
                places=tick_places(rule.instrument.tick, rule.instrument.price_scale),
            ),
            rule_id=rule.pk,
            channel_ids=rule_channels([rule]),
            path=f"/markets/{rule.instrument.slug}/",
            source=quote.source,
            is_live=quote.is_official and not quote.source.startswith(REPLAY_PREFIX),
            as_of=from_ms(quote.as_of_ms or quote.received_at_ms),
        )
    )
