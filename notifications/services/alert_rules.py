"""What users want to be told; a change of a price rule rings the process that watches quotes."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from markets.models import Instrument
from mystic.lib import doorbell
from mystic.lib.money import AmountError, parse_amount
from mystic.models import User
from notifications.models import AlertRule, Channel
from notifications.rules import DIRECTIONS

MAX_RULES = 100
LARGEST_LEVEL = Decimal(10) ** 12
BELL = "alert_rules"


class RuleError(ValueError):
    """Raised for a rule that makes no sense; `field` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@transaction.atomic
def rule_create(
    *,
    user: User,
    kind: str,
    instrument: Instrument | None = None,
    params: dict[str, Any] | None = None,
    is_repeating: bool = False,
    channel_ids: frozenset[int] = frozenset(),
) -> AlertRule:
    """Make a rule of one user; channels that are not the user's are left out.

    Raises
    ------
    RuleError
        If the kind, the level, the confidence or the instrument is not possible.
    """
    if AlertRule.objects.filter(user=user).count() >= MAX_RULES:
        message = f"At most {MAX_RULES} rules; delete one first."
        raise RuleError("kind", message)
    rule = AlertRule.objects.create(
        user=user,
        kind=kind,
        instrument=instrument,
        params=_checked(kind, instrument, params or {}),
        is_repeating=is_repeating,
    )
    rule.channels.set(Channel.objects.filter(user=user, pk__in=channel_ids))
    _ring(rule)
    return rule


def _checked(kind: str, instrument: Instrument | None, params: dict[str, Any]) -> dict[str, Any]:
    if kind not in AlertRule.Kind.values:
        message = f"Wants one of {', '.join(AlertRule.Kind.values)}."
        raise RuleError("kind", message)
    if kind == AlertRule.Kind.PRICE:
        return _price_checked(instrument, params)
    if kind == AlertRule.Kind.SIGNAL:
        return {"min_confidence": _confidence_checked(params.get("min_confidence", 0))}
    return {}


def _price_checked(instrument: Instrument | None, params: dict[str, Any]) -> dict[str, Any]:
    if instrument is None:
        message = "A price rule wants a symbol."
        raise RuleError("instrument", message)
    if params.get("direction") not in DIRECTIONS:
        message = "Wants above or below."
        raise RuleError("direction", message)
    try:
        level = parse_amount(params.get("level"))
    except AmountError as fault:
        raise RuleError("level", f"The level {fault}.") from None
    if not 0 < level <= LARGEST_LEVEL:
        message = "The level wants to be above zero and at most 10^12."
        raise RuleError("level", message)
    return {"direction": params["direction"], "level": f"{level:f}"}


def _confidence_checked(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        message = "The confidence wants a number from 0 to 1."
        raise RuleError("min_confidence", message)
    return float(value)


@transaction.atomic
def rule_switch(*, rule: AlertRule, is_active: bool) -> None:
    """Switch a rule on or off; a price rule switched on begins anew from the next price."""
    rule.is_active = is_active
    rule.is_armed = None
    rule.updated_at = timezone.now()
    rule.save(update_fields=["is_active", "is_armed", "updated_at"])
    _ring(rule)


@transaction.atomic
def rule_delete(*, rule: AlertRule) -> None:
    """Delete a rule; the alerts it raised stay in the history."""
    pk = rule.pk
    rule.delete()
    rule.pk = pk
    _ring(rule)


def _ring(rule: AlertRule) -> None:
    if rule.kind == AlertRule.Kind.PRICE:
        pk = rule.pk
        transaction.on_commit(lambda: doorbell.ring(BELL, pk, redis_url=settings.REDIS_URL))
