"""Pages of trading: the portfolio, orders, the ticket, the switch of a strategy, risk."""

import secrets
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from markets.models import Instrument
from markets.selectors import instrument_by_symbol, instruments_watched
from mystic.models import User
from signals.selectors import strategies_for
from trading import selectors
from trading.forms import LimitsForm, LockForm, TicketForm
from trading.models import Account, Lock, Order
from trading.selectors_parity import proof_of
from trading.services.accounts import account_open
from trading.services.deployments import (
    deployment_replace,
    deployment_start,
    deployment_stop,
)
from trading.services.fills import position_exit
from trading.services.limits import limits_change
from trading.services.locks import lock_lift, lock_set
from trading.services.orders import order_cancel, order_place
from trading.tickets import IdempotencyMismatch, OrderNotOpenError, Ticket, TicketError

PAGE_SIZE = 50
# The field beside which a refusal of the risk engine is shown.
FIELD_OF_REASON = {
    "step": "quantity",
    "must_be_positive": "quantity",
    "too_large": "quantity",
    "risk_min_quantity": "quantity",
    "risk_min_notional": "quantity",
    "risk_position_notional": "quantity",
    "risk_exposure": "quantity",
    "risk_balance": "quantity",
    "short_not_supported": "quantity",
    "tick": "limit_price",
    "stop_wrong_side": "stop_loss",
    "take_wrong_side": "take_profit",
}


@require_GET
@login_required
def verdicts(request: HttpRequest, signal_id: int) -> HttpResponse:
    """Show what risk said to the orders that a signal asked for on the user's accounts."""
    found = selectors.orders_for(user=_member(request)).filter(signal_id=signal_id)
    return render(request, "trading/fragments/verdicts.html", {"orders": found})


@require_GET
@login_required
def portfolio(request: HttpRequest) -> HttpResponse:
    """Show money, open positions, closed ones and what risk allows."""
    user = _member(request)
    account = account_open(user=user)
    context = {
        "portfolio": selectors.portfolio_for(user=user, account_id=account.pk),
        "closed": selectors.positions_for(user=user).exclude(closed_at=None)[:PAGE_SIZE],
        "replaced": selectors.deployments_replaced_for(user=user),
        **_stop_context(account, LockForm()),
    }
    return render(request, "trading/portfolio.html", context)


@require_GET
@login_required
def orders(request: HttpRequest) -> HttpResponse:
    """Show working orders and the history of all others with their events."""
    user = _member(request)
    history = selectors.orders_with_events_for(user=user).exclude(status__in=Order.WORKING)
    context = {
        "working": selectors.working_orders_for(user=user),
        "working_states": Order.WORKING,
        "page": Paginator(history, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "trading/orders.html", context)


@require_GET
@login_required
def tiles(request: HttpRequest) -> HttpResponse:
    user = _member(request)
    account = account_open(user=user)
    found = selectors.portfolio_for(user=user, account_id=account.pk)
    return render(request, "trading/fragments/tiles.html", {"portfolio": found})


@require_GET
@login_required
def positions_fragment(request: HttpRequest) -> HttpResponse:
    """Show the open positions, of one symbol where one is asked for."""
    symbol = _symbol(request)
    holdings = selectors.holdings_for(user=_member(request), symbol=symbol)
    context = {"holdings": holdings, "symbol": symbol}
    return render(request, "trading/fragments/positions.html", context)


@require_GET
@login_required
def orders_fragment(request: HttpRequest) -> HttpResponse:
    """Show the working orders and the newest others, of one symbol where one is asked for."""
    user, symbol = _member(request), _symbol(request)
    recent = selectors.orders_for(user=user, symbol=symbol).exclude(status__in=Order.WORKING)
    context = {
        "working": selectors.working_orders_for(user=user, symbol=symbol),
        "working_states": Order.WORKING,
        "recent": [] if request.GET.get("only") == "working" else recent[:10],
        "symbol": symbol,
    }
    return render(request, "trading/fragments/orders.html", context)


@require_POST
@login_required
def order_cancel_view(request: HttpRequest, order_id: int) -> HttpResponse:
    """Cancel an order; one that has ended already stays as it is, and the person is told."""
    user = _member(request)
    order = get_object_or_404(selectors.orders_for(user=user), pk=order_id)
    try:
        order_cancel(order=order, actor=user.username)
        said = {"level": "success", "text": "The order is cancelled."}
    except OrderNotOpenError as fault:
        said = {"level": "warning", "text": str(fault)}
    order = get_object_or_404(selectors.orders_with_events_for(user=user), pk=order_id)
    answer = render(
        request,
        "trading/fragments/order_row.html",
        {"order": order, "working_states": Order.WORKING},
    )
    return trigger_client_event(answer, "mystic:toast", said)


@require_POST
@login_required
def position_close(request: HttpRequest, position_id: int) -> HttpResponse:
    """Sell a whole position at the market."""
    user = _member(request)
    position = get_object_or_404(selectors.positions_for(user=user), pk=position_id)
    order = position_exit(position.pk, cause="closed by hand", actor=user.username)
    holding = next(
        (h for h in selectors.holdings_for(user=user) if h.position.pk == position_id), None
    )
    answer = render(request, "trading/fragments/position_row.html", {"holding": holding})
    return trigger_client_event(answer, "mystic:toast", _closed(order))


def _closed(order: Order | None) -> dict[str, str]:
    if order is None:
        return {"level": "info", "text": "The position was closed already."}
    if order.status == Order.Status.FILLED:
        return {"level": "success", "text": "The position is closed."}
    reason = order.reason_code.replace("_", " ") or "waiting for a price"
    return {"level": "warning", "text": f"The closing order is {_status(order)}: {reason}."}


def _status(order: Order) -> str:
    return order.get_status_display().lower()


@require_http_methods(["GET", "POST"])
@login_required
def ticket(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the order ticket of an instrument, and place what it says."""
    user = _member(request)
    instrument = _instrument(slug)
    account = account_open(user=user)
    if request.method != "POST":
        return _ticket_page(request, account, instrument, _blank_ticket(instrument))
    form = TicketForm(request.POST, instrument=instrument)
    order = _placed(form, account, instrument, user) if form.is_valid() else None
    if order is None:
        return _ticket_page(request, account, instrument, form, status=422)
    answer = _ticket_page(request, account, instrument, _blank_ticket(instrument))
    text = f"{order.get_side_display()} {instrument.symbol}: {_status(order)}."
    return trigger_client_event(answer, "mystic:toast", {"level": "success", "text": text})


def _blank_ticket(instrument: Instrument) -> TicketForm:
    initial = {"idempotency_key": secrets.token_urlsafe(16), "side": Order.Side.BUY}
    return TicketForm(instrument=instrument, initial=initial)


def _placed(form: TicketForm, account: Account, instrument: Instrument, user: User) -> Order | None:
    """Place the order; a refusal becomes an error beside the field it is about."""
    data = form.cleaned_data
    try:
        wish = Ticket(
            account_id=account.pk,
            instrument_id=instrument.pk,
            side=data["side"],
            type=data["type"],
            quantity=data["quantity"],
            limit_price=data["limit_price"],
            stop_loss=data["stop_loss"],
            take_profit=data["take_profit"],
            idempotency_key=data["idempotency_key"],
            actor=user.username,
            cause="order ticket",
        )
        order = order_place(wish)
    except TicketError as fault:
        form.add_error(FIELD_OF_REASON.get(fault.reason_code), fault.detail)
        return None
    except IdempotencyMismatch:
        form.add_error(None, "This ticket was sent before with other figures. Load it again.")
        return None
    if order.status == Order.Status.DENIED:
        decision = order.risk_decision
        form.add_error(FIELD_OF_REASON.get(decision.reason_code), decision.detail)
        # The next attempt is another wish, and wants another key.
        form.data = {
            **{n: form.data[n] for n in form.data},
            "idempotency_key": secrets.token_urlsafe(16),
        }
        return None
    return order


def _ticket_page(
    request: HttpRequest,
    account: Account,
    instrument: Instrument,
    form: TicketForm,
    status: int = 200,
) -> HttpResponse:
    held = (
        selectors.positions_for(user=_member(request))
        .filter(instrument=instrument, closed_at=None, deployment=None)
        .first()
    )
    context = {
        "form": form,
        "instrument": instrument,
        "account": account,
        "quotation": selectors.quotation_for(account=account, instrument=instrument),
        "held": held,
    }
    return render(request, "trading/fragments/ticket.html", context, status=status)


@require_http_methods(["GET", "POST"])
@login_required
def deployment(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Show the switch of a strategy for the person's account, and turn it."""
    user = _member(request)
    strategy = get_object_or_404(strategies_for(user=user), pk=strategy_id)
    account = account_open(user=user)
    running = selectors.deployment_for(user=user, strategy=strategy)
    watched = [instrument.symbol for instrument in instruments_watched()]
    if request.method == "POST":
        if request.POST.get("switch") == "on":
            asked = request.POST.getlist("symbols")
            chosen = [s for s in asked if s in watched]
            if asked and not chosen:
                # To trade none of them must not become to trade them all.
                return HttpResponseBadRequest("none of these symbols is on the watch list")
            symbols = [] if set(chosen) == set(watched) else chosen
            deployment_start(account=account, strategy=strategy, symbols=symbols)
        elif running is not None:
            deployment_stop(deployment=running)
        running = selectors.deployment_for(user=user, strategy=strategy)
    context = {
        "strategy": strategy,
        "running": running,
        **proof_of(strategy, user=user, running=running),
        "account": account,
        "watched": watched,
    }
    answer = render(request, "trading/fragments/deployment.html", context)
    if request.method != "POST":
        return answer
    text = f"{strategy.name} is {'on' if running else 'off'} for your account."
    return trigger_client_event(answer, "mystic:toast", {"level": "success", "text": text})


@require_GET
@login_required
def replaced_fragment(request: HttpRequest) -> HttpResponse:
    """Show the person's deployments whose version was replaced."""
    return _replaced_panel(request, _member(request))


@require_POST
@login_required
def deployment_replaced(request: HttpRequest, deployment_id: int) -> HttpResponse:
    """Switch from a replaced version to the new one, or off where there is none."""
    user = _member(request)
    found = selectors.deployments_replaced_for(user=user)
    row = next((one for one in found if one.deployment.pk == deployment_id), None)
    if row is None:
        get_object_or_404(selectors.deployments_for(user=user), pk=deployment_id)
        said = {"level": "info", "text": "That version does not run any more."}
    elif row.successor is None:
        deployment_stop(deployment=row.deployment)
        said = {"level": "success", "text": f"{row.deployment.strategy.name} is off."}
    else:
        deployment_replace(deployment=row.deployment, strategy=row.successor)
        said = {"level": "success", "text": f"The new version of {row.successor.name} is on."}
    answer = _replaced_panel(request, user)
    trigger_client_event(answer, "mystic:deployment", {})
    return trigger_client_event(answer, "mystic:toast", said)


def _replaced_panel(request: HttpRequest, user: User) -> HttpResponse:
    context = {"replaced": selectors.deployments_replaced_for(user=user)}
    return render(request, "trading/fragments/replaced.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def risk(request: HttpRequest) -> HttpResponse:
    """Show the limits of the person's account, and change them."""
    user = _member(request)
    account = account_open(user=user)
    if request.method != "POST":
        return _risk_page(request, account, LimitsForm(account=account))
    form = LimitsForm(request.POST, account=account)
    if not form.is_valid():
        return _risk_page(request, account, form, status=422)
    limits_change(account=account, **form.limits)
    account = selectors.accounts_for(user=user).get(pk=account.pk)
    answer = _risk_page(request, account, LimitsForm(account=account))
    said = {"level": "success", "text": "The limits are saved."}
    return trigger_client_event(answer, "mystic:toast", said)


@require_POST
@login_required
def lock_place(request: HttpRequest) -> HttpResponse:
    """Stop the person's own trading."""
    user = _member(request)
    account = account_open(user=user)
    form = LockForm(request.POST)
    if not form.is_valid():
        return _stop_panel(request, account, form, status=422)
    lock_set(account=account, actor=user.username, **form.cleaned_data)
    answer = _stop_panel(request, account, LockForm())
    said = {"level": "warning", "text": "Trading is stopped."}
    return trigger_client_event(answer, "mystic:toast", said)


@require_POST
@login_required
def lock_release(request: HttpRequest, lock_id: int) -> HttpResponse:
    user = _member(request)
    lock_lift(lock=get_object_or_404(selectors.locks_for(user=user), pk=lock_id))
    answer = _stop_panel(request, account_open(user=user), LockForm())
    said = {"level": "success", "text": "The lock is lifted."}
    return trigger_client_event(answer, "mystic:toast", said)


def _risk_page(
    request: HttpRequest, account: Account, form: LimitsForm, status: int = 200
) -> HttpResponse:
    """Show the limits: as a page of its own, or as the part of one that htmx asks for."""
    is_part = request.headers.get("HX-Request") == "true"
    template = "trading/fragments/risk.html" if is_part else "trading/risk.html"
    context = {"form": form, **_stop_context(account, LockForm())}
    return render(request, template, context, status=status)


def _stop_panel(
    request: HttpRequest, account: Account, form: LockForm, status: int = 200
) -> HttpResponse:
    context = _stop_context(account, form)
    return render(request, "trading/fragments/stop.html", context, status=status)


def _stop_context(account: Account, form: LockForm) -> dict[str, Any]:
    locks = Lock.objects.filter(account=account, lifted_at=None)
    return {"lock_form": form, "account": account, "locks": locks}


def _member(request: HttpRequest) -> User:
    """Return who is signed in; `login_required` has seen to it that somebody is."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _instrument(slug: str) -> Instrument:
    try:
        return instrument_by_symbol(slug)
    except Instrument.DoesNotExist as fault:
        raise Http404 from fault


def _symbol(request: HttpRequest) -> str | None:
    """Return the canonical symbol that the address asks for, or None where it asks for none."""
    asked = request.GET.get("symbol")
    return _instrument(asked).symbol if asked else None
