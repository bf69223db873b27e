"""Volatility and greeks of a chain where its source is silent."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from markets.options.black_scholes import greeks
from markets.options.implied import SENTENCES, Missing, implied_volatility
from markets.providers.rows import OptionKind, OptionRow

# A source that knows no volatility may send a tiny or a huge one in its place.
SMALLEST_TOLD, LARGEST_TOLD = 0.001, 20.0
NO_QUOTE = "no bid and ask to take the middle of"
GREEKS = ("delta", "gamma", "theta", "vega", "rho")
# Without rho a source's own set is whole enough; a set is never mixed of theirs and ours.
NEEDED = GREEKS[:4]


@dataclass(frozen=True, slots=True)
class Valued:
    """A row's volatility and greeks, whose they are, and why there is no volatility."""

    volatility: float | None
    reason: str
    is_volatility_computed: bool
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None
    rho: float | None = None
    are_greeks_computed: bool = False


def mid(bid: float | None, ask: float | None) -> float | None:
    """Return the middle of a quote with both sides; None for any other."""
    return (bid + ask) / 2 if bid and ask else None


def valued(
    rows: Sequence[OptionRow],
    *,
    spot: float | None,
    years: float,
    rate: float,
    dividend_yield: float = 0.0,
) -> list[Valued]:
    """Return volatility and greeks of each row of one expiry.

    The source's own volatility is kept where it told a plausible one (0.1 % to 2000 %), else it is
    implied by the middle of bid and ask. The source's greeks are kept where delta, gamma, theta
    and vega are all told, else all five are computed from the volatility.

    Parameters
    ----------
    spot : float or None
        The underlying's price for rows that carry none of their own.
    years : float
        Time to expiry in years.
    rate, dividend_yield : float
        Continuously compounded, as fractions of a year.
    """
    if not rows:
        return []
    spots = np.array([_number(row.underlying_price or spot) for row in rows])
    strikes = np.array([row.strike for row in rows])
    is_call = np.array([row.kind is OptionKind.CALL for row in rows])
    mids = np.array([_number(mid(row.bid, row.ask)) for row in rows])
    told = np.array([_number(_told(row.implied_volatility)) for row in rows])
    found = implied_volatility(
        mids, spots, strikes, years, is_call, rate=rate, dividend_yield=dividend_yield
    )
    used = np.where(np.isfinite(told), told, found.volatility)
    made = greeks(spots, strikes, years, used, is_call, rate=rate, dividend_yield=dividend_yield)
    columns = np.stack([getattr(made, name) for name in GREEKS], axis=1).tolist()
    return [
        _valued(row, volatility, _reason(Missing(code), row), ours)
        for row, volatility, code, ours in zip(
            rows, used.tolist(), found.reason.tolist(), columns, strict=True
        )
    ]


def _valued(row: OptionRow, volatility: float, reason: str, ours: list[float]) -> Valued:
    is_known = math.isfinite(volatility)
    theirs = [getattr(row, name) for name in GREEKS]
    is_theirs = all(getattr(row, name) is not None for name in NEEDED)
    has_ours = not is_theirs and math.isfinite(ours[0])
    shown = theirs if is_theirs else ours if has_ours else [None] * len(GREEKS)
    delta, gamma, theta, vega, rho = shown
    return Valued(
        volatility=volatility if is_known else None,
        reason="" if is_known else reason,
        is_volatility_computed=is_known and _told(row.implied_volatility) is None,
        delta=delta,
        gamma=gamma,
        theta=theta,
        vega=vega,
        rho=rho,
        are_greeks_computed=has_ours,
    )


def _reason(code: Missing, row: OptionRow) -> str:
    if code is Missing.NO_INPUT and mid(row.bid, row.ask) is None:
        return NO_QUOTE
    return SENTENCES[code]


def _told(volatility: float | None) -> float | None:
    if volatility is None or not SMALLEST_TOLD <= volatility <= LARGEST_TOLD:
        return None
    return volatility


def _number(value: float | None) -> float:
    return math.nan if value is None else value
