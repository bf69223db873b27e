"""Move an order along its table: the row, its event and what it holds back, all or nothing.

Every function runs inside the caller's transaction, under the lock of the account.
"""

from functools import partial

from django.db import transaction
from django.utils import timezone

from mystic.lib import bus
from trading.events import OrderChanged
from trading.execution.order_state import TERMINAL, Event, IllegalMoveError, Status, next_status
from trading.models import Account, LedgerAccount, Order, OrderEvent
from trading.pots import Pots
from trading.services.ledger import Movement, book


def order_step(
    order: Order,
    event: Event,
    *,
    actor: str,
    cause: str = "",
    reason_code: str = "",
) -> None:
    """Take one step of the order's life; at its end release what it held back.

    Raises
    ------
    IllegalMoveError
        If the order, as the database has it, cannot take this step.
    """
    before = order.status
    order.status = next_status(before, event)
    order.reason_code = reason_code
    order.updated_at = timezone.now()
    if order.status in TERMINAL:
        reserve_release(order)
    order.steps += 1
    changed = Order.objects.filter(pk=order.pk, status=before).update(
        steps=order.steps,
        status=order.status,
        filled=order.filled,
        reserved=order.reserved,
        reason_code=order.reason_code,
        position=order.position_id,
        updated_at=order.updated_at,
    )
    if changed != 1:
        raise IllegalMoveError(Status(before), event)
    OrderEvent.objects.create(
        order=order,
        seq=order.steps,
        from_status=before,
        to_status=order.status,
        actor=actor,
        cause=cause[:200],
        reason_code=reason_code,
    )
    changed_event = OrderChanged(order.pk, order.account.owner_id, str(order.status))
    transaction.on_commit(partial(bus.publish, changed_event))


def reserve_take(order: Order, pots: Pots, amount: int) -> None:
    """Hold back what the order may use: quote for a buy, base for a sell."""
    asset, scale = reserve_asset(order)
    cash = pots.pot(asset, LedgerAccount.Kind.CASH, scale)
    reserved = pots.pot(asset, LedgerAccount.Kind.RESERVED, scale)
    memo = "reserved for an order"
    book([Movement(f"reserve:{order.pk}", cash, reserved, amount, memo, order)])


def reserve_release(order: Order) -> None:
    """Give back what the order no longer needs."""
    if order.reserved:
        book([reserve_rest(order, Pots.of(order.account))])


def reserve_rest(order: Order, pots: Pots) -> Movement:
    """Return the movement that gives back all the order still holds; it then holds nothing."""
    asset, scale = reserve_asset(order)
    cash = pots.pot(asset, LedgerAccount.Kind.CASH, scale)
    reserved = pots.pot(asset, LedgerAccount.Kind.RESERVED, scale)
    rest, order.reserved = order.reserved, 0
    memo = "released by an order"
    return Movement(f"release:{order.pk}", reserved, cash, rest, memo, order)


def reserve_asset(order: Order) -> tuple[str, int]:
    """Return the asset an order holds back and its scale."""
    if order.side == Order.Side.BUY:
        return order.instrument.quote, order.instrument.quote_scale
    return order.instrument.base, order.instrument.base_scale


def entries_withdraw(account: Account, *, reason_code: str, actor: str, cause: str = "") -> int:
    """Cancel every working purchase of the account; return how many there were."""
    working = account.orders.filter(side=Order.Side.BUY, status__in=Order.WORKING).select_related(
        "instrument", "account"
    )
    count = 0
    for order in working:
        order_step(order, Event.CANCEL, actor=actor, cause=cause, reason_code=reason_code)
        count += 1
    return count
