"""How orders, fills, positions and accounts look in the API: money as plain digits in text."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from mystic.lib.clock import iso
from mystic.lib.units import shown
from trading.models import Fill, Order, OrderEvent, Position
from trading.selectors import Holding, Portfolio


def time_iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso(int(moment.timestamp() * 1000))


def optional(units: int | None, scale: int) -> str | None:
    """Return units as plain digits; what is not known stays null."""
    return None if units is None else shown(units, scale)


def order_row(order: Order) -> dict[str, Any]:
    instrument = order.instrument
    price_scale = instrument.price_scale
    return {
        "id": order.pk,
        "client_order_id": order.client_order_id,
        "account_id": order.account_id,
        "mode": order.mode,
        "symbol": instrument.symbol,
        "side": order.side,
        "type": order.type,
        "status": order.status,
        "reason_code": order.reason_code,
        "quantity": shown(order.quantity, instrument.base_scale),
        "filled": shown(order.filled, instrument.base_scale),
        "limit_price": optional(order.limit_price, price_scale),
        "stop_loss": optional(order.stop_loss, price_scale),
        "take_profit": optional(order.take_profit, price_scale),
        "reduce_only": order.is_reduce_only,
        "deployment_id": order.deployment_id,
        "signal_id": order.signal_id,
        "position_id": order.position_id,
        "created_at": time_iso(order.created_at),
        "updated_at": time_iso(order.updated_at),
    }


def order_detail(
    order: Order, fills: Iterable[Fill], events: Iterable[OrderEvent]
) -> dict[str, Any]:
    return {
        **order_row(order),
        "fills": [fill_row(fill, order) for fill in fills],
        "events": [event_row(event) for event in events],
    }


def fill_row(fill: Fill, order: Order) -> dict[str, Any]:
    instrument = order.instrument
    return {
        "id": fill.pk,
        "trade_id": fill.trade_id,
        "quantity": shown(fill.quantity, instrument.base_scale),
        "price": shown(fill.price, instrument.price_scale),
        "notional": shown(fill.notional, instrument.quote_scale),
        "fee": shown(fill.fee, instrument.quote_scale),
        "fee_asset": fill.fee_asset,
        "realised": shown(fill.realised, instrument.quote_scale),
        "source": fill.source,
        "is_live": fill.origin == Fill.Origin.LIVE,
        "quote_age_ms": fill.quote_age_ms,
        "filled_at": time_iso(fill.filled_at),
    }


def event_row(event: OrderEvent) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "from_status": event.from_status,
        "to_status": event.to_status,
        "actor": event.actor,
        "cause": event.cause,
        "reason_code": event.reason_code,
        "at": time_iso(event.at),
    }


def position_row(position: Position, holding: Holding | None = None) -> dict[str, Any]:
    """Return a position; an open one with its mark, where there is one."""
    instrument = position.instrument
    price_scale, quote_scale = instrument.price_scale, instrument.quote_scale
    origin = holding.provenance if holding else None
    return {
        "id": position.pk,
        "account_id": position.account_id,
        "deployment_id": position.deployment_id,
        "symbol": instrument.symbol,
        "is_open": position.closed_at is None,
        "quantity": shown(position.quantity, instrument.base_scale),
        "cost": shown(position.cost, quote_scale),
        "average_price": optional(holding.average_price if holding else None, price_scale),
        "mark": optional(holding.mark if holding else None, price_scale),
        "value": optional(holding.value if holding else None, quote_scale),
        "unrealised": optional(holding.unrealised if holding else None, quote_scale),
        "realised": shown(position.realised, quote_scale),
        "fees": shown(position.fees, quote_scale),
        "stop": optional(position.stop_price, price_scale),
        "take": optional(position.take_price, price_scale),
        "opened_at": time_iso(position.opened_at),
        "closed_at": time_iso(position.closed_at),
        "origin": origin.as_json() if origin else None,
    }


def portfolio_data(portfolio: Portfolio) -> dict[str, Any]:
    """Return an account as its owner sees it; equity is null where a mark is missing."""
    scale = portfolio.account.scale
    return {
        "account_id": portfolio.account.pk,
        "name": portfolio.account.name,
        "mode": portfolio.account.mode,
        "currency": portfolio.account.currency,
        "cash": shown(portfolio.cash, scale),
        "reserved": shown(portfolio.reserved, scale),
        "exposure": optional(portfolio.exposure, scale),
        "equity": optional(portfolio.equity, scale),
        "unrealised": optional(portfolio.unrealised, scale),
        "opening_equity": optional(portfolio.opening_equity, scale),
        "day_profit": optional(portfolio.day_profit, scale),
        "realised_today": shown(portfolio.realised_today, scale),
        "fees_today": shown(portfolio.fees_today, scale),
        "fees_total": shown(portfolio.fees_total, scale),
        "is_halted": bool(portfolio.halt_reason or portfolio.locks),
        "halt_reason": portfolio.halt_reason or next((k.reason for k in portfolio.locks), ""),
        "positions": [position_row(h.position, h) for h in portfolio.holdings],
    }
