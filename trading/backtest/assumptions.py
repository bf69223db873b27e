"""What a backtest takes for granted; stored with every result and printed on its page."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from trading.risk.values import Limits

PARTS = 1_000_000
ENTRIES = ("market", "limit", "stop", "stop_limit")
STOPS = ("strategy", "account")
DIRECTIONS = ("long", "long_short")
CASH = 10_000 * 10**8


class AssumptionError(ValueError):
    """An assumption that cannot be; the sentence says which and why.

    Attributes
    ----------
    place : str
        Within the assumptions, as a JSON pointer: `/limits/stop_ppm`.
    """

    def __init__(self, sentence: str, place: str = "") -> None:
        super().__init__(sentence)
        self.place = place


def _paper_limits() -> Limits:
    """Return the limits that an account begins with, in units of 10**-8."""
    return Limits(
        position_ppm=20_000,
        max_position_notional=1_000 * 10**8,
        max_open_positions=3,
        max_daily_loss=500 * 10**8,
        exposure_ppm=500_000,
        stop_ppm=20_000,
        take_milli=3_000,
    )


@dataclass(frozen=True, slots=True)
class Assumptions:
    """How orders are made, filled and paid for; fractions in millionths (ppm), money in units.

    Attributes
    ----------
    cash, currency, scale
        What the account begins with, in units of 10**-scale of the currency.
    limits : Limits
        The account's risk limits, as in paper.
    maker_ppm, taker_ppm : int or None
        Fees; None takes those of the instrument's venue.
    half_spread_ppm : int
        Half the spread: a market order pays it on top of the bar's price.
    impact_ppm : int
        Price impact of an order as large as the bar's volume; it grows with the square of the
        share (Quantopian's and Lean's volume-share model).
    volume_share_ppm : int
        The largest share of a bar's volume that is filled; the rest goes on with the next bar. 0
        takes any quantity for filled at once.
    market_band_ppm : int
        Room kept for a market order's price when it is sized; paper keeps 5,000.
    delay_bars : int
        How many bars of the strategy later than first possible a decision is acted on.
    patience_s : int
        A decision to enter is given up when no bar begins within this time after it, hours in
        which the market is closed left out; 0 waits for ever.
    entry : str
        `market`, or `limit`, `stop`, `stop_limit` at `entry_offset_ppm` of the decision's price
        (below it for a long limit, above it for a long stop), for `entry_bars` bars of the
        strategy. `limit_offset_ppm` is how far beyond its trigger a stop-limit may still trade.
    is_post_only : bool
        A limit that would trade at once is refused instead.
    trailing_ppm : int
        Distance of a trailing stop from the best price since the entry; 0 for none.
    stops : str
        `strategy`: stop and target are those of the decision. `account`: those of the limits,
        measured from the price at which the order is made.
    direction : str
        `long`, or `long_short`: an exit signal also opens a short, with the account's stops.
    borrow_ppm : int
        Interest on what is borrowed for a short, a year.
    has_funding : bool
        Pay and receive funding where rates are stored (perpetual futures).
    fee_milli, slippage_milli : int
        Stress: fees, and spread with impact, in thousandths of what they would be.
    seed : int
        Of everything random that is done with the result.
    """

    cash: int = CASH
    currency: str = "USDT"
    scale: int = 8
    limits: Limits = field(default_factory=_paper_limits)
    maker_ppm: int | None = None
    taker_ppm: int | None = None
    half_spread_ppm: int = 100
    impact_ppm: int = 100_000
    volume_share_ppm: int = 100_000
    market_band_ppm: int = 5_000
    delay_bars: int = 0
    patience_s: int = 900
    entry: str = "market"
    entry_offset_ppm: int = 0
    limit_offset_ppm: int = 0
    entry_bars: int = 1
    is_post_only: bool = False
    trailing_ppm: int = 0
    stops: str = "strategy"
    direction: str = "long"
    borrow_ppm: int = 50_000
    has_funding: bool = True
    fee_milli: int = 1_000
    slippage_milli: int = 1_000
    seed: int = 7

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` reads again."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Assumptions":
        """Read stored or submitted assumptions; what is left out is the default.

        Raises
        ------
        AssumptionError
            With the name of what is unknown.
        """
        known = {one.name for one in fields(cls)}
        unknown = sorted(set(told) - known)
        if unknown:
            raise AssumptionError(f"there is no assumption {unknown[0]}", f"/{unknown[0]}")
        values = dict(told)
        if "limits" in values:
            values["limits"] = _limits_read(values["limits"])
        return cls(**values)


def _limits_read(told: object) -> Limits:
    if not isinstance(told, Mapping):
        raise AssumptionError('limits wants an object such as {"stop_ppm": 20000}', "/limits")
    unknown = sorted(set(told) - {one.name for one in fields(Limits)})
    if unknown:
        raise AssumptionError(f"there is no limit {unknown[0]}", f"/limits/{unknown[0]}")
    return replace(_paper_limits(), **told)
