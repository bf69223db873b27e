"""What the integers of a simulation's tables mean, each at its place."""

from trading.backtest.results import Leave
from trading.execution.order_state import Event
from trading.risk.reasons import Reason

EVENTS = (
    Event.APPROVE,
    Event.DENY,
    Event.ACCEPT,
    Event.REJECT,
    Event.FILL_PART,
    Event.FILL,
    Event.CANCEL,
    Event.EXPIRE,
)
LEAVES = (
    Leave.SIGNAL,
    Leave.STOP,
    Leave.TRAILING,
    Leave.TAKE,
    Leave.REVERSED,
    Leave.FLATTENED,
    Leave.OPEN,
)
REASONS = (
    "",
    Reason.STALE_SIGNAL,
    Reason.DAILY_LOSS_HALT,
    Reason.OPEN_POSITIONS,
    Reason.STOP_SIDE,
    Reason.TAKE_SIDE,
    Reason.POSITION_NOTIONAL,
    Reason.EXPOSURE,
    Reason.BALANCE,
    Reason.DAILY_LOSS_BUDGET,
    Reason.MIN_NOTIONAL,
    Reason.TICK,
    "no_liquidity",
    "post_only",
    "replaced",
    "other_filled",
    "replaced_by_exit",
    "time_over",
)
"""Reasons of the third and fourth column of `Simulation.orders`, those of the risk engine first."""
