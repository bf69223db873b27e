"""The integer arithmetic of money, exact and without wide products.

Paper, the risk engine and backtests all count with these functions. They are written so that no
intermediate is larger than 63 bits as long as the answers are not (`split` at most 10**9), which
lets a compiler take them as they stand; in plain Python they are exact for any size.

`split` and `grow` stand for the decimal places between a product of quantity and price and its
worth in quote units: the product is divided by `split` or multiplied by `grow`; one of them is 1.
"""

PARTS = 1_000_000
SIX_PLACES, EIGHT_PLACES = 10**6, 10**8
COUNTABLE = 2**62
"""The largest quantity that is told; whatever would be larger is this."""
THOUSANDS = 2**53
"""What is below it can be multiplied by a thousand within 63 bits."""


def share(amount: int, part: int, whole: int) -> int:
    """Return amount * part / whole, rounded down."""
    units = amount // whole
    return units * part + (amount - units * whole) * part // whole


def share_up(amount: int, part: int, whole: int) -> int:
    """Return amount * part / whole, rounded up."""
    return -share(-amount, part, whole)


def cut(amount: int, split: int) -> int:
    """Return amount / split, rounded down; dividing by a known number is far quicker compiled."""
    if split == EIGHT_PLACES:
        return amount // EIGHT_PLACES
    if split == SIX_PLACES:
        return amount // SIX_PLACES
    return amount // split


def worth_down(quantity: int, price: int, split: int, grow: int) -> int:
    """Return quantity times price in quote units, rounded down: what a seller receives."""
    if split == 1:
        return quantity * price * grow
    lots, levels = cut(quantity, split), cut(price, split)
    rest = quantity - lots * split
    return lots * price + rest * levels + cut(rest * (price - levels * split), split)


def worth_up(quantity: int, price: int, split: int, grow: int) -> int:
    """Return quantity times price in quote units, rounded up: what a buyer pays."""
    if split == 1:
        return quantity * price * grow
    lots, levels = cut(quantity, split), cut(price, split)
    rest = quantity - lots * split
    return lots * price + rest * levels - cut(-rest * (price - levels * split), split)


def ratio(amount: int, factor: int, divisor: int) -> int:
    """Return amount * factor / divisor, rounded down; `factor` is a power of ten.

    Where the divisor is large, it is the long division of school, some digits at a time.
    """
    result, bound = amount // divisor, COUNTABLE // factor
    if result >= bound:
        return COUNTABLE
    rest = amount - result * divisor
    if divisor <= bound:
        return result * factor + rest * factor // divisor
    while factor >= 1_000 and divisor < THOUSANDS:
        rest *= 1_000
        digits = rest // divisor
        rest -= digits * divisor
        result = result * 1_000 + digits
        factor //= 1_000
    while factor > 1:
        rest *= 10
        digits = rest // divisor
        rest -= digits * divisor
        result = result * 10 + digits
        factor //= 10
    return result


def quantity_of(amount: int, price: int, split: int, grow: int, step: int) -> int:
    """Return the largest step multiple that costs at most `amount` at `price`."""
    if amount <= 0 or price <= 0:
        return 0
    quantity = ratio(amount if grow == 1 else amount // grow, split, price)
    return quantity if step == 1 else quantity - quantity % step
