"""Execute approved orders on paper, and leave positions."""

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from markets.models import Instrument
from markets.quotes import store
from markets.selectors import closed_reason, closed_until
from markets.selectors_sources import pause_reason
from mystic.lib.prepared import Prepared
from trading.brokers.base import Outcome, Report, Submission
from trading.brokers.paper import PaperBroker
from trading.execution.fills import NO_FRESH_QUOTE, NO_LIQUIDITY, MarketView
from trading.execution.order_state import Event
from trading.models import Account, Order, Position
from trading.pots import Pots
from trading.risk.engine import LOCKS
from trading.risk.reasons import Reason
from trading.services.bookings import affordable, executions_book
from trading.services.order_steps import order_step
from trading.services.orders import order_place
from trading.standing import day_opened, strictest_lock
from trading.tickets import Ticket
from trading.valuation import is_replay, terms_of

log = logging.getLogger(__name__)
ACTOR = "paper"

_account_of = Prepared(
    lambda order: Account.objects.select_for_update(no_key=True, of=("self",)).filter(orders=order)
)
_order = Prepared(
    lambda pk: Order.objects.select_related("account", "instrument__venue", "risk_decision").filter(
        pk=pk
    )
)


def paper_execute(order_id: int, *, view: MarketView = store) -> Order:
    """Trade a working paper order against the live market, as far as it goes now.

    The lock of the account makes this the only execution of the order: whoever comes second finds
    it filled. Fills, ledger, position and the order's step are one transaction. An order that
    cannot trade now rests (limit) or waits until its patience ends (market).
    """
    with transaction.atomic():
        order = _locked(order_id)
        now = timezone.now()
        if order.status not in Order.WORKING or order.mode != Account.Mode.PAPER:
            return order
        if _is_ended(order, now):
            return order
        report = _submit(order, view)
        pots = Pots.of(order.account) if report.executions else None
        executions = affordable(order, report, pots) if pots else ()
        if executions and pots and report.snapshot:
            max_age_ms = settings.ENV["MYSTIC_MAX_QUOTE_AGE_MS"]
            executions_book(order, executions, report.snapshot, pots, max_age_ms=max_age_ms)
            is_whole = order.filled == order.quantity
            order_step(order, Event.FILL if is_whole else Event.FILL_PART, actor=ACTOR)
        elif order.status == Order.Status.SUBMITTED:
            order_step(order, Event.ACCEPT, actor=ACTOR, reason_code=report.reason_code)
    return order


def orders_expire(*, now: datetime | None = None) -> int:
    """End every market order whose patience is over; return how many ended.

    One that cannot be ended is left for the next time and holds up no other.
    """
    now = now or timezone.now()
    late = Order.objects.filter(status__in=Order.WORKING, expires_at__lte=now)
    count = 0
    for order_id in late.values_list("pk", flat=True):
        try:
            count += _expired(order_id, now)
        except Exception:
            log.exception("order %d could not be ended", order_id)
    return count


def _expired(order_id: int, now: datetime) -> bool:
    with transaction.atomic():
        order = _locked(order_id)
        return order.status in Order.WORKING and _is_ended(order, now)


def position_exit(
    position_id: int, *, cause: str, actor: str, signal_id: int | None = None
) -> Order | None:
    """Sell the whole position at the market, once: a second call returns the order at work.

    Resting sales of the position are withdrawn first, so that all of it can go. Returns None
    where the position is closed already.
    """
    with transaction.atomic():
        position = Position.objects.get(pk=position_id)
        Account.objects.select_for_update(no_key=True).get(pk=position.account_id)
        position.refresh_from_db()
        if position.closed_at is not None:
            return None
        working = position.orders.filter(
            side=Order.Side.SELL, status__in=Order.WORKING
        ).select_related("account", "instrument")
        for order in working:
            if order.is_reduce_only and order.type == Order.Type.MARKET:
                return order
            order_step(
                order, Event.CANCEL, actor=actor, cause=cause, reason_code="replaced_by_exit"
            )
        ticket = Ticket(
            account_id=position.account_id,
            instrument_id=position.instrument_id,
            side=Order.Side.SELL,
            quantity=position.quantity,
            is_reduce_only=True,
            deployment_id=position.deployment_id,
            position_id=position.pk,
            signal_id=signal_id,
            actor=actor,
            cause=cause,
        )
        order = order_place(ticket)
    order.refresh_from_db()
    return order


def _locked(order_id: int) -> Order:
    """Lock the order's account, then read the order as it is now."""
    _account_of.get(order_id)
    return _order.get(order_id)


def _is_ended(order: Order, now: datetime) -> bool:
    """End the order where its time is over or entries have been stopped; tell whether it was."""
    if order.expires_at is not None and order.expires_at <= now:
        reason = order.reason_code or NO_FRESH_QUOTE
        if order.status == Order.Status.PARTIALLY_FILLED:
            reason = NO_LIQUIDITY
        order_step(order, Event.EXPIRE, actor=ACTOR, reason_code=reason)
        return True
    is_late = order.status == Order.Status.SUBMITTED and order.risk_decision.expires_at <= now
    if is_late and not _is_owed(order):
        order_step(order, Event.EXPIRE, actor=ACTOR, reason_code="decision_expired")
        return True
    if order.side == Order.Side.BUY:
        stopped = _entries_stopped(order.account, now)
        if stopped:
            order_step(order, Event.CANCEL, actor="risk", reason_code=stopped)
            return True
    return False


def _is_owed(order: Order) -> bool:
    """Tell an exit that waits however long it takes: it only reduces, and nobody asks again."""
    return order.is_reduce_only and order.type == Order.Type.MARKET and order.expires_at is None


def _entries_stopped(account: Account, now: datetime) -> str:
    """Return why no purchase of the account may fill now, or nothing."""
    day = day_opened(account, now)
    if day is not None and day.is_halted:
        return Reason.DAILY_LOSS_HALT
    level = strictest_lock(account, now)
    return LOCKS[level] if level else ""


def _waits_for(order: Order) -> str:
    """Return why the order may not trade at any price now, or nothing; it waits meanwhile."""
    instrument, is_entry = order.instrument, order.side == Order.Side.BUY
    if instrument.status != Instrument.Status.TRADING:
        return Reason.NOT_TRADING
    # Where the hours are not known a fresh price still lets a position go.
    if closed_reason(instrument) if is_entry else closed_until(instrument) is not None:
        return Reason.MARKET_CLOSED
    return Reason.SOURCES_DISAGREE if is_entry and pause_reason(instrument.pk) else ""


def _submit(order: Order, view: MarketView) -> Report:
    """Hand what is open of the order to the paper broker."""
    waits_for = _waits_for(order)
    if waits_for:
        return Report(Outcome.WAITING, waits_for)
    newest = order.fills.aggregate(at=Max("quote_received_at_ms"))["at"] if order.filled else None
    submission = Submission(
        client_order_id=order.client_order_id,
        instrument_id=order.instrument_id,
        side=order.side,
        quantity=order.quantity - order.filled,
        terms=terms_of(order.instrument),
        limit_price=order.limit_price,
        worst_price=order.worst_price,
        is_resting=order.type == Order.Type.LIMIT and order.status != Order.Status.SUBMITTED,
        newer_than_ms=newest or 0,
    )
    report = PaperBroker(view, settings.ENV["MYSTIC_MAX_QUOTE_AGE_MS"]).submit(submission)
    if report.snapshot is None:
        return report
    if is_replay(report.snapshot.market.source) != order.instrument.venue.is_replay:
        return Report(Outcome.WAITING, Reason.SOURCE)
    return report
