"""Price and greeks of European options with a continuous dividend yield, vectorised.

Source: Black and Scholes (1973), Merton (1973); the formulas as in Hull, Options, Futures, and
Other Derivatives, chapters "Options on stock indices and currencies" and "The Greek letters".
Listed options on US stocks are American: a price here is a lower bound of theirs, equal for calls
without dividends.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from markets.options.normal import Floats, distribution

ROOT_TWO_PI = math.sqrt(2 * math.pi)
DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, slots=True)
class Greeks:
    """Arrays of one shape; NaN where a value does not exist.

    Attributes
    ----------
    price : ndarray
        For one share, in the quote asset.
    delta, gamma : ndarray
        First and second derivative by the spot price.
    theta : ndarray
        Change over one calendar day (1/365 of a year).
    vega, rho : ndarray
        Change for one percentage point of volatility, of the rate.
    """

    price: Floats
    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    rho: Floats


def greeks(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    *,
    rate: ArrayLike = 0.0,
    dividend_yield: ArrayLike = 0.0,
) -> Greeks:
    """Return price and greeks of contracts; the arguments are broadcast together.

    Parameters
    ----------
    spot, strike : array_like
        In the quote asset, for one share.
    years : array_like
        Time to expiry in years.
    volatility : array_like
        Of a year, as a fraction: 0.25 is 25 %.
    is_call : array_like of bool
    rate, dividend_yield : array_like
        Continuously compounded, as fractions of a year.

    Returns
    -------
    Greeks
        NaN where spot, strike, years or volatility is not positive and finite, or a rate is not
        finite: at expiry there is a payoff and no greek.
    """
    spot, strike, years, volatility, rate, dividend_yield = (
        np.asarray(one, dtype=np.float64)
        for one in (spot, strike, years, volatility, rate, dividend_yield)
    )
    with np.errstate(all="ignore"):
        sign = np.where(is_call, 1.0, -1.0)
        root = np.sqrt(years)
        deviation = volatility * root
        discount, growth = np.exp(-rate * years), np.exp(-dividend_yield * years)
        drift = (rate - dividend_yield) * years
        d1 = (np.log(spot / strike) + drift) / deviation + 0.5 * deviation
        ndtr = distribution(d1.size)
        n1, n2 = ndtr(sign * d1), ndtr(sign * (d1 - deviation))
        held, owed = spot * growth, strike * discount
        weight = held * np.exp(-0.5 * d1 * d1) / ROOT_TWO_PI
        held_in, owed_in = sign * held * n1, sign * owed * n2
        decay = rate * owed_in - dividend_yield * held_in + 0.5 * weight * volatility / root
        found = (
            held_in - owed_in,
            sign * growth * n1,
            weight / (spot * spot * deviation),
            -decay / DAYS_PER_YEAR,
            0.01 * root * weight,
            0.01 * years * owed_in,
        )
        is_known = (spot > 0) & (strike > 0) & (years > 0) & (volatility > 0) & (sign != 0)
        is_known = is_known & np.isfinite(d1) & np.isfinite(drift)
    return Greeks(*(np.where(is_known, one, np.nan) for one in found))
