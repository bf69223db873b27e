"""The reason codes of a risk verdict; they are stable and part of the API."""

from enum import StrEnum


class Reason(StrEnum):
    """Why an order may not be, or `approved`."""

    APPROVED = "approved"
    NOT_TRADING = "instrument_not_trading"
    MARKET_CLOSED = "market_closed"
    CURRENCY = "currency_mismatch"
    SOURCE = "source_mismatch"
    NO_QUOTE = "no_fresh_quote"
    SOURCES_DISAGREE = "sources_disagree"
    QUANTITY = "must_be_positive"
    STEP = "step"
    MIN_QUANTITY = "risk_min_quantity"
    MIN_NOTIONAL = "risk_min_notional"
    TICK = "tick"
    TOO_LARGE = "too_large"
    STOP_SIDE = "stop_wrong_side"
    TAKE_SIDE = "take_wrong_side"
    SHORT = "short_not_supported"
    REDUCE_ONLY = "reduce_only"
    LOCKED_ENTRIES = "locked_no_new_entries"
    LOCKED_REDUCE = "locked_reduce_only"
    LOCKED_FLATTEN = "locked_flatten"
    LOCKED_HALT = "locked_halt"
    DAILY_LOSS_HALT = "daily_loss_halt"
    DAILY_LOSS_BUDGET = "risk_daily_loss_budget"
    OPEN_POSITIONS = "risk_open_positions"
    POSITION_NOTIONAL = "risk_position_notional"
    EXPOSURE = "risk_exposure"
    BALANCE = "risk_balance"
    STALE_SIGNAL = "stale_signal"


HALTED = frozenset(
    {
        Reason.LOCKED_ENTRIES,
        Reason.LOCKED_REDUCE,
        Reason.LOCKED_FLATTEN,
        Reason.LOCKED_HALT,
        Reason.DAILY_LOSS_HALT,
    }
)
"""Codes that mean "trading is stopped", which the API answers with 409 `trading_halted`."""

BAD_REQUEST = frozenset(
    {Reason.QUANTITY, Reason.STEP, Reason.TICK, Reason.STOP_SIDE, Reason.TAKE_SIDE}
)
"""Codes that say the order itself is malformed, whatever the account holds."""
