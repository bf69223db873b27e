"""The trading API: my account, my orders, my positions."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from markets.api_symbols import instrument_of
from mystic.lib.api import ApiView, combined, envelope, read_limit, read_page
from mystic.lib.api_schema import Origin, describe, enveloped
from mystic.lib.problems import Problem, request_id
from mystic.lib.units import shown
from mystic.models import User
from trading.api_data import optional, order_detail, order_row, portfolio_data, position_row
from trading.api_orders import OrderInput, idempotency_key, refusal_of, ticket_of
from trading.models import Account, Order
from trading.selectors import (
    account_for,
    holdings_for,
    orders_for,
    orders_with_events_for,
    portfolio_for,
    positions_for,
)
from trading.services.fills import position_exit
from trading.services.orders import order_cancel, order_place
from trading.tickets import IdempotencyMismatch, OrderNotOpenError
from trading.track_record import track_record

KEY_HEADER = {"Idempotency-Key": "The same key with the same body gives the same order."}


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else in
    return request.user


def _account(request: Request) -> Account:
    account = account_for(user=_user(request))
    if account is None:
        raise Problem(404, "no_account", "you have no paper account yet; sign in to the page once")
    return account


@extend_schema_serializer(component_name="Order")
class OrderSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    client_order_id = serializers.CharField()
    account_id = serializers.IntegerField()
    mode = serializers.CharField()
    symbol = serializers.CharField()
    side = serializers.CharField()
    type = serializers.CharField()
    status = serializers.CharField()
    reason_code = serializers.CharField()
    quantity = serializers.CharField()
    filled = serializers.CharField()
    limit_price = serializers.CharField(allow_null=True)
    stop_loss = serializers.CharField(allow_null=True)
    take_profit = serializers.CharField(allow_null=True)
    reduce_only = serializers.BooleanField()
    deployment_id = serializers.IntegerField(allow_null=True)
    signal_id = serializers.IntegerField(allow_null=True)
    position_id = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


@extend_schema_serializer(component_name="OrderDetail")
class OrderDetailSerializer(OrderSerializer):
    fills = serializers.ListField(child=serializers.DictField())
    events = serializers.ListField(child=serializers.DictField())


@extend_schema_serializer(component_name="Position")
class PositionSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    account_id = serializers.IntegerField()
    deployment_id = serializers.IntegerField(allow_null=True)
    symbol = serializers.CharField()
    is_open = serializers.BooleanField()
    quantity = serializers.CharField()
    cost = serializers.CharField()
    average_price = serializers.CharField(allow_null=True)
    mark = serializers.CharField(allow_null=True)
    value = serializers.CharField(allow_null=True)
    unrealised = serializers.CharField(allow_null=True)
    realised = serializers.CharField()
    fees = serializers.CharField()
    stop = serializers.CharField(allow_null=True)
    take = serializers.CharField(allow_null=True)
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    origin = Origin(allow_null=True)


class Portfolio(ApiView):
    @extend_schema_serializer(component_name="Portfolio")
    class OutputSerializer(serializers.Serializer[Any]):
        account_id = serializers.IntegerField()
        name = serializers.CharField()
        mode = serializers.CharField()
        currency = serializers.CharField()
        cash = serializers.CharField()
        reserved = serializers.CharField()
        exposure = serializers.CharField(allow_null=True)
        equity = serializers.CharField(allow_null=True)
        unrealised = serializers.CharField(allow_null=True)
        opening_equity = serializers.CharField(allow_null=True)
        day_profit = serializers.CharField(allow_null=True)
        realised_today = serializers.CharField()
        fees_today = serializers.CharField()
        fees_total = serializers.CharField()
        is_halted = serializers.BooleanField()
        halt_reason = serializers.CharField()
        positions = PositionSerializer(many=True)

    @describe(
        "portfolio", enveloped("Portfolio", OutputSerializer()), tag="trading", problems=(404,)
    )
    def get(self, request: Request) -> Response:
        """Your paper account now; equity is null while a position has no price."""
        account = _account(request)
        portfolio = portfolio_for(user=_user(request), account_id=account.pk)
        origin = combined(h.provenance for h in portfolio.holdings if h.provenance)
        return self.answer(envelope(portfolio_data(portfolio), origin))


class Performance(ApiView):
    @extend_schema_serializer(component_name="Performance")
    class OutputSerializer(serializers.Serializer[Any]):
        account_id = serializers.IntegerField()
        currency = serializers.CharField()
        deposited = serializers.CharField()
        equity = serializers.CharField(allow_null=True)
        return_fraction = serializers.FloatField(allow_null=True)
        realised = serializers.CharField()
        unrealised = serializers.CharField(allow_null=True)
        fees = serializers.CharField()
        trades = serializers.IntegerField(help_text="closed positions")
        open_positions = serializers.IntegerField()
        wins = serializers.IntegerField()
        losses = serializers.IntegerField()
        win_rate = serializers.FloatField(allow_null=True)
        profit_factor = serializers.FloatField(allow_null=True)
        best = serializers.CharField(allow_null=True)
        worst = serializers.CharField(allow_null=True)

    @describe(
        "performance", enveloped("Performance", OutputSerializer()), tag="trading", problems=(404,)
    )
    def get(self, request: Request) -> Response:
        """What your paper account made; null where a figure is not defined or not known."""
        account = _account(request)
        portfolio = portfolio_for(user=_user(request), account_id=account.pk)
        record, scale = track_record(account), account.scale
        equity = portfolio.equity
        grown = None if equity is None or not record.deposited else equity / record.deposited - 1
        data = {
            "account_id": account.pk,
            "currency": account.currency,
            "deposited": shown(record.deposited, scale),
            "equity": optional(equity, scale),
            "return_fraction": grown,
            "realised": shown(record.realised, scale),
            "unrealised": optional(portfolio.unrealised, scale),
            "fees": shown(portfolio.fees_total, scale),
            "trades": record.trades,
            "open_positions": len(portfolio.holdings),
            "wins": record.wins,
            "losses": record.losses,
            "win_rate": record.win_rate,
            "profit_factor": record.profit_factor,
            "best": optional(record.best, scale),
            "worst": optional(record.worst, scale),
        }
        origin = combined(h.provenance for h in portfolio.holdings if h.provenance)
        return self.answer(envelope(data, origin))


class Orders(ApiView):
    parameters = {
        "symbol": "Only this pair.",
        "status": "One state, or `working` for those that may still fill.",
        "before": "Only orders with a smaller id: the next page.",
        "limit": "At most 500, 50 unless given.",
    }

    @describe(
        "orders",
        enveloped("Orders", OrderSerializer(many=True)),
        tag="trading",
        parameters=parameters,
        problems=(404,),
    )
    def get(self, request: Request) -> Response:
        """Your orders, newest first."""
        query = request.query_params
        symbol = instrument_of(query["symbol"]).symbol if "symbol" in query else None
        found = orders_for(user=_user(request), symbol=symbol)
        status = query.get("status", "")
        if status and status != "working" and status not in Order.Status.values:
            allowed = ", ".join(["working", *Order.Status.values])
            raise Problem(400, "invalid_choice", f"status must be one of {allowed}")
        if status:
            found = found.filter(status__in=Order.WORKING if status == "working" else [status])
        rows = read_page(request, found)
        return self.answer(envelope([order_row(row) for row in rows]))

    @describe(
        "order_create",
        enveloped("Order", OrderSerializer()),
        tag="trading",
        request=OrderInput,
        status=201,
        headers=KEY_HEADER,
        problems=(404, 409, 413, 415, 422),
    )
    def post(self, request: Request) -> Response:
        """Place a paper order; where risk refuses it, the problem says why."""
        given = self.validated(OrderInput, request)
        account, key = _account(request), idempotency_key(request)
        cause = f"API request {request_id(request._request)}"  # noqa: SLF001  DRF's own name for it
        try:
            order = order_place(ticket_of(given, account, key=key, cause=cause))
        except IdempotencyMismatch as fault:
            raise Problem(422, "idempotency_mismatch", str(fault)) from None
        is_ours = order.events.filter(seq=1, cause=cause).exists()
        headers = {} if is_ours else {"Idempotent-Replayed": "true"}
        problem = refusal_of(order)
        if problem is not None:
            problem.headers = headers
            raise problem
        return Response(envelope(order_row(order)), status=201, headers=headers)


class OrderOne(ApiView):
    @describe(
        "order", enveloped("OrderDetail", OrderDetailSerializer()), tag="trading", problems=(404,)
    )
    def get(self, request: Request, order_id: int) -> Response:
        """One order with its fills and every step of its life."""
        order = orders_with_events_for(user=_user(request)).filter(pk=order_id).first()
        if order is None:
            raise Http404
        return self.answer(envelope(order_detail(order, order.fills.all(), order.events.all())))

    @describe(
        "order_delete",
        enveloped("OrderCanceled", OrderSerializer()),
        tag="trading",
        problems=(404, 409),
    )
    def delete(self, request: Request, order_id: int) -> Response:
        """Cancel an order that may still fill."""
        return self.answer(envelope(order_row(_cancel(request, order_id))))


class OrderCancel(ApiView):
    @describe(
        "order_cancel",
        enveloped("OrderCancel", OrderSerializer()),
        tag="trading",
        problems=(404, 409),
    )
    def post(self, request: Request, order_id: int) -> Response:
        """Cancel an order that may still fill."""
        self.refuse_body(request)
        return self.answer(envelope(order_row(_cancel(request, order_id))))


def _cancel(request: Request, order_id: int) -> Order:
    order = orders_for(user=_user(request)).filter(pk=order_id).first()
    if order is None:
        raise Http404
    try:
        return order_cancel(order=order, actor=f"user:{_user(request).pk}", cause="asked by API")
    except OrderNotOpenError as fault:
        raise Problem(409, "order_not_open", str(fault)) from None


class Positions(ApiView):
    parameters = {
        "symbol": "Only this pair.",
        "state": "`open` (the default), `closed` or `all`.",
        "limit": "At most 500, 100 unless given.",
    }

    @describe(
        "positions",
        enveloped("Positions", PositionSerializer(many=True)),
        tag="trading",
        parameters=parameters,
        problems=(404,),
    )
    def get(self, request: Request) -> Response:
        """Your positions; the open ones with what they are worth now."""
        query, user = request.query_params, _user(request)
        symbol = instrument_of(query["symbol"]).symbol if "symbol" in query else None
        state = query.get("state", "open")
        if state not in {"open", "closed", "all"}:
            raise Problem(400, "invalid_choice", "state must be open, closed or all")
        holdings = [] if state == "closed" else holdings_for(user=user, symbol=symbol)
        data = [position_row(holding.position, holding) for holding in holdings]
        if state != "open":
            closed = positions_for(user=user, symbol=symbol).exclude(closed_at=None)
            data += [position_row(row) for row in closed]
        origin = combined(h.provenance for h in holdings if h.provenance)
        limit = read_limit(request, default=100, largest=500)
        return self.answer(envelope(data[:limit], origin))


class PositionClose(ApiView):
    @describe(
        "position_close",
        enveloped("PositionClose", OrderSerializer()),
        tag="trading",
        problems=(404, 409, 422),
    )
    def post(self, request: Request, position_id: int) -> Response:
        """Sell the whole position at the market; the answer is the order that does it."""
        self.refuse_body(request)
        user = _user(request)
        position = positions_for(user=user).filter(pk=position_id).first()
        if position is None:
            raise Http404
        order = position_exit(position.pk, cause="asked by API", actor=f"user:{user.pk}")
        if order is None:
            raise Problem(409, "position_closed", "the position is closed already")
        problem = refusal_of(order)
        if problem is not None:
            raise problem
        return self.answer(envelope(order_row(order)))
