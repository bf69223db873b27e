"""An order as the API takes it: read strictly, made into a ticket, its refusal made a problem."""

import re
from decimal import Decimal
from typing import Any, NoReturn

from rest_framework.request import Request

from markets.api_symbols import instrument_of
from markets.models import Instrument
from mystic.lib.api import StrictBoolean, StrictChoice, StrictDecimal, StrictSerializer, StrictText
from mystic.lib.problems import Problem, error
from mystic.lib.units import AmountError, shown, to_units
from trading.models import Account, Order
from trading.risk.reasons import BAD_REQUEST, HALTED, Reason
from trading.tickets import Ticket, TicketError

_KEY = re.compile(r"[\x21-\x7e]{1,80}")
_POINTERS = {
    Reason.QUANTITY: "/quantity",
    Reason.STEP: "/quantity",
    Reason.TICK: "/limit_price",
    Reason.STOP_SIDE: "/stop_loss",
    Reason.TAKE_SIDE: "/take_profit",
}


class OrderInput(StrictSerializer):
    """A wish to trade; numbers are text in plain digits."""

    symbol = StrictText()
    side = StrictChoice(choices=Order.Side.choices)
    type = StrictChoice(choices=Order.Type.choices, default=Order.Type.MARKET)
    quantity = StrictDecimal()
    limit_price = StrictDecimal(required=False)
    stop_loss = StrictDecimal(required=False)
    take_profit = StrictDecimal(required=False)
    reduce_only = StrictBoolean(default=False)


def idempotency_key(request: Request) -> str | None:
    """Return the header that makes a repeated order the same order."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        message = "Idempotency-Key wants 1 to 80 visible ASCII characters"
        raise Problem(400, "idempotency_key_invalid", message)
    return key


def ticket_of(given: dict[str, Any], account: Account, *, key: str | None, cause: str) -> Ticket:
    """Return the ticket of a validated input, in the instrument's units.

    Raises
    ------
    Problem
        `unknown_symbol`, `step`, `tick`, `too_large`, `limit_price_missing`,
        `limit_price_unexpected`, `stop_wrong_side`, `take_wrong_side`.
    """
    instrument = instrument_of(given["symbol"], pointer="/symbol")
    prices: dict[str, int] = {
        name: _price(given[name], instrument, name)
        for name in ("limit_price", "stop_loss", "take_profit")
        if name in given
    }
    _refuse_sides(given, prices)
    try:
        return Ticket(
            account_id=account.pk,
            instrument_id=instrument.pk,
            side=given["side"],
            type=given["type"],
            quantity=_quantity(given["quantity"], instrument),
            is_reduce_only=given["reduce_only"],
            idempotency_key=key,
            actor=f"user:{account.owner_id}",
            cause=cause,
            **prices,
        )
    except TicketError as fault:
        pointer = "/limit_price" if "limit_price" in fault.reason_code else ""
        _refuse(fault.reason_code, fault.detail, pointer)


def _quantity(amount: Decimal, instrument: Instrument) -> int:
    return _on_grid(
        amount, instrument.base_scale, instrument.step, code="step", pointer="/quantity"
    )


def _price(amount: Decimal, instrument: Instrument, name: str) -> int:
    return _on_grid(
        amount, instrument.price_scale, instrument.tick, code="tick", pointer=f"/{name}"
    )


def _on_grid(amount: Decimal, scale: int, grid: int, *, code: str, pointer: str) -> int:
    """Return the amount in units, refusing what is finer than the grid or too large to count."""
    try:
        units = to_units(amount, scale)
    except AmountError as fault:
        is_large = "large" in str(fault)
        _refuse("too_large" if is_large else code, str(fault), pointer)
    if units % grid:
        _refuse(code, f"must be a multiple of {shown(grid, scale)}", pointer)
    return units


def _refuse_sides(given: dict[str, Any], prices: dict[str, int]) -> None:
    """Refuse a stop or target on the wrong side of the limit before anything is written."""
    limit, sign = prices.get("limit_price"), 1 if given["side"] == Order.Side.BUY else -1
    if limit is None:
        return
    if "stop_loss" in prices and (limit - prices["stop_loss"]) * sign <= 0:
        _refuse("stop_wrong_side", "the stop is on the wrong side of the price", "/stop_loss")
    if "take_profit" in prices and (prices["take_profit"] - limit) * sign <= 0:
        _refuse("take_wrong_side", "the target is on the wrong side of the price", "/take_profit")


def _refuse(code: str, detail: str, pointer: str) -> NoReturn:
    raise Problem(400, code, detail, errors=[error(pointer, code, detail)])


def refusal_of(order: Order) -> Problem | None:
    """Return the problem that a denied order is answered with, None for one that was approved."""
    if order.status != Order.Status.DENIED:
        return None
    decision = order.risk_decision
    code, detail = decision.reason_code, decision.detail
    if code in HALTED:
        errors = [error("", code, detail)]
        return Problem(409, "trading_halted", detail, errors=errors, order_id=order.pk)
    if code in {Reason.NO_QUOTE, Reason.SOURCES_DISAGREE, Reason.MARKET_CLOSED}:
        return Problem(409, code, detail, order_id=order.pk)
    errors = [error(_POINTERS.get(Reason(code), ""), code, detail)]
    status = 400 if code in BAD_REQUEST else 422
    return Problem(status, code, detail, errors=errors, order_id=order.pk)
