"""What the risk engine is asked, what it sees, and what it answers; integers of smallest units."""

from dataclasses import dataclass

from trading.execution.fees import FeeSchedule
from trading.execution.terms import Terms
from trading.risk.arithmetic import exposure_cap, position_cap
from trading.risk.reasons import Reason


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one account: money in units of its currency, fractions in millionths.

    Attributes
    ----------
    take_milli : int
        Default take-profit distance in thousandths of the stop distance.
    """

    position_ppm: int
    max_position_notional: int
    max_open_positions: int
    max_daily_loss: int
    exposure_ppm: int
    stop_ppm: int
    take_milli: int

    def position_cap(self, equity: int) -> int:
        return position_cap(equity, self.position_ppm, self.max_position_notional)

    def exposure_cap(self, equity: int) -> int:
        return exposure_cap(equity, self.exposure_ppm)


@dataclass(frozen=True, slots=True)
class AccountState:
    """One account at one moment, read under its lock.

    Attributes
    ----------
    equity, opening_equity, cash : int
        Quote units; equity counts open positions at the bid, opening is that of the UTC day.
    position_value, position_quantity : int
        What this order's position is worth with the entries that still work for it, and how much
        of it may still be sold (base units).
    opens_position : bool
        True where neither the position nor a working entry for it exists yet.
    open_positions : int
        Open positions and those that working entries would open.
    exposure : int
        Worth of all positions and working entries.
    open_risk : int
        What is lost from `equity` if every stop is hit, working entries included.
    lock_level : str
        The strictest lock that holds, empty where there is none.
    """

    equity: int
    opening_equity: int
    cash: int
    position_value: int = 0
    position_quantity: int = 0
    opens_position: bool = True
    open_positions: int = 0
    exposure: int = 0
    open_risk: int = 0
    is_halted: bool = False
    lock_level: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """An order before it is one. Prices in price units.

    Attributes
    ----------
    price : int or None
        What the order is expected to trade at: the limit, or the ask or bid of a market order.
    quote_age_ms : int or None
        Age of the quote the price is from; None where there is no quote.
    quote_is_replay : bool or None
        Whether that quote came from a replay; None where there is no quote.
    quote_asset, account_currency : str
        What the instrument is priced in and what the account holds, for the sentence of a refusal.
    closed_reason : str
        Why the instrument's market is not open now, as a sentence; empty where it is.
    pause_reason : str
        Why nothing may be entered in this instrument now, as a sentence; empty where all is well.
    """

    side: str
    is_market: bool
    quantity: int
    price: int | None
    terms: Terms
    fees: FeeSchedule
    stop: int | None = None
    take: int | None = None
    is_reduce_only: bool = False
    is_trading: bool = True
    is_currency_right: bool = True
    quote_asset: str = ""
    account_currency: str = ""
    venue_is_replay: bool = False
    quote_is_replay: bool | None = None
    quote_age_ms: int | None = None
    max_quote_age_ms: int = 3_000
    closed_reason: str = ""
    pause_reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: a stable code and a sentence for a person."""

    reason_code: Reason
    detail: str = ""

    @property
    def is_approved(self) -> bool:
        return self.reason_code is Reason.APPROVED


@dataclass(frozen=True, slots=True)
class Sizing:
    """The largest quantity that every limit allows, and the limit that binds."""

    quantity: int
    binding: Reason
