"""What a series made known, as arrays; as events where somebody asks for them."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from signals.smc import layout as at
from signals.smc.events import Change, Event, Found, Kind, Stage

KINDS = tuple(Kind)
STAGES = (None, *Stage)


class Findings:
    """Everything a series made known, in the order in which it came about.

    Attributes
    ----------
    ints : int64 array, (rows, layout.OUT_INTS)
        Stage (0: it became known), kind, side (0 bullish, 1 bearish), positions and times.
    floats : float64 array, (rows, layout.OUT_FLOATS)
        Top, bottom, quality.
    """

    def __init__(self, ints: NDArray[np.int64], floats: NDArray[np.float64]) -> None:
        self.ints, self.floats = ints, floats

    def __len__(self) -> int:
        return len(self.ints)

    @cached_property
    def found(self) -> Found:
        """Return the same as objects."""
        return read_rows(self.ints.tolist(), self.floats.tolist())

    @property
    def events(self) -> tuple[Event, ...]:
        return self.found.events

    @property
    def changes(self) -> tuple[Change, ...]:
        return self.found.changes

    @property
    def mitigations(self) -> tuple[Change, ...]:
        return self.found.mitigations


def read_rows(ints: list[list[int]], floats: list[list[float]]) -> Found:
    """Return rows of what was made known as events and changes."""
    events: list[Event] = []
    changes: list[Change] = []
    for row, numbers in zip(ints, floats, strict=True):
        event = Event(
            KINDS[row[at.OUT_KIND]],
            1 - 2 * row[at.OUT_SIDE],
            numbers[at.OUT_TOP],
            numbers[at.OUT_BOTTOM],
            row[at.OUT_AT_TIME],
            row[at.OUT_KNOWN_TIME],
            row[at.OUT_AT],
            row[at.OUT_KNOWN],
            row[at.OUT_SOURCE],
            numbers[at.OUT_QUALITY],
            row[at.OUT_SIZE],
        )
        stage = STAGES[row[at.OUT_STAGE]]
        if stage is None:
            events.append(event)
        else:
            changes.append(Change(event, stage, row[at.OUT_NOW_TIME], row[at.OUT_NOW]))
    return Found(tuple(events), tuple(changes))
