"""The values of slower sources as they travel: options, macro observations, mood, news."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class OptionKind(StrEnum):
    CALL = "call"
    PUT = "put"


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One contract of a chain as its source told it; None where the source is silent.

    Attributes
    ----------
    contract : str
        OCC symbol without a prefix: `AAPL270115C00230000`.
    strike, bid, ask, last, underlying_price : float
        In the quote asset, for one share.
    implied_volatility : float
        A year's, as a fraction: 0.25 is 25 %.
    delta, gamma, theta, vega, rho : float
        For one share; theta a calendar day, vega and rho for one percentage point.
    as_of_ms : int
        The source's own time of the quote, UTC epoch milliseconds.
    """

    contract: str
    underlying: str
    kind: OptionKind
    strike: float
    expiry: date
    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    volume: int | None = None
    open_interest: int | None = None
    underlying_price: float | None = None
    implied_volatility: float | None = None
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None
    rho: float | None = None
    as_of_ms: int | None = None
    is_delayed: bool = True


@dataclass(frozen=True, slots=True)
class ObservationRow:
    """One value of a macro series in one vintage; `vintage` is the day it was published."""

    period: date
    value: float
    vintage: date


@dataclass(frozen=True, slots=True)
class MoodRow:
    """One value of a mood index; `period` is UTC epoch seconds, `label` the source's word."""

    period: int
    value: float
    label: str


@dataclass(frozen=True, slots=True)
class NewsRow:
    """One piece of news in plain text; `published_ms` None where the feed gives no usable time."""

    guid: str
    title: str
    link: str
    summary: str
    published_ms: int | None
