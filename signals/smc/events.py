"""What a detector reports."""

from enum import StrEnum
from typing import NamedTuple

import msgspec

BULLISH, BEARISH = 1, -1


class Kind(StrEnum):
    """What was found; the values of `Pattern.Kind`."""

    SWING_HIGH = "swing_high"
    SWING_LOW = "swing_low"
    BOS = "bos"
    CHOCH = "choch"
    ORDER_BLOCK = "order_block"
    FAIR_VALUE_GAP = "fvg"
    BREAKER = "breaker"
    LIQUIDITY = "liquidity"
    SWEEP = "sweep"


class Stage(StrEnum):
    """What happened to a zone: blocks and breakers are touched, then mitigated (traded through).

    A gap is touched, half filled, filled; a block is also failed (closed through); a pool is
    swept, taken (price closed beyond it) or grown (a pool of more swings stands in its place).
    """

    TOUCHED = "touched"
    HALF_FILLED = "half_filled"
    FILLED = "filled"
    MITIGATED = "mitigated"
    FAILED = "failed"
    SWEPT = "swept"
    TAKEN = "taken"
    GROWN = "grown"


class Event(msgspec.Struct, frozen=True, gc=False):
    """One finding; a swing or a break has one price, so its `top` equals its `bottom`.

    Attributes
    ----------
    direction : int
        1 bullish, -1 bearish; a swing high is -1 (resistance), a swing low 1 (support). So is a
        pool of either and its sweep.
    top, bottom : float
        The zone, or the level.
    at, confirmed_at : int
        Open times (epoch seconds) of the bar it is drawn at and of the bar whose close made it
        known. A break or a sweep is drawn at the bar that did it, a pool at its first swing.
    index, confirmed_index : int
        The same as positions, counted from the first bar pushed.
    source_index : int
        For a break the swing that was broken, for an order block the swing whose break made it
        one, for a breaker the bar that confirmed the order block, for a pool its newest swing,
        for a sweep the first swing of the nearest pool; otherwise `index`.
    quality : float
        Of an order block when it became known, 0 to 1; otherwise 0.
    size : int
        Swings of a pool; otherwise 0.
    """

    kind: Kind
    direction: int
    top: float
    bottom: float
    at: int
    confirmed_at: int
    index: int
    confirmed_index: int
    source_index: int
    quality: float = 0.0
    size: int = 0


class Change(msgspec.Struct, frozen=True, gc=False):
    """Something that happened to a zone after it was known.

    Attributes
    ----------
    event : Event
        The zone.
    at, index : int
        Open time and position of the bar that did it.
    """

    event: Event
    stage: Stage
    at: int
    index: int

    @property
    def is_mitigation(self) -> bool:
        """Say whether a block or breaker was traded through, or a gap first touched."""
        touched = Stage.TOUCHED if self.event.kind is Kind.FAIR_VALUE_GAP else Stage.MITIGATED
        return self.stage is touched


class Found(NamedTuple):
    """What one close, or a series, made known, in the order in which it came about."""

    events: tuple[Event, ...]
    changes: tuple[Change, ...]

    @property
    def mitigations(self) -> tuple[Change, ...]:
        """Blocks and breakers traded through, and first touches of gaps."""
        return tuple(one for one in self.changes if one.is_mitigation)


NOTHING = Found((), ())
