"""What signals tells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignalRaised:
    """A signal row is committed; the id is all that travels."""

    signal_id: int


@dataclass(frozen=True, slots=True)
class DecisionsWritten:
    """Decisions of one evaluation are committed: (strategy id, instrument id) pairs touched."""

    pairs: tuple[tuple[int, int], ...]
