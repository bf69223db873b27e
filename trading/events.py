"""What trading tells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OrderSubmitted:
    """An approved order is committed and waits for its broker."""

    order_id: int


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order took another state; `user_id` is its owner."""

    order_id: int
    user_id: int
    status: str


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """A fill is booked."""

    fill_id: int
    order_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class PositionChanged:
    position_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class RiskHalted:
    """Trading of an account stopped; `reason_code` is stable, `detail` is the sentence."""

    account_id: int
    user_id: int
    reason_code: str
    detail: str
