"""What a strategy answers on the close of one bar, and how it says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What is to be done after this bar."""

    NONE = "none"
    ENTER_LONG = "enter_long"
    EXIT = "exit"
    WARMING_UP = "warming_up"
    ERROR = "error"
    # Said by who evaluates, never by a strategy: the data were too poor to decide on.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class BarDecision:
    """The conclusion from one closed bar.

    Attributes
    ----------
    bar_open : int
        Open time of the bar, UTC epoch seconds.
    reason : str
        Why it acts; for `none` the first condition that failed; at most 300 characters.
    confidence : float or None
        0 to 1; always set for `enter_long` and `exit`.
    values : mapping
        The strategy's named columns at this bar: finite floats and bools; a missing value is
        left out.
    stop, take : float or None
        Prices; both set for `enter_long` where the strategy gives them, None otherwise.
    price : float
        Close of the bar.
    """

    bar_open: int
    verdict: Verdict
    reason: str
    confidence: float | None = None
    values: Mapping[str, float | bool] = field(default_factory=dict)
    stop: float | None = None
    take: float | None = None
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """What `decide` wants on one bar; made by `enter_long`, `exit_long` and `nothing`."""

    verdict: Verdict
    why: str = ""
    stop: float | None = None
    take: float | None = None
    confidence: float = 1.0

    def __call__(self, why: str) -> "Intent":
        """Say why not: `return nothing("the trend is down")`."""
        return Intent(self.verdict, why, self.stop, self.take, self.confidence)


nothing = Intent(Verdict.NONE)


def enter_long(
    *, stop: float, take: float | None = None, confidence: float = 1.0, why: str
) -> Intent:
    """Ask for a long entry after this bar; without `take` the target is three times the risk."""
    return Intent(Verdict.ENTER_LONG, why, stop, take, confidence)


def exit_long(*, why: str) -> Intent:
    """Ask that long positions of this strategy be closed after this bar."""
    return Intent(Verdict.EXIT, why)
