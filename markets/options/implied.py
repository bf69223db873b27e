"""Implied volatility: what volatility makes the formula of Black, Scholes and Merton give a price.

The price is brought to the out-of-the-money side by put-call parity and normalised, as in Jäckel,
"Let's Be Rational" (2015): with x = -|ln(F/K)| <= 0 and b = price / (discount sqrt(F K)),

    b(s) = exp(x/2) N(x/s + s/2) - exp(-x/2) N(x/s - s/2),   s = volatility sqrt(years).

b grows from 0 to exp(x/2), and bends at s = sqrt(-2x). Below the bend 1/ln b is solved for, above
it ln(bmax - b): both are nearly straight. A step of Newton that leaves the bracket halves it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from markets.options.black_scholes import ROOT_TWO_PI
from markets.options.normal import Floats, distribution

type Normal = Callable[[Floats], Floats]

MOST_STEPS = 60
# Relative change of s after which a root is taken: steps square the error, so that the next one
# would only show rounding.
CLOSE_ENOUGH = 1e-9
# More than 2000 % a year is no volatility of a market but a fault of the price.
LARGEST_VOLATILITY = 20.0
# Of sqrt(F K): below it the rounding of prices is all that is left of a time value.
SMALLEST_TIME_VALUE = 1e-13


class Missing(IntEnum):
    """Why there is no implied volatility; `NOT_MISSING` where there is one."""

    NOT_MISSING = 0
    NO_INPUT = 1
    EXPIRED = 2
    BELOW_INTRINSIC = 3
    ABOVE_MAXIMUM = 4
    BEYOND_RANGE = 5


SENTENCES = {
    Missing.NOT_MISSING: "",
    Missing.NO_INPUT: "a price, the underlying's price or the strike is not known",
    Missing.EXPIRED: "no time is left to expiry",
    Missing.BELOW_INTRINSIC: "the price is not above the intrinsic value",
    Missing.ABOVE_MAXIMUM: "the price is not below the most the option can be worth",
    Missing.BEYOND_RANGE: "no volatility up to 2000 % explains the price",
}


@dataclass(frozen=True, slots=True)
class Implied:
    """`volatility` of a year as a fraction, NaN where `reason` (values of `Missing`) says why."""

    volatility: Floats
    reason: NDArray[np.uint8]


def implied_volatility(
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    is_call: ArrayLike,
    *,
    rate: ArrayLike = 0.0,
    dividend_yield: ArrayLike = 0.0,
) -> Implied:
    """Return the volatility each price implies; the arguments are broadcast together.

    Parameters
    ----------
    price, spot, strike : array_like
        In the quote asset, for one share.
    years : array_like
        Time to expiry in years.
    is_call : array_like of bool
    rate, dividend_yield : array_like
        Continuously compounded, as fractions of a year.

    Returns
    -------
    Implied
        Never a made-up number: where the formula cannot give the price, the volatility is NaN and
        the reason says why.
    """
    price, spot, strike, years, rate, dividend_yield = np.broadcast_arrays(
        *(
            np.asarray(one, dtype=np.float64)
            for one in (price, spot, strike, years, rate, dividend_yield)
        ),
        np.asarray(is_call, dtype=bool),
    )[:6]
    sign = np.broadcast_to(np.where(is_call, 1.0, -1.0), price.shape)
    with np.errstate(all="ignore"):
        forward = spot * np.exp((rate - dividend_yield) * years)
        scale = np.sqrt(forward * strike)
        owed = strike * np.exp(-rate * years)
        told = price * (strike / owed) / scale
        x = np.log(forward / strike)
        intrinsic = np.maximum(sign * (np.exp(0.5 * x) - np.exp(-0.5 * x)), 0.0)
        value = told - intrinsic
        x = -np.abs(x)
        most = np.where(is_call, spot * np.exp(-dividend_yield * years), owed)
        reason = _reasons(value, x, years, price, price >= most)
        total = np.full(price.shape, np.nan)
        is_open = reason == Missing.NOT_MISSING
        total[is_open] = _solve(value[is_open], x[is_open])
        volatility = total / np.sqrt(years)
    reason[is_open & ~(volatility <= LARGEST_VOLATILITY)] = Missing.BEYOND_RANGE
    return Implied(np.where(reason == Missing.NOT_MISSING, volatility, np.nan), reason)


def _reasons(
    value: Floats, x: Floats, years: Floats, price: Floats, is_most: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return `Missing` for normalised time values of out-of-the-money options."""
    reason = np.zeros(value.shape, dtype=np.uint8)
    reason[is_most | (value >= np.exp(0.5 * x))] = Missing.ABOVE_MAXIMUM
    reason[value <= SMALLEST_TIME_VALUE] = Missing.BELOW_INTRINSIC
    reason[~(np.isfinite(value) & np.isfinite(x) & (price >= 0))] = Missing.NO_INPUT
    reason[years <= 0] = Missing.EXPIRED
    return reason


@dataclass(slots=True)
class _Search:
    """The roots still sought: `low` and `high` bracket `s`."""

    value: Floats
    x: Floats
    half: Floats
    is_low: NDArray[np.bool_]
    s: Floats
    low: Floats
    high: Floats

    def keep(self, wanted: NDArray[np.bool_]) -> None:
        for name in ("value", "x", "half", "is_low", "s", "low", "high"):
            setattr(self, name, getattr(self, name)[wanted])


def _solve(value: Floats, x: Floats) -> Floats:
    """Return s with b(x, s) = value, for 0 < value < exp(x/2)."""
    ndtr = distribution(value.size)
    half = np.exp(0.5 * x)
    bend = np.sqrt(-2.0 * x)
    at_bend = _normalised(ndtr, x, half, np.maximum(bend, 1e-300))
    is_low = value < at_bend
    # Brenner and Subrahmanyam (1988): near the money b is s / sqrt(2 pi).
    start = np.where(is_low, bend, np.maximum(bend, np.minimum(value * ROOT_TWO_PI, 2.0)))
    top = np.full_like(x, np.inf)
    search = _Search(
        value, x, half, is_low, start, np.where(is_low, 0.0, bend), np.where(is_low, bend, top)
    )
    found = np.array(start)
    where = np.arange(len(found))
    for _ in range(MOST_STEPS):
        if not len(where):
            break
        moved = _step(ndtr, search)
        found[where] = moved
        is_going = np.abs(moved - search.s) > CLOSE_ENOUGH * moved
        search.s = moved
        if not is_going.all():
            search.keep(is_going)
            where = where[is_going]
    return found


def _normalised(ndtr: Normal, x: Floats, half: Floats, s: Floats) -> Floats:
    """Return b: the price of an out-of-the-money option by discount, sqrt(F K) and parity."""
    h, t = x / s, 0.5 * s
    found: Floats = half * ndtr(h + t) - ndtr(h - t) / half
    return found


def _step(ndtr: Normal, search: _Search) -> Floats:
    """Return the next s of each root, and narrow its bracket."""
    s, x, half, value = search.s, search.x, search.half, search.value
    h, t = x / s, 0.5 * s
    b = half * ndtr(h + t) - ndtr(h - t) / half
    slope = np.exp(-0.5 * (h * h + t * t)) / ROOT_TWO_PI
    is_under = b < value
    search.low = np.where(is_under, s, search.low)
    search.high = np.where(is_under, search.high, s)
    # Newton for 1/ln b below the bend, for ln(bmax - b) above it.
    log_b, log_value = np.log(b), np.log(value)
    low_step = b * log_b * (1.0 - log_b / log_value) / slope
    rest = half - b
    high_step = rest * np.log(rest / (half - value)) / slope
    moved = s + np.where(search.is_low, low_step, high_step)
    is_near = np.abs(moved - s) <= CLOSE_ENOUGH * s
    is_inside = ((moved > search.low) & (moved < search.high)) | is_near
    middle = np.where(
        np.isfinite(search.high), 0.5 * (search.low + search.high), 2.0 * np.maximum(s, 0.5)
    )
    is_there = b == value
    return np.where(is_there, s, np.where(is_inside, moved, middle))
