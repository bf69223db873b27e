"""What is watched, in memory: open positions and working orders, by instrument.

Written by any thread under one lock, read by the streamer's loop without: a reader takes one
immutable list per instrument. Stops and limits are floats here, because a quote is: the nearest
doubles of two decimals compare as the decimals do.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from markets.hours import hours
from mystic.lib.units import from_units
from trading.execution.terms import Terms
from trading.models import Order, Position
from trading.valuation import terms_of


@dataclass(frozen=True, slots=True)
class WatchedPosition:
    """One open position as the streamer knows it; money in units."""

    id: int
    account_id: int
    user_id: int
    instrument_id: int
    symbol: str
    terms: Terms
    quantity: int
    cost: int
    stop: float | None
    take: float | None

    def trigger(self, bid: float) -> str:
        """Return `stop` or `take` where this bid reaches one, else nothing."""
        if self.stop is not None and bid <= self.stop:
            return "stop"
        if self.take is not None and bid >= self.take:
            return "take"
        return ""


@dataclass(frozen=True, slots=True)
class WatchedOrder:
    """One working order; `bound` is its limit, or the worst price of a market order."""

    id: int
    instrument_id: int
    position_id: int | None
    is_buy: bool
    is_limit: bool
    bound: float | None
    is_exit: bool

    def may_trade(self, bid: float, ask: float) -> bool:
        """Tell whether this quote lets the order trade; a limit wants a strict cross."""
        if self.bound is None:
            return True
        if self.is_buy:
            return ask < self.bound or (not self.is_limit and ask == self.bound)
        return bid > self.bound or (not self.is_limit and bid == self.bound)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look at when a quote of one instrument comes."""

    positions: tuple[WatchedPosition, ...] = ()
    orders: tuple[WatchedOrder, ...] = ()

    @property
    def leaving(self) -> set[int | None]:
        """Ids of positions whose exit is at work already."""
        return {order.position_id for order in self.orders if order.is_exit}


EMPTY = Plan()


class Watched:
    """The positions and orders of this process's watch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._positions: dict[int, WatchedPosition] = {}
        self._orders: dict[int, WatchedOrder] = {}
        self._plans: dict[int, Plan] = {}

    def plan(self, instrument_id: int) -> Plan:
        return self._plans.get(instrument_id, EMPTY)

    def positions(self) -> list[WatchedPosition]:
        with self._lock:
            return list(self._positions.values())

    def load(self) -> None:
        """Read everything that is open; the start and the regular comparison are the same."""
        with self._lock:
            positions = [_position(row) for row in _open_positions()]
            orders = [_order(row) for row in _working_orders()]
            self._positions = {position.id: position for position in positions}
            self._orders = {order.id: order for order in orders}
            instruments = {position.instrument_id for position in positions}
            self._plans = self._planned(instruments | {order.instrument_id for order in orders})

    def position_refresh(self, position_id: int) -> None:
        """Read one position again; one that is closed is watched no more."""
        with self._lock:
            row = _open_positions().filter(pk=position_id).first()
            touched = [self._positions.pop(position_id, None)]
            if row is not None:
                touched.append(_position(row))
                self._positions[position_id] = _position(row)
            self._replan(touched)

    def order_refresh(self, order_id: int) -> None:
        """Read one order again; one that has ended is watched no more."""
        with self._lock:
            row = _working_orders().filter(pk=order_id).first()
            touched = [self._orders.pop(order_id, None)]
            if row is not None:
                touched.append(_order(row))
                self._orders[order_id] = _order(row)
            self._replan(touched)

    def _replan(self, touched: Sequence[WatchedPosition | WatchedOrder | None]) -> None:
        instruments = {one.instrument_id for one in touched if one is not None}
        self._plans = {**self._plans, **self._planned(instruments)}

    def _planned(self, instruments: set[int]) -> dict[int, Plan]:
        positions: defaultdict[int, list[WatchedPosition]] = defaultdict(list)
        orders: defaultdict[int, list[WatchedOrder]] = defaultdict(list)
        for position in self._positions.values():
            positions[position.instrument_id].append(position)
        for order in self._orders.values():
            orders[order.instrument_id].append(order)
        return {i: Plan(tuple(positions[i]), tuple(orders[i])) for i in instruments}


def _open_positions() -> QuerySet[Position]:
    return Position.objects.filter(closed_at=None).select_related("instrument", "account")


def _working_orders() -> QuerySet[Order]:
    return Order.objects.filter(status__in=Order.WORKING).select_related("instrument")


def _float(units: int | None, scale: int) -> float | None:
    return None if units is None else float(from_units(units, scale))


def _position(row: Position) -> WatchedPosition:
    hours.follow({row.instrument_id: row.instrument.session_calendar})
    scale = row.instrument.price_scale
    return WatchedPosition(
        id=row.pk,
        account_id=row.account_id,
        user_id=row.account.owner_id,
        instrument_id=row.instrument_id,
        symbol=row.instrument.symbol,
        terms=terms_of(row.instrument),
        quantity=row.quantity,
        cost=row.cost,
        stop=_float(row.stop_price, scale),
        take=_float(row.take_price, scale),
    )


def _order(row: Order) -> WatchedOrder:
    hours.follow({row.instrument_id: row.instrument.session_calendar})
    is_limit = row.type == Order.Type.LIMIT
    bound = row.limit_price if is_limit else row.worst_price
    return WatchedOrder(
        id=row.pk,
        instrument_id=row.instrument_id,
        position_id=row.position_id,
        is_buy=row.side == Order.Side.BUY,
        is_limit=is_limit,
        bound=_float(bound, row.instrument.price_scale),
        is_exit=row.is_reduce_only and not is_limit,
    )
