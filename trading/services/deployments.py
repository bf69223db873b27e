"""Switch strategies on and off for an account, and act on what they signal."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from mystic.lib.units import price_units
from signals.models import Signal, Strategy
from signals.selectors_rules import is_private
from trading.models import Account, Deployment, Order
from trading.risk.reasons import Reason
from trading.risk.values import Verdict
from trading.services.fills import position_exit
from trading.services.orders import order_place
from trading.tickets import Ticket

log = logging.getLogger(__name__)
# A signal older than this is no reason to trade any more.
FRESH_FOR = timedelta(seconds=60)


def deployment_start(
    *, account: Account, strategy: Strategy, symbols: Sequence[str] = ()
) -> Deployment:
    """Let the strategy trade on the account; a second call changes its symbols only.

    Parameters
    ----------
    symbols : sequence of str
        Canonical symbols such as `BTC/USDT`; empty means the whole watch list.
    """
    with transaction.atomic():
        locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        deployment, is_new = Deployment.objects.get_or_create(
            account=locked,
            strategy=strategy,
            state=Deployment.State.ACTIVE,
            defaults={"symbols": list(symbols)},
        )
        if not is_new and deployment.symbols != list(symbols):
            deployment.symbols = list(symbols)
            deployment.save(update_fields=["symbols"])
    return deployment


def deployment_stop(*, deployment: Deployment) -> bool:
    """Stop a deployment; its positions keep their stops and targets. Return whether it ran."""
    return bool(
        Deployment.objects.filter(pk=deployment.pk, state=Deployment.State.ACTIVE).update(
            state=Deployment.State.STOPPED, stopped_at=timezone.now()
        )
    )


def deployment_replace(*, deployment: Deployment, strategy: Strategy) -> bool:
    """Stop a deployment and let another version trade in its place, with the same symbols.

    Where the other version runs already it stays as it is. A deployment that does not run replaces
    nothing. Return whether it ran.
    """
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).get(pk=deployment.account_id)
        if not deployment_stop(deployment=deployment):
            return False
        running = Deployment.objects.filter(
            account=account, strategy=strategy, state=Deployment.State.ACTIVE
        )
        if not running.exists():
            deployment_start(account=account, strategy=strategy, symbols=deployment.symbols)
    return True


def signals_act(signal_id: int) -> None:
    """Tell every active deployment of the signal's strategy, each once, and mark it acted on.

    A deployment that cannot be told now leaves the signal unmarked, so that the sweep comes again;
    the others already have their order and do not get a second.
    """
    signal = Signal.objects.select_related("strategy", "instrument").get(pk=signal_id)
    if signal.acted_at is not None:
        return
    now = timezone.now()
    is_whole = True
    for deployment in _deployments(signal):
        try:
            _act(deployment, signal, now)
        except Exception:
            is_whole = False
            log.exception("deployment %d could not act on signal %d", deployment.pk, signal.pk)
    if is_whole:
        Signal.objects.filter(pk=signal.pk, acted_at=None).update(acted_at=now)


def _deployments(signal: Signal) -> list[Deployment]:
    active = signal.strategy.deployments.filter(
        state=Deployment.State.ACTIVE, created_at__lte=signal.created_at
    ).select_related("account")
    if is_private(signal.strategy):
        # Its owner shares it no more: others' deployments of it get no signals.
        active = active.filter(account__owner=signal.strategy.owner_id)
    return [d for d in active if not d.symbols or signal.instrument.symbol in d.symbols]


def _act(deployment: Deployment, signal: Signal, now: datetime) -> None:
    if signal.side == Signal.Side.SELL:
        _leave(deployment, signal)
    else:
        _enter(deployment, signal, now)


def _leave(deployment: Deployment, signal: Signal) -> None:
    """Exit what the deployment holds; leaving late is still leaving, so age does not matter."""
    position = deployment.positions.filter(instrument=signal.instrument, closed_at=None).first()
    if position is None or position.opened_at > signal.created_at:
        return
    position_exit(
        position.pk,
        cause=f"signal {signal.pk}: {signal.reason}",
        actor="signal",
        signal_id=signal.pk,
    )


def _enter(deployment: Deployment, signal: Signal, now: datetime) -> None:
    """Buy as much as the limits allow, with the signal's stop and target."""
    ticket = Ticket(
        account_id=deployment.account_id,
        instrument_id=signal.instrument_id,
        side=Order.Side.BUY,
        stop_loss=_on_tick(signal, signal.stop),
        take_profit=_on_tick(signal, signal.take),
        deployment_id=deployment.pk,
        signal_id=signal.pk,
        actor="signal",
        cause=f"signal {signal.pk}: {signal.reason}",
    )
    order_place(ticket, refusal=_stale(signal, now))


def _on_tick(signal: Signal, price: float | None) -> int | None:
    """Return a strategy's price as units on the instrument's grid, or None where it gave none."""
    if price is None or price <= 0:
        return None
    tick: int = signal.instrument.tick
    units = price_units(price, signal.instrument.price_scale)
    return max(units - units % tick, tick)


def _stale(signal: Signal, now: datetime) -> Verdict | None:
    """Refuse a signal that waited too long, or that was concluded long after its bar closed.

    A replay's bars are of another day, so only a live signal is held against the clock.
    """
    waited = now - signal.created_at
    late = timedelta(seconds=signal.created_at.timestamp() - signal.bar_close)
    if waited > FRESH_FOR or (signal.is_live and late > FRESH_FOR):
        return Verdict(Reason.STALE_SIGNAL, "The signal is too old to be acted on.")
    return None
