"""The paper broker: fills on the live book of this process and speaks to no venue."""

from dataclasses import dataclass

from trading.brokers.base import Outcome, Report, Submission
from trading.execution.fees import PAPER, FeeSchedule
from trading.execution.fills import (
    NO_FRESH_QUOTE,
    NO_LIQUIDITY,
    NOT_CROSSED,
    MarketView,
    opposite_levels,
    snapshot,
    walk,
)


@dataclass(frozen=True, slots=True)
class PaperBroker:
    """Fills against `view`; a price older than `max_age_ms` fills nothing."""

    view: MarketView
    max_age_ms: int
    fees: FeeSchedule = PAPER

    def submit(self, submission: Submission) -> Report:
        """Trade what the market shows now; what is left rests (limit) or waits (market)."""
        is_limit = submission.limit_price is not None
        idle = Outcome.RESTING if is_limit else Outcome.WAITING
        seen = snapshot(self.view, submission.instrument_id, max_age_ms=self.max_age_ms)
        if seen is None:
            return Report(idle, NO_FRESH_QUOTE)
        if seen.market.received_at_ms <= submission.newer_than_ms:
            # This very price was traded on already: its size is gone.
            return Report(idle, NO_LIQUIDITY)
        executions = walk(
            submission.side,
            submission.quantity,
            opposite_levels(seen.market, submission.side, submission.terms),
            terms=submission.terms,
            fees=self.fees,
            worst_price=submission.worst_price,
            limit_price=submission.limit_price,
            is_resting=submission.is_resting,
        )
        if not executions:
            return Report(idle, NOT_CROSSED if is_limit else NO_LIQUIDITY)
        return Report(Outcome.EXECUTED, "", executions, seen)
