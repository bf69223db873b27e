"""What a detector reports."""

from enum import StrEnum

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


class Event(msgspec.Struct, frozen=True, gc=False):
    """One finding; a swing or a break has one price, so its `top` equals its `bottom`.

    Attributes
    ----------
    direction : int
        1 bullish, -1 bearish; a swing high is -1 (resistance), a swing low 1 (support).
    top, bottom : float
        The zone, or the level.
    at, confirmed_at : int
        Open times (epoch seconds) of the bar it is drawn at and of the bar whose close made it
        known. A break is drawn at the bar that broke.
    index, confirmed_index : int
        The same as positions, counted from the first bar pushed.
    source_index : int
        For a break the swing that was broken, for an order block the swing whose break made it
        one; otherwise `index`.
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


class Mitigation(msgspec.Struct, frozen=True, gc=False):
    """Price came back into a gap, or traded through an order block.

    Attributes
    ----------
    event : Event
        The zone.
    at, index : int
        Open time and position of the bar that did it.
    """

    event: Event
    at: int
    index: int
