"""What open pages are told: orders, fills, positions, halts, and profit on every quote."""

from collections.abc import Iterable
from typing import Any

from markets.selectors import quote_provenance
from markets.types import Quote
from mystic.lib.clock import iso, monotonic_ms, now_ms
from mystic.lib.live import hub
from mystic.lib.prepared import Prepared
from mystic.lib.units import price_units, shown
from trading.equities import Equities, Equity
from trading.events import (
    OrderChanged,
    OrderFilled,
    PositionChanged,
    ResearchChanged,
    RiskHalted,
)
from trading.models import Fill, Order, Position
from trading.watched import WatchedPosition

# The hub keeps the newest value only; there is no use in computing more of them.
MARK_EVERY_MS = 100
_marked_at: dict[int, int] = {}

_order = Prepared(lambda pk: Order.objects.select_related("instrument__venue").filter(pk=pk))
_fill = Prepared(lambda pk: Fill.objects.select_related("order__instrument").filter(pk=pk))
_position = Prepared(lambda pk: Position.objects.select_related("instrument__venue").filter(pk=pk))


def marks_publish(quote: Quote, positions: Iterable[WatchedPosition], equities: Equities) -> None:
    """Publish profit of the positions and equity of their accounts at this quote."""
    held = tuple(positions)
    now = monotonic_ms()
    if not held or now - _marked_at.get(quote.instrument_id, -MARK_EVERY_MS) < MARK_EVERY_MS:
        return
    _marked_at[quote.instrument_id] = now
    origin = {"timestamp": iso(now_ms()), **quote_provenance(quote).as_json()}
    for position in held:
        payload = {"type": "position_pnl", "data": _profit(position, quote), **origin}
        hub.publish_latest(f"positions:{position.user_id}", str(position.id), payload)
    for account_id in {position.account_id for position in held}:
        state = equities.equity(account_id)
        if state is not None:
            payload = {"type": "equity", "data": _equity(state), **origin}
            hub.publish_latest(f"equity:{state.account.user_id}", str(account_id), payload)


def _profit(position: WatchedPosition, quote: Quote) -> dict[str, Any]:
    terms = position.terms
    mark = price_units(quote.bid, terms.price_scale)
    worth = terms.received(position.quantity, mark)
    profit = worth - position.cost
    return {
        "position_id": position.id,
        "account_id": position.account_id,
        "symbol": position.symbol,
        "mark": shown(mark, terms.price_scale),
        "value": shown(worth, terms.quote_scale),
        "unrealised": shown(profit, terms.quote_scale),
        "unrealised_fraction": f"{profit / position.cost:.6f}" if position.cost else None,
    }


def _equity(state: Equity) -> dict[str, Any]:
    account = state.account
    opening = account.opening_equity
    return {
        "account_id": account.account_id,
        "equity": shown(state.equity, account.scale),
        "unrealised": shown(state.open_profit, account.scale),
        "day_pnl": None if opening is None else shown(state.equity - opening, account.scale),
    }


def on_order_changed(event: OrderChanged) -> None:
    order = _order.get(event.order_id)
    is_live = not order.instrument.venue.is_replay
    _tell(event.user_id, "order", order_data(order), is_live=is_live)


def on_order_filled(event: OrderFilled) -> None:
    fill = _fill.get(event.fill_id)
    message = fill_data(fill)
    _tell(event.user_id, "fill", message, source=fill.source, is_live=fill.origin == "live")


def on_position_changed(event: PositionChanged) -> None:
    position = _position.get(event.position_id)
    if position.closed_at is not None:
        hub.forget(f"positions:{event.user_id}", str(position.pk))
    is_live = not position.instrument.venue.is_replay
    _tell(event.user_id, "position", position_data(position), is_live=is_live)


def on_risk_halted(event: RiskHalted) -> None:
    data = {
        "account_id": event.account_id,
        "reason_code": event.reason_code,
        "detail": event.detail,
    }
    _tell(event.user_id, "risk", data)


def on_research_changed(event: ResearchChanged) -> None:
    data = {
        "kind": event.kind,
        "id": event.row_id,
        "state": event.state,
        "progress": event.progress,
        "stage": event.stage,
    }
    _tell(event.user_id, "research", data)


def order_data(order: Order) -> dict[str, Any]:
    """Return an order as pages and sockets get it; the instrument is loaded."""
    instrument = order.instrument
    price = order.limit_price
    return {
        "order_id": order.pk,
        "client_order_id": order.client_order_id,
        "account_id": order.account_id,
        "symbol": instrument.symbol,
        "side": order.side,
        "order_type": order.type,
        "status": order.status,
        "reason_code": order.reason_code,
        "quantity": shown(order.quantity, instrument.base_scale),
        "filled": shown(order.filled, instrument.base_scale),
        "limit_price": None if price is None else shown(price, instrument.price_scale),
    }


def fill_data(fill: Fill) -> dict[str, Any]:
    instrument = fill.order.instrument
    return {
        "fill_id": fill.pk,
        "order_id": fill.order_id,
        "account_id": fill.order.account_id,
        "symbol": instrument.symbol,
        "side": fill.order.side,
        "quantity": shown(fill.quantity, instrument.base_scale),
        "price": shown(fill.price, instrument.price_scale),
        "notional": shown(fill.notional, instrument.quote_scale),
        "fee": shown(fill.fee, instrument.quote_scale),
        "fee_asset": fill.fee_asset,
        "realised": shown(fill.realised, instrument.quote_scale),
        "quote_age_ms": fill.quote_age_ms,
    }


def position_data(position: Position) -> dict[str, Any]:
    """Return a position as pages and sockets get it, without a mark."""
    instrument = position.instrument
    stop, take = position.stop_price, position.take_price
    return {
        "position_id": position.pk,
        "account_id": position.account_id,
        "deployment_id": position.deployment_id,
        "symbol": instrument.symbol,
        "is_open": position.closed_at is None,
        "quantity": shown(position.quantity, instrument.base_scale),
        "cost": shown(position.cost, instrument.quote_scale),
        "realised": shown(position.realised, instrument.quote_scale),
        "stop": None if stop is None else shown(stop, instrument.price_scale),
        "take": None if take is None else shown(take, instrument.price_scale),
    }


def _tell(
    user_id: int,
    kind: str,
    data: dict[str, Any],
    *,
    source: str = "mystic",
    is_live: bool = True,
) -> None:
    now = iso(now_ms())
    payload = {
        "type": kind,
        "data": data,
        "timestamp": now,
        "source": source,
        "is_live": is_live,
        "as_of": now,
    }
    hub.publish_event(f"user:{user_id}", payload)
