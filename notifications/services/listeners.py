"""Turn what the other apps tell into alerts of those who asked to be told."""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from markets.events import SourceChanged, SourcesDisagree, UnusualOption
from mystic.lib.clock import from_ms
from mystic.lib.money import shown
from mystic.lib.provenance import REPLAY_PREFIX
from mystic.lib.units import tick_places
from notifications import rules
from notifications.models import Alert, AlertRule, Channel
from notifications.services.alerts import Draft, alerts_raise
from signals.events import SignalRaised
from signals.models import Signal
from signals.selectors_rules import is_private
from trading.events import OrderFilled, RiskHalted
from trading.models import Account, Fill


def on_signal(event: SignalRaised) -> None:
    """Tell everyone whose active signal rule the signal passes; a late signal tells nobody."""
    signal = (
        Signal.objects.select_related("strategy", "instrument").filter(pk=event.signal_id).first()
    )
    if signal is not None:
        signal_tell(signal)


def signal_tell(signal: Signal) -> list[Alert]:
    if signal.late_reason:
        return []
    wanted = _rules(AlertRule.Kind.SIGNAL).filter(
        Q(instrument=None) | Q(instrument_id=signal.instrument_id),
        created_at__lte=signal.created_at,
    )
    if is_private(signal.strategy):
        wanted = wanted.filter(user__strategies=signal.strategy)
    matching = [
        rule
        for rule in wanted
        if rules.is_signal_wanted(
            confidence=signal.confidence,
            instrument_id=signal.instrument_id,
            min_confidence=rule.params.get("min_confidence"),
            rule_instrument_id=rule.instrument_id,
        )
    ]
    text = rules.signal_text(
        symbol=signal.instrument.symbol,
        side=signal.side,
        strategy=signal.strategy.name,
        confidence=signal.confidence,
        price=signal.price,
        stop=signal.stop,
        take=signal.take,
        places=tick_places(signal.instrument.tick, signal.instrument.price_scale),
        reason=signal.reason,
    )
    return alerts_raise(
        [
            Draft(
                user_id=user_id,
                key=f"signal:{signal.pk}",
                kind=Alert.Kind.SIGNAL,
                text=text,
                rule_id=first.pk,
                channel_ids=channel_ids,
                path=f"/signals/{signal.pk}/",
                source=signal.source,
                is_live=signal.is_live,
                as_of=from_ms(signal.bar_close * 1000),
            )
            for user_id, first, channel_ids in _by_user(matching)
        ]
    )


def on_fill(event: OrderFilled) -> None:
    """Tell the owner of a filled order, if they asked for it."""
    fill = fills_with_context().filter(pk=event.fill_id).first()
    if fill is not None:
        fill_tell(fill)


def fills_with_context() -> QuerySet[Fill]:
    return Fill.objects.select_related("order__account", "order__instrument")


def fill_tell(fill: Fill) -> list[Alert]:
    order, instrument = fill.order, fill.order.instrument
    scale = instrument.base_scale if fill.fee_asset == instrument.base else instrument.quote_scale
    text = rules.fill_text(
        symbol=instrument.symbol,
        side=order.side,
        quantity=shown(fill.quantity, instrument.base_scale),
        price=shown(fill.price, instrument.price_scale),
        fee=f"{shown(fill.fee, scale)} {fill.fee_asset}",
        mode=order.mode,
        is_whole=order.filled >= order.quantity,
    )
    wanted = _rules(AlertRule.Kind.FILL).filter(
        Q(instrument=None) | Q(instrument_id=instrument.pk),
        user_id=order.account.owner_id,
        created_at__lte=fill.filled_at,
    )
    return alerts_raise(
        [
            Draft(
                user_id=user_id,
                key=f"fill:{fill.pk}",
                kind=Alert.Kind.FILL,
                text=text,
                rule_id=first.pk,
                channel_ids=channel_ids,
                path="/orders/",
                source=fill.source,
                is_live=fill.origin == Fill.Origin.LIVE
                and not fill.source.startswith(REPLAY_PREFIX),
                as_of=fill.filled_at,
            )
            for user_id, first, channel_ids in _by_user(wanted)
        ]
    )


def on_risk_halted(event: RiskHalted) -> None:
    """Tell the owner that trading of an account stopped."""
    risk_tell(event)


def risk_tell(event: RiskHalted) -> list[Alert]:
    """Tell the owner, if they asked for it; once a day for each reason."""
    account = Account.objects.filter(pk=event.account_id).first()
    text = rules.risk_text(
        account=account.name if account else f"account {event.account_id}",
        reason_code=event.reason_code,
        detail=event.detail,
    )
    now = timezone.now()
    wanted = _rules(AlertRule.Kind.RISK).filter(user_id=event.user_id)
    return alerts_raise(
        [
            Draft(
                user_id=user_id,
                key=f"risk:{event.account_id}:{event.reason_code}:{now:%Y%m%d}",
                kind=Alert.Kind.RISK,
                severity=Alert.Severity.CRITICAL,
                text=text,
                rule_id=first.pk,
                channel_ids=channel_ids,
                path="/portfolio/",
            )
            for user_id, first, channel_ids in _by_user(wanted)
        ]
    )


def on_source_changed(event: SourceChanged) -> None:
    """Tell everyone who asked that a source gives no fresh data any more."""
    if not rules.is_down(event.state):
        return
    now = timezone.now()
    text = rules.source_text(source=event.source, state=event.state, detail=event.detail)
    alerts_raise(
        [
            Draft(
                user_id=user_id,
                key=rules.source_key(event.source, now.timestamp()),
                kind=Alert.Kind.SOURCE_DOWN,
                severity=Alert.Severity.WARNING,
                text=text,
                rule_id=first.pk,
                channel_ids=channel_ids,
                path="/status/",
                source=event.source,
            )
            for user_id, first, channel_ids in _by_user(_rules(AlertRule.Kind.SOURCE_DOWN))
        ]
    )


def on_sources_disagree(event: SourcesDisagree) -> None:
    """Tell who asked for outages that entries in an instrument pause, and that they go on."""
    text = rules.disagreement_text(
        symbol=event.symbol,
        source=event.source,
        price=event.price,
        other_source=event.other_source,
        other_price=event.other_price,
        is_over=event.is_over,
        is_lapsed=event.is_lapsed,
    )
    alerts_raise(
        [
            Draft(
                user_id=user_id,
                key=f"disagreement:{event.disagreement_id}:{'over' if event.is_over else 'began'}",
                kind=Alert.Kind.SOURCE_DOWN,
                severity=Alert.Severity.INFO if event.is_over else Alert.Severity.WARNING,
                text=text,
                rule_id=first.pk,
                channel_ids=channel_ids,
                path="/markets/sources/",
                source=event.source,
            )
            for user_id, first, channel_ids in _by_user(_rules(AlertRule.Kind.SOURCE_DOWN))
        ]
    )


def on_unusual_option(event: UnusualOption) -> None:
    """Tell everyone who asked that a contract trades far beyond its usual."""
    text = rules.option_text(
        symbol=event.symbol, contract=event.contract, score=event.score, reasons=event.reasons
    )
    wanted = _rules(AlertRule.Kind.OPTION).filter(
        Q(instrument=None) | Q(instrument_id=event.instrument_id)
    )
    is_replay = event.source.startswith(REPLAY_PREFIX)
    alerts_raise(
        [
            Draft(
                user_id=user_id,
                key=f"option:{event.activity_id}",
                kind=Alert.Kind.OPTION,
                text=text,
                rule_id=first.pk,
                channel_ids=channel_ids,
                path="/markets/unusual/",
                source=event.source,
                is_live=not (event.is_delayed or is_replay),
                as_of=from_ms(event.detected_at_ms),
            )
            for user_id, first, channel_ids in _by_user(wanted)
        ]
    )


def _rules(kind: AlertRule.Kind) -> QuerySet[AlertRule]:
    channels = Prefetch("channels", queryset=Channel.objects.only("pk"))
    return (
        AlertRule.objects.filter(kind=kind, is_active=True, user__is_active=True)
        .prefetch_related(channels)
        .order_by("pk")
    )


def _by_user(
    wanted: Iterable[AlertRule],
) -> list[tuple[int, AlertRule, frozenset[int] | None]]:
    """Return each user once, with the first rule that fits and the channels of all that fit."""
    of_user: dict[int, list[AlertRule]] = defaultdict(list)
    for rule in wanted:
        of_user[rule.user_id].append(rule)
    return [(user_id, found[0], rule_channels(found)) for user_id, found in of_user.items()]


def rule_channels(found: list[AlertRule]) -> frozenset[int] | None:
    """Return the channels that rules name together; None, for every one, where one names none."""
    named = [frozenset(channel.pk for channel in rule.channels.all()) for rule in found]
    return frozenset().union(*named) if all(named) else None
