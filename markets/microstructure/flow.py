"""Order flow: what came to and left the best prices, and who crossed the spread."""

from dataclasses import dataclass
from typing import NamedTuple


class Touch(NamedTuple):
    """The best bid and ask with their sizes, at one moment."""

    bid: float
    bid_size: float
    ask: float
    ask_size: float


def touch_flow(before: Touch, after: Touch) -> float:
    """Return the contribution e_n of one change of the best prices to the order-flow imbalance.

    e_n = 1{Pb_n >= Pb_n-1} qb_n - 1{Pb_n <= Pb_n-1} qb_n-1
        - 1{Pa_n <= Pa_n-1} qa_n + 1{Pa_n >= Pa_n-1} qa_n-1

    In the base asset: positive where demand grew (more bid, or offers taken or withdrawn).

    Source: R. Cont, A. Kukanov and S. Stoikov, "The price impact of order book events", Journal
    of Financial Econometrics 12 (2014) 47-88, section 2.1.
    """
    flow = 0.0
    if after.bid >= before.bid:
        flow += after.bid_size
    if after.bid <= before.bid:
        flow -= before.bid_size
    if after.ask <= before.ask:
        flow -= after.ask_size
    if after.ask >= before.ask:
        flow += before.ask_size
    return flow


@dataclass(slots=True)
class OrderFlow:
    """Sums `touch_flow` over an interval; a cut begins anew, for what happened in it is unknown."""

    value: float = 0.0
    changes: int = 0
    last: Touch | None = None

    def add(self, touch: Touch) -> float:
        """Take the next best prices; return what they added."""
        before, self.last = self.last, touch
        if before is None:
            return 0.0
        step = touch_flow(before, touch)
        self.value += step
        self.changes += 1
        return step

    def cut(self) -> None:
        """Forget the last best prices: changes may have been missed since."""
        self.last = None

    def restart(self) -> None:
        """Begin the next interval; the last best prices go on."""
        self.value, self.changes = 0.0, 0


@dataclass(slots=True)
class CumulativeDelta:
    """Volume bought less volume sold by those who crossed the spread, in the base asset.

    `since_ms` is the venue's time of the first trade that is counted, UTC epoch milliseconds. It
    begins anew at each UTC midnight and after a cut, when trades may have been missed.
    """

    bought: float = 0.0
    sold: float = 0.0
    since_ms: int | None = None
    day: int = -1

    @property
    def value(self) -> float:
        return self.bought - self.sold

    def add(self, quantity: float, *, is_sell: bool, as_of_ms: int) -> None:
        """Count one trade; `is_sell` when the aggressor sold."""
        day = as_of_ms // 86_400_000
        if day > self.day:
            self.bought = self.sold = 0.0
            self.since_ms, self.day = as_of_ms, day
        if is_sell:
            self.sold += quantity
        else:
            self.bought += quantity

    def cut(self) -> None:
        """Begin anew with the next trade."""
        self.bought = self.sold = 0.0
        self.since_ms, self.day = None, -1
