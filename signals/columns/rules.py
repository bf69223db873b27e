"""The main form of a strategy: an entry and exits made of columns, explained by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signals.columns.column import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A long entry.

    Attributes
    ----------
    when : mapping of str to Column
        Conditions by name, all of which must hold; the first that does not is the reason of a
        `none`.
    stop, take : Column or None
        Prices; `take` left out is three times the risk.
    confidence : mapping of str to Column, Column or float
        0 to 1; of a mapping the sum of its parts, each part stored with the decision.
    threshold : float
        Below this confidence nothing is entered.
    why : str
        The reason of the signal.
    """

    when: "Mapping[str, Column]"
    stop: "Column"
    take: "Column | None" = None
    confidence: "Mapping[str, Column] | Column | float" = 1.0
    threshold: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """An exit of every long position the strategy opened; it wins over an entry on the same bar."""

    when: "Mapping[str, Column]" = field(default_factory=dict)
    why: str = ""
