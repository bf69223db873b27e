"""The life of an order in one table: every move that may happen, and no other."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Status(StrEnum):
    """Where an order stands."""

    DRAFT = "draft"
    DENIED = "denied"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Event(StrEnum):
    """What can happen to an order."""

    APPROVE = "approve"
    DENY = "deny"
    ACCEPT = "accept"
    REJECT = "reject"
    FILL_PART = "fill_part"
    FILL = "fill"
    CANCEL = "cancel"
    EXPIRE = "expire"
    LOSE = "lose"


class IllegalMoveError(ValueError):
    """Raised when an event cannot happen to an order that stands where it does."""

    def __init__(self, status: Status, event: Event) -> None:
        super().__init__(f"an order that is {status} cannot {event.replace('_', ' ')}")
        self.status = status
        self.event = event


_FILLS = {Event.FILL_PART: Status.PARTIALLY_FILLED, Event.FILL: Status.FILLED}
_ENDS = {Event.CANCEL: Status.CANCELED, Event.EXPIRE: Status.EXPIRED}
_ANSWERS = {Event.ACCEPT: Status.ACCEPTED, Event.REJECT: Status.REJECTED}
_LOST = {Event.LOSE: Status.UNKNOWN}

# An order whose outcome is not known leaves that state only by what the venue tells.
MOVES: Mapping[Status, Mapping[Event, Status]] = MappingProxyType(
    {
        Status.DRAFT: {Event.APPROVE: Status.SUBMITTED, Event.DENY: Status.DENIED},
        Status.SUBMITTED: _ANSWERS | _FILLS | _ENDS | _LOST,
        Status.ACCEPTED: _FILLS | _ENDS | _LOST,
        Status.PARTIALLY_FILLED: _FILLS | _ENDS | _LOST,
        Status.UNKNOWN: _ANSWERS | _FILLS | _ENDS,
        Status.DENIED: {},
        Status.REJECTED: {},
        Status.FILLED: {},
        Status.CANCELED: {},
        Status.EXPIRED: {},
    }
)
TERMINAL = frozenset(status for status, moves in MOVES.items() if not moves)
WORKING = frozenset(MOVES) - TERMINAL - {Status.DRAFT}


def next_status(status: str, event: Event) -> Status:
    """Return where the order stands after the event.

    Raises
    ------
    IllegalMoveError
        If the table has no such move.
    """
    found = MOVES[Status(status)].get(event)
    if found is None:
        raise IllegalMoveError(Status(status), event)
    return found
