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


@dataclass(frozen=True, slots=True)
class ResearchWanted:
    """A backtest or a sweep is committed and waits for a worker."""

    kind: str
    row_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class ResearchChanged:
    """A backtest or a sweep went on or ended; `kind` is `backtest` or `sweep`."""

    kind: str
    row_id: int
    user_id: int
    state: str
    progress: float
    stage: str


@dataclass(frozen=True, slots=True)
class ParityWanted:
    """Somebody asks to hold a deployment against its strategy; without a span, all of it."""

    deployment_id: int
    asked_by: str
    from_open: int | None = None
    through_open: int | None = None


@dataclass(frozen=True, slots=True)
class ParityReported:
    """A deployment was held against its strategy run again."""

    report_id: int
    deployment_id: int
    user_id: int
