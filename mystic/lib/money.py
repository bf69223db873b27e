"""Exact money: integers of an asset's smallest unit inside, `Decimal` at the edges.

The arithmetic is in `mystic.lib.units`, which pure code imports; here is the field that stores it.
"""

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from mystic.lib.units import (
    EXACT,
    LARGEST_UNITS,
    WIDE,
    AmountError,
    from_units,
    notional_units,
    parse_amount,
    price_units,
    shown,
    to_units,
)

__all__ = [
    "EXACT",
    "LARGEST_UNITS",
    "WIDE",
    "AmountError",
    "UnitsField",
    "from_units",
    "notional_units",
    "parse_amount",
    "price_units",
    "shown",
    "to_units",
]


class UnitsField(models.BigIntegerField):  # type: ignore[type-arg]
    """A count of an asset's smallest units; SQLite is made to refuse anything but an integer."""

    def db_check(self, connection: BaseDatabaseWrapper) -> str | None:
        if connection.vendor == "sqlite":
            return f"typeof({connection.ops.quote_name(str(self.column))}) in ('integer', 'null')"
        return super().db_check(connection)

    def get_internal_type(self) -> str:
        return "BigIntegerField"
