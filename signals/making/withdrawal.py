"""When to show no quote: what makes a resting order somebody else's gift."""

from dataclasses import dataclass
from enum import StrEnum

from markets.microstructure import Void

BPS = 10_000


class Hold(StrEnum):
    """Why nothing, or one side, is quoted now; it ends by itself."""

    NO_QUOTE = "no_quote"
    STALE = "stale_book"
    CROSSED = "crossed_book"
    CLOSED = "market_closed"
    SOURCES_DISAGREE = "sources_disagree"
    WARMING_UP = "warming_up"
    SPIKE = "volatility_spike"
    VOID_BELOW = "void_below"
    VOID_ABOVE = "void_above"
    ORDER_RATE = "order_rate"
    STOP_NEAR = "stop_near"


@dataclass(frozen=True, slots=True)
class MarketNow:
    """The market at one moment; prices in price units, `age_ms` of the newest quote.

    `pause_reason` and `closed_reason` are empty where sources agree and the market is open.
    """

    at_ms: int
    bid: int
    ask: int
    age_ms: int = 0
    pause_reason: str = ""
    closed_reason: str = ""
    void_below: Void | None = None
    void_above: Void | None = None

    @property
    def mid(self) -> float:
        return (self.bid + self.ask) / 2


def withdrawal(
    market: MarketNow | None,
    *,
    max_age_ms: int,
    volatility: float | None,
    recent_volatility: float | None,
    order_flow_decay: float | None,
    spike: float,
) -> Hold | None:
    """Return why neither side may be quoted, or None.

    The volatilities are in one unit; that of the last seconds is held against the usual one.
    """
    if market is None:
        return Hold.NO_QUOTE
    for reason, holds in (
        (Hold.STALE, market.age_ms > max_age_ms),
        (Hold.CROSSED, not 0 < market.bid < market.ask),
        (Hold.CLOSED, bool(market.closed_reason)),
        (Hold.SOURCES_DISAGREE, bool(market.pause_reason)),
    ):
        if holds:
            return reason
    if volatility is None or recent_volatility is None or order_flow_decay is None:
        return Hold.WARMING_UP
    return Hold.SPIKE if recent_volatility > spike * volatility > 0 else None


def is_void(void: Void | None, *, width_bps: float, within_bps: float) -> bool:
    """Tell whether a gap is wide enough, and begins no farther away than the quote."""
    if void is None:
        return False
    return void.width * BPS >= width_bps and void.distance * BPS <= within_bps
