"""Book what a broker executed: fills, ledger and position together, exact to the unit.

Every function runs inside the caller's transaction, under the lock of the account.
"""

from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.utils import timezone

from mystic.lib import bus
from trading.brokers.base import Report
from trading.events import OrderFilled, PositionChanged
from trading.execution.fills import Execution, Snapshot
from trading.models import Fill, LedgerAccount, Order, Position
from trading.pots import Pots
from trading.services.ledger import Movement, book
from trading.services.order_steps import reserve_asset, reserve_rest
from trading.standing import positions_open
from trading.valuation import is_replay

Kind = LedgerAccount.Kind


def executions_book(
    order: Order,
    executions: Sequence[Execution],
    seen: Snapshot,
    pots: Pots,
    *,
    max_age_ms: int,
) -> list[Fill]:
    """Write a fill per execution with its ledger movements and the position they make.

    `order.filled` and `order.reserved` are changed on the object; the caller's next step of the
    order saves them.
    """
    position = _position_of(order)
    first = order.fills.count() + 1 if order.filled else 1
    fills = [
        _fill(order, position, execution, seen, number=number, max_age_ms=max_age_ms)
        for number, execution in enumerate(executions, start=first)
    ]
    for fill in fills:
        fill.save(force_insert=True)
        order.filled += fill.quantity
    is_buy = order.side == Order.Side.BUY
    movements = [m for fill in fills for m in (_bought if is_buy else _sold)(order, fill, pots)]
    if order.filled == order.quantity:
        movements.append(reserve_rest(order, pots))
    book(movements)
    _position_save(position)
    order.position = position
    for fill in fills:
        event = OrderFilled(fill.pk, order.pk, order.account.owner_id)
        transaction.on_commit(partial(bus.publish, event))
    changed = PositionChanged(position.pk, order.account.owner_id)
    transaction.on_commit(partial(bus.publish, changed))
    return fills


def affordable(order: Order, report: Report, pots: Pots) -> tuple[Execution, ...]:
    """Return the executions that the reserve and the free cash pay for.

    Each fill rounds up by itself, so many small ones can need a few units more than was held;
    they come from the free cash, and where there is none the rest is not traded.
    """
    if order.side == Order.Side.SELL:
        return report.executions
    left = order.reserved + pots.balance(order.instrument.quote, Kind.CASH)
    paid: list[Execution] = []
    for execution in report.executions:
        left -= execution.notional + execution.fee
        if left < 0:
            break
        paid.append(execution)
    return tuple(paid)


def _position_of(order: Order) -> Position:
    """Return the position the order changes; a purchase opens it where there is none."""
    held = positions_open(order.account_id)
    key = (order.instrument_id, order.deployment_id)
    found = next((p for p in held if (p.instrument_id, p.deployment_id) == key), None)
    if found is None:
        return Position(
            account=order.account,
            instrument=order.instrument,
            deployment_id=order.deployment_id,
            stop_price=order.stop_loss,
            take_price=order.take_profit,
        )
    if order.side == Order.Side.BUY:
        # The newest purchase says where the whole position ends.
        found.stop_price, found.take_price = order.stop_loss, order.take_profit
    return found


def _fill(
    order: Order,
    position: Position,
    execution: Execution,
    seen: Snapshot,
    *,
    number: int,
    max_age_ms: int,
) -> Fill:
    """Apply one execution to the position and return its fill, not yet saved."""
    apply = _apply_buy if order.side == Order.Side.BUY else _apply_sell
    realised = apply(position, execution)
    origins = Fill.Origin
    return Fill(
        order=order,
        trade_id=f"paper-{number}",
        quantity=execution.quantity,
        price=execution.price,
        notional=execution.notional,
        fee=execution.fee,
        fee_asset=order.instrument.quote,
        realised=realised,
        source=seen.market.source,
        origin=origins.REPLAY if is_replay(seen.market.source) else origins.LIVE,
        quote_received_at_ms=seen.market.received_at_ms,
        quote_age_ms=seen.age_ms,
        max_age_ms=max_age_ms,
    )


def _apply_buy(position: Position, execution: Execution) -> int:
    position.quantity += execution.quantity
    position.cost += execution.notional
    position.fees += execution.fee
    position.realised -= execution.fee
    return -execution.fee


def _apply_sell(position: Position, execution: Execution) -> int:
    """Take the sold part out at its share of the cost; the last part takes what is left of it."""
    cost: int = position.cost * execution.quantity // position.quantity
    realised = execution.notional - cost - execution.fee
    position.quantity -= execution.quantity
    position.cost -= cost
    position.fees += execution.fee
    position.realised += realised
    return realised


def _position_save(position: Position) -> None:
    if position.quantity == 0:
        position.closed_at = timezone.now()
    position.save()


def _bought(order: Order, fill: Fill, pots: Pots) -> list[Movement]:
    """Quote goes from the reserve to the venue and to fees, base comes in."""
    quote, base = order.instrument.quote, order.instrument.base
    quote_scale, base_scale = order.instrument.quote_scale, order.instrument.base_scale
    reserved = pots.pot(quote, Kind.RESERVED, quote_scale)
    cash = pots.pot(quote, Kind.CASH, quote_scale)
    short = max(fill.notional + fill.fee - order.reserved, 0)
    order.reserved += short - fill.notional - fill.fee
    venue, fees = pots.pot(quote, Kind.VENUE, quote_scale), pots.pot(quote, Kind.FEES, quote_scale)
    base_venue, base_cash = (
        pots.pot(base, Kind.VENUE, base_scale),
        pots.pot(base, Kind.CASH, base_scale),
    )
    return [
        _move("topup", fill, order, cash, reserved, short, "rounding of a fill"),
        _move("quote", fill, order, reserved, venue, fill.notional, "paid for a purchase"),
        _move("fee", fill, order, reserved, fees, fill.fee, "fee"),
        _move("base", fill, order, base_venue, base_cash, fill.quantity, "bought"),
    ]


def _sold(order: Order, fill: Fill, pots: Pots) -> list[Movement]:
    """Base goes from the reserve to the venue, quote comes in, the fee is paid from it."""
    quote = order.instrument.quote
    quote_scale = order.instrument.quote_scale
    base, base_scale = reserve_asset(order)
    cash = pots.pot(quote, Kind.CASH, quote_scale)
    venue, fees = pots.pot(quote, Kind.VENUE, quote_scale), pots.pot(quote, Kind.FEES, quote_scale)
    base_reserved = pots.pot(base, Kind.RESERVED, base_scale)
    base_venue = pots.pot(base, Kind.VENUE, base_scale)
    order.reserved -= fill.quantity
    return [
        _move("base", fill, order, base_reserved, base_venue, fill.quantity, "sold"),
        _move("quote", fill, order, venue, cash, fill.notional, "received for a sale"),
        _move("fee", fill, order, cash, fees, fill.fee, "fee"),
    ]


def _move(
    name: str,
    fill: Fill,
    order: Order,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount: int,
    memo: str,
) -> Movement:
    return Movement(f"fill:{fill.pk}:{name}", debit, credit, amount, memo, order, fill)
