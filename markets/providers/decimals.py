"""Exact decimals of the venues' texts as integer units."""

from decimal import Decimal, InvalidOperation

from mystic.lib.http import Malformed
from mystic.lib.units import WIDE

# Beyond so many places before or after the point no venue's number lies.
MOST_PLACES = 30


def decimal_of(text: object, about: str) -> Decimal:
    """Return the finite, non-negative decimal that a venue wrote as text.

    Raises
    ------
    Malformed
        If the text is not such a number; `about` names the field.
    """
    try:
        value = Decimal(text) if isinstance(text, str) else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or not _is_short(value):
        raise Malformed(f"{about} is {str(text)[:40]!r}, wanted a number as text")
    return value


def _is_short(value: Decimal) -> bool:
    _, digits, exponent = value.as_tuple()
    is_placed = isinstance(exponent, int) and -MOST_PLACES <= exponent <= MOST_PLACES
    return is_placed and len(digits) <= 2 * MOST_PLACES


def places_of(value: Decimal) -> int:
    """Return how many decimal places a value needs: 2 for 0.0100, 0 for 100."""
    exponent = value.normalize(WIDE).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def units_of(value: Decimal, scale: int) -> int:
    """Return the value in units of 10**-scale, rounded up so that a minimum stays a minimum."""
    scaled = value.scaleb(scale, context=WIDE)
    return int(scaled.to_integral_value(rounding="ROUND_CEILING"))
