"""The port that every broker fills: an approved order goes in, what the venue did comes out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from trading.execution.fills import Execution, Snapshot
from trading.execution.terms import Terms


class Outcome(StrEnum):
    """What became of a submission; an outcome that is not known is never called a rejection."""

    EXECUTED = "executed"
    RESTING = "resting"
    WAITING = "waiting"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Submission:
    """One approved order as a broker gets it; `quantity` is what is still open, in base units.

    `worst_price` bounds a market order, `limit_price` belongs to a limit order; price units.
    """

    client_order_id: str
    instrument_id: int
    side: str
    quantity: int
    terms: Terms
    limit_price: int | None = None
    worst_price: int | None = None
    is_resting: bool = False
    newer_than_ms: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What the broker did, and the market it was done on."""

    outcome: Outcome
    reason_code: str = ""
    executions: tuple[Execution, ...] = ()
    snapshot: Snapshot | None = None


class Broker(Protocol):
    """Carries orders to one venue."""

    def submit(self, submission: Submission) -> Report: ...
