"""What somebody asks for, before it is judged."""

import hashlib
from dataclasses import dataclass, fields

from mystic.lib.units import LARGEST_UNITS
from trading.models import Order


@dataclass(frozen=True, slots=True)
class Ticket:
    """One wish to trade, in integer units; it becomes an order, approved or denied.

    Attributes
    ----------
    quantity : int or None
        Base units; None asks for as much as every limit allows (an entry) or all there is (an
        exit).
    limit_price, stop_loss, take_profit : int or None
        Price units; a purchase without stop or target gets the account's default.
    idempotency_key : str or None
        The same key with the same wish gives the same order.
    actor, cause : str
        Who asks and why; both go into the order's events.
    """

    account_id: int
    instrument_id: int
    side: str
    type: str = Order.Type.MARKET
    quantity: int | None = None
    limit_price: int | None = None
    stop_loss: int | None = None
    take_profit: int | None = None
    is_reduce_only: bool = False
    deployment_id: int | None = None
    signal_id: int | None = None
    position_id: int | None = None
    idempotency_key: str | None = None
    actor: str = "system"
    cause: str = ""

    def __post_init__(self) -> None:
        """Refuse what no account could ever do, before anything is read or written."""
        if self.side not in Order.Side.values or self.type not in Order.Type.values:
            raise TicketError("unknown_choice", "An order is buy or sell, market or limit.")
        if self.quantity is not None and self.quantity <= 0:
            raise TicketError("must_be_positive", "The quantity must be positive.")
        prices = (self.limit_price, self.stop_loss, self.take_profit)
        if any(price is not None and price <= 0 for price in prices):
            raise TicketError("must_be_positive", "A price must be positive.")
        if any(units is not None and units > LARGEST_UNITS for units in (self.quantity, *prices)):
            raise TicketError("too_large", "The number is larger than can be counted.")
        if self.type == Order.Type.LIMIT and self.limit_price is None:
            raise TicketError("limit_price_missing", "A limit order wants its limit price.")
        if self.type == Order.Type.MARKET and self.limit_price is not None:
            raise TicketError("limit_price_unexpected", "A market order has no limit price.")

    @property
    def digest(self) -> str:
        """Return a fingerprint of what is asked, without who asks and why."""
        told = [
            f"{field.name}={getattr(self, field.name)}"
            for field in fields(self)
            if field.name not in {"idempotency_key", "actor", "cause"}
        ]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


class TicketError(ValueError):
    """Raised for a wish that cannot be an order at all; `reason_code` is stable."""

    def __init__(self, reason_code: str, detail: str) -> None:
        super().__init__(detail)
        self.reason_code = reason_code
        self.detail = detail


class IdempotencyMismatch(Exception):  # noqa: N818  the name is part of the interface
    """Raised when a key that was used comes again with another order."""


class OrderNotOpenError(Exception):
    """Raised when an order that has ended is asked to end."""
