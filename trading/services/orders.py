"""Place and cancel orders. There is no other way to an order, and none past the risk engine."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from markets.models import Instrument
from markets.selectors import closed_reason
from markets.selectors_sources import pause_reason
from mystic.lib import bus
from mystic.lib.prepared import Prepared
from mystic.lib.units import price_units, shown
from trading.events import OrderChanged, OrderSubmitted
from trading.execution.fees import PAPER
from trading.execution.fills import MarketView
from trading.execution.order_state import Event, IllegalMoveError
from trading.market import current_view
from trading.models import Account, Order, OrderEvent, Position, RiskDay, RiskDecision
from trading.risk.engine import assess, is_daily_loss_reached, size, stops_attached, worst_price
from trading.risk.reasons import Reason
from trading.risk.values import AccountState, Request, Verdict
from trading.services.order_steps import order_step, reserve_take
from trading.services.risk_days import day_halt, risk_day_get
from trading.standing import Standing, reserve_for, standing_read
from trading.tickets import IdempotencyMismatch, OrderNotOpenError, Ticket
from trading.valuation import is_replay, terms_of

# How long a decision may wait for its broker, and a market order for a price that fills it.
PATIENCE = timedelta(seconds=30)
# A signal is concluded on a bar's close, so the quote it is sized by may be a little older than
# one that fills; the fill itself waits for a fresh one.
SIGNAL_QUOTE_AGE_MS = 30_000

_account = Prepared(lambda pk: Account.objects.select_for_update(no_key=True).filter(pk=pk))
_instrument = Prepared(lambda pk: Instrument.objects.select_related("venue").filter(pk=pk))


@dataclass(slots=True)
class Judgement:
    """Everything one decision is made of."""

    ticket: Ticket
    account: Account
    instrument: Instrument
    position: Position | None
    request: Request
    standing: Standing
    state: AccountState
    day: RiskDay
    verdict: Verdict


def order_place(
    ticket: Ticket, *, view: MarketView | None = None, refusal: Verdict | None = None
) -> Order:
    """Judge the ticket and write decision, order, events and reserve in one transaction.

    Parameters
    ----------
    ticket : Ticket
        The wish; a denied one is stored as a denied order with its reason.
    view : MarketView, optional
        Where quotes are found; the process's own by default.
    refusal : Verdict, optional
        A reason found before risk was asked, such as a stale signal; the order is denied by it.

    Raises
    ------
    IdempotencyMismatch
        If the ticket's key was used for another wish.
    """
    with transaction.atomic():
        account = _account.get(ticket.account_id)
        order = _repeated(ticket)
        if order is None:
            judgement = _judge(ticket, account, view or current_view(), refusal)
            order = _write(judgement, timezone.now())
    if order.risk_verdict == RiskDecision.Verdict.APPROVED:
        order.refresh_from_db()
    return order


def order_cancel(*, order: Order, actor: str, cause: str = "", reason_code: str = "") -> Order:
    """Cancel a working order and release what it held back.

    Raises
    ------
    OrderNotOpenError
        If it ended already: a fill that came first wins.
    """
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=order.account_id)
        fresh = Order.objects.select_related("account", "instrument").get(pk=order.pk)
        try:
            order_step(
                fresh,
                Event.CANCEL,
                actor=actor,
                cause=cause,
                reason_code=reason_code or "canceled_by_user",
            )
        except IllegalMoveError as fault:
            message = f"The order is {fresh.get_status_display().lower()} and stays so."
            raise OrderNotOpenError(message) from fault
    return fresh


def _repeated(ticket: Ticket) -> Order | None:
    """Return the order this ticket made before, by its key or by its deployment and signal."""
    orders = Order.objects.filter(account_id=ticket.account_id)
    if ticket.idempotency_key:
        found = orders.filter(idempotency_key=ticket.idempotency_key).first()
        if found is not None and found.request_digest != ticket.digest:
            message = "This idempotency key was used for another order."
            raise IdempotencyMismatch(message)
        return found
    if ticket.deployment_id and ticket.signal_id:
        return orders.filter(deployment_id=ticket.deployment_id, signal_id=ticket.signal_id).first()
    return None


def _judge(
    ticket: Ticket, account: Account, view: MarketView, refusal: Verdict | None
) -> Judgement:
    now = timezone.now()
    instrument = _instrument.get(ticket.instrument_id)
    standing = standing_read(account, view, now)
    day = risk_day_get(standing, now)
    position = _position(ticket, standing)
    key = (instrument.pk, position.deployment_id if position else ticket.deployment_id)
    state = standing.state(day, key=key, position=position)
    request = _request(ticket, account, instrument, view)
    if ticket.side == Order.Side.BUY:
        request = _with_stops(request, ticket, position, standing)
    if ticket.quantity is None:
        request, refusal = _sized(request, state, standing, refusal)
    verdict = refusal or assess(request, state, standing.limits)
    if standing.is_complete and is_daily_loss_reached(
        standing.equity, day.opening_equity, standing.limits
    ):
        day_halt(standing, day, now)
    return Judgement(ticket, account, instrument, position, request, standing, state, day, verdict)


def _position(ticket: Ticket, standing: Standing) -> Position | None:
    if ticket.position_id is not None:
        return next((p for p in standing.positions if p.pk == ticket.position_id), None)
    return standing.position_for((ticket.instrument_id, ticket.deployment_id))


def _request(ticket: Ticket, account: Account, instrument: Instrument, view: MarketView) -> Request:
    is_market = ticket.type == Order.Type.MARKET
    quote = view.latest(instrument.pk)
    price = ticket.limit_price
    if is_market and quote is not None:
        best = quote.ask if ticket.side == Order.Side.BUY else quote.bid
        price = price_units(best, instrument.price_scale)
    return Request(
        side=ticket.side,
        is_market=is_market,
        quantity=ticket.quantity or 0,
        price=price,
        terms=terms_of(instrument),
        fees=PAPER,
        stop=ticket.stop_loss,
        take=ticket.take_profit,
        is_reduce_only=ticket.is_reduce_only,
        is_trading=instrument.status == Instrument.Status.TRADING,
        quote_asset=instrument.quote,
        account_currency=account.currency,
        is_currency_right=(instrument.quote, instrument.quote_scale)
        == (account.currency, account.scale),
        venue_is_replay=instrument.venue.is_replay,
        quote_is_replay=None if quote is None else is_replay(quote.source),
        quote_age_ms=None if quote is None else view.age_ms(quote),
        max_quote_age_ms=SIGNAL_QUOTE_AGE_MS
        if ticket.signal_id
        else settings.ENV["MYSTIC_MAX_QUOTE_AGE_MS"],
        closed_reason=closed_reason(instrument),
        pause_reason=pause_reason(instrument.pk) if ticket.side == Order.Side.BUY else "",
    )


def _with_stops(
    request: Request, ticket: Ticket, position: Position | None, standing: Standing
) -> Request:
    """Attach stop and target: the ticket's, else those of the open position, else the default."""
    if request.price is None:
        return request
    stop, take = ticket.stop_loss, ticket.take_profit
    if position is not None and stop is None and take is None:
        stop, take = position.stop_price, position.take_price
    stop, take = stops_attached(
        request.price, stop, take, terms=request.terms, limits=standing.limits
    )
    return replace(request, stop=stop, take=take)


def _sized(
    request: Request, state: AccountState, standing: Standing, refusal: Verdict | None
) -> tuple[Request, Verdict | None]:
    """Give the order its quantity; where that is nought, deny the smallest one by what binds."""
    if request.side == Order.Side.SELL:
        quantity, reason = state.position_quantity, Reason.SHORT
    else:
        sizing = size(request, state, standing.limits)
        quantity, reason = sizing.quantity, sizing.binding
    if quantity > 0:
        return replace(request, quantity=quantity), refusal
    smallest = max(request.terms.step, request.terms.min_quantity)
    detail = f"No quantity is possible: {reason.replace('_', ' ')}."
    told = {
        Reason.SOURCES_DISAGREE: request.pause_reason,
        Reason.MARKET_CLOSED: request.closed_reason,
    }
    detail = told.get(reason, detail)
    return replace(request, quantity=smallest), refusal or Verdict(reason, detail)


def _write(judgement: Judgement, now: datetime) -> Order:
    """Write the decision and the order with its first events; reserve when it is approved."""
    is_approved = judgement.verdict.is_approved
    decision = _decision(judgement, now)
    order = _order(judgement, decision, now)
    order.status = Order.Status.SUBMITTED if is_approved else Order.Status.DENIED
    order.reserved = reserve_for(order) if is_approved else 0
    order.save(force_insert=True)
    _first_events(order, judgement)
    if is_approved:
        reserve_take(order, judgement.standing.pots, order.reserved)
    told = OrderSubmitted(order.pk) if is_approved else _changed(order, judgement.account)
    transaction.on_commit(partial(bus.publish, told))
    return order


def _changed(order: Order, account: Account) -> OrderChanged:
    return OrderChanged(order.pk, account.owner_id, str(order.status))


def _decision(judgement: Judgement, now: datetime) -> RiskDecision:
    verdicts = RiskDecision.Verdict
    return RiskDecision.objects.create(
        account=judgement.account,
        verdict=verdicts.APPROVED if judgement.verdict.is_approved else verdicts.DENIED,
        reason_code=judgement.verdict.reason_code,
        detail=judgement.verdict.detail,
        inputs=_inputs(judgement),
        decided_at=now,
        expires_at=now + PATIENCE,
    )


def _inputs(judgement: Judgement) -> dict[str, object]:
    """Return what the decision was made on, money and prices as plain digits."""
    state, request, terms = judgement.state, judgement.request, judgement.request.terms
    limits = judgement.standing.limits
    money = {
        "equity": state.equity,
        "opening_equity": state.opening_equity,
        "cash": state.cash,
        "position_value": state.position_value,
        "exposure": state.exposure,
        "open_risk": state.open_risk,
        "position_cap": limits.position_cap(state.equity),
        "exposure_cap": limits.exposure_cap(state.equity),
        "max_daily_loss": limits.max_daily_loss,
    }
    prices = {"price": request.price, "stop": request.stop, "take": request.take}
    return {
        **{name: shown(units, judgement.account.scale) for name, units in money.items()},
        **{n: None if p is None else shown(p, terms.price_scale) for n, p in prices.items()},
        "side": request.side,
        "symbol": judgement.instrument.symbol,
        "quantity": shown(request.quantity, terms.base_scale),
        "open_positions": state.open_positions,
        "max_open_positions": limits.max_open_positions,
        "lock_level": state.lock_level,
        "is_halted": state.is_halted,
        "quote_age_ms": request.quote_age_ms,
        "equity_is_complete": judgement.standing.is_complete,
    }


def _order(judgement: Judgement, decision: RiskDecision, now: datetime) -> Order:
    ticket, request = judgement.ticket, judgement.request
    is_entry = ticket.side == Order.Side.BUY and judgement.verdict.is_approved
    is_bound = request.is_market and is_entry
    # What a strategy wants to leave is left when a price comes, however late that is.
    is_patient = not request.is_market or (ticket.signal_id is not None and not is_entry)
    position = judgement.position
    return Order(
        account=judgement.account,
        instrument=judgement.instrument,
        deployment_id=position.deployment_id if position else ticket.deployment_id,
        signal_id=ticket.signal_id,
        position=position,
        risk_decision=decision,
        risk_verdict=decision.verdict,
        client_order_id=Order.new_client_order_id(),
        idempotency_key=ticket.idempotency_key or None,
        request_digest=ticket.digest,
        mode=judgement.account.mode,
        side=ticket.side,
        type=ticket.type,
        quantity=request.quantity,
        limit_price=ticket.limit_price,
        steps=2,
        worst_price=worst_price(request, judgement.state, judgement.standing.limits)
        if is_bound
        else None,
        stop_loss=request.stop,
        take_profit=request.take,
        is_reduce_only=ticket.is_reduce_only,
        reason_code="" if judgement.verdict.is_approved else judgement.verdict.reason_code,
        created_at=now,
        updated_at=now,
        expires_at=None if is_patient else now + PATIENCE,
    )


def _first_events(order: Order, judgement: Judgement) -> None:
    ticket = judgement.ticket
    draft = Order.Status.DRAFT
    OrderEvent.objects.bulk_create(
        [
            OrderEvent(
                order=order, seq=1, to_status=draft, actor=ticket.actor, cause=ticket.cause[:200]
            ),
            OrderEvent(
                order=order,
                seq=2,
                from_status=draft,
                to_status=order.status,
                actor="risk",
                cause=judgement.verdict.detail[:200],
                reason_code=judgement.verdict.reason_code,
            ),
        ]
    )
