"""Where a value came from, when, and whether it is live: the first promise in one small type."""

from dataclasses import dataclass
from typing import Any

from mystic.lib.clock import iso

REPLAY_PREFIX = "replay:"
# Bars of a file belong to a venue of this kind: no source's, and never live.
IMPORT_PREFIX = "import:"

# A gateway of one's own: whose machine it is cannot be proved, so nothing of it counts as live.
UNPROVED = frozenset({"ibkr"})


def may_be_live(source: str) -> bool:
    """Tell whether values of a source may be live: it is no replay, no file, and proved."""
    return not source.startswith((REPLAY_PREFIX, IMPORT_PREFIX)) and source not in UNPROVED


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of one value.

    Attributes
    ----------
    source : str
        The provider's name, `replay:<provider>` when it came over any but the official host.
    is_live : bool
        True only while the value came over the official host and is fresh.
    as_of_ms, received_at_ms : int or None
        Event time of the source and our arrival time, UTC epoch milliseconds.
    is_delayed, is_stale, is_imputed : bool
        What a reader must know before trusting the value.
    closed_until_ms : int or None
        When the value's market opens again, UTC epoch milliseconds; None while it is open. The
        value of a closed market is old, but nothing newer can be: it is not stale.
    """

    source: str
    is_live: bool
    as_of_ms: int | None
    received_at_ms: int | None
    is_delayed: bool = False
    is_stale: bool = False
    is_imputed: bool = False
    closed_until_ms: int | None = None

    @property
    def is_replay(self) -> bool:
        return self.source.startswith(REPLAY_PREFIX)

    def as_json(self) -> dict[str, Any]:
        """Return the keys that every outward value carries."""
        marks = {"delayed": self.is_delayed, "stale": self.is_stale, "imputed": self.is_imputed}
        closed = {} if self.closed_until_ms is None else {"closed_until": iso(self.closed_until_ms)}
        return {
            "source": self.source,
            "is_live": self.is_live,
            "as_of": iso(self.as_of_ms),
            "received_at": iso(self.received_at_ms),
            **{name: True for name, is_so in marks.items() if is_so},
            **closed,
        }
