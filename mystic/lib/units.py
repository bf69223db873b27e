"""Exact money without a framework: integers of smallest units inside, `Decimal` at the edges."""

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, Inexact, localcontext

EXACT = Context(prec=60, traps=[Inexact])
WIDE = Context(prec=80)
LARGEST_UNITS = 2**63 - 1
_PLAIN_NUMBER = re.compile(r"-?\d{1,19}(\.\d{1,18})?", re.ASCII)


class AmountError(ValueError):
    """Raised for a number that cannot be held exactly; the message says what is wanted."""


def parse_amount(text: object) -> Decimal:
    """Return the decimal written in plain digits, refusing exponents, signs, blanks and floats."""
    if not isinstance(text, str) or not _PLAIN_NUMBER.fullmatch(text):
        message = "wants a number in plain digits such as 0.25, given as text"
        raise AmountError(message)
    return Decimal(text)


def to_units(amount: Decimal, scale: int) -> int:
    """Return `amount` as integer units of 10**-scale.

    Raises
    ------
    AmountError
        If the amount has more places than the scale, or more units than 63 bits.
    """
    with localcontext(EXACT):
        units = amount.scaleb(scale)
    if units != units.to_integral_value():
        message = f"{amount} has more than {scale} decimal places"
        raise AmountError(message)
    if abs(units) > LARGEST_UNITS:
        message = f"{amount} is too large"
        raise AmountError(message)
    return int(units)


def from_units(units: int, scale: int) -> Decimal:
    """Return integer units of 10**-scale as an exact decimal with `scale` places."""
    return Decimal(units).scaleb(-scale, context=EXACT)


def shown(units: int, scale: int) -> str:
    """Return units as plain digits without trailing zeros, for people and JSON."""
    text = f"{from_units(units, scale):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def tick_places(tick: int, scale: int) -> int:
    """Return how many decimal places prices on a grid of `tick` units of 10**-scale have."""
    while scale > 0 and tick % 10 == 0:
        tick, scale = tick // 10, scale - 1
    return scale


def price_units(price: float, scale: int) -> int:
    """Return a market price (float64, at most 15 significant digits) as integer units.

    The shortest decimal that reads back as the float is the venue's own text, so this is exact.
    """
    units = Decimal(repr(price)).scaleb(scale, context=WIDE)
    return int(units.to_integral_value(rounding="ROUND_HALF_EVEN"))


def notional_units(
    quantity: int,
    price: int,
    *,
    base_scale: int,
    price_scale: int,
    quote_scale: int,
    is_rounded_up: bool,
) -> int:
    """Return quantity times price in quote units, rounded against the one who trades.

    A buyer pays the ceiling and a seller receives the floor, so no unit appears from rounding.
    """
    exact = Decimal(quantity * price).scaleb(quote_scale - base_scale - price_scale, context=WIDE)
    rounding = ROUND_CEILING if is_rounded_up else ROUND_FLOOR
    return int(exact.to_integral_value(rounding=rounding))
