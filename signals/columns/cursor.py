"""The `b` of `decide`: the bar that just closed."""

from collections.abc import Mapping
from math import isnan
from typing import Never

from signals.columns.errors import ColumnError
from signals.columns.refusals import refuse_attribute

PRICES = ("open", "high", "low", "close", "volume")
PRIVATE = ("position", "orders", "equity", "memory", "account", "balance")


class MissingValueError(Exception):
    """A column has no value at this bar, so nothing can be concluded from it."""


class Cursor:
    """One closed bar: its prices, and the columns by the names that `columns` gave them.

    A decision is made once for all users, so it sees no position, orders or equity. Reading a
    column that is missing at this bar ends `decide` with the verdict `none`; `b.has("name")` asks.
    """

    __slots__ = ("_values", "bar_close", "bar_open", "close", "high", "low", "open", "volume")

    def __init__(
        self,
        bar_open: int,
        bar_close: int,
        prices: tuple[float, ...],
        values: Mapping[str, float | bool],
    ) -> None:
        self.bar_open, self.bar_close = bar_open, bar_close
        self.open, self.high, self.low, self.close, self.volume = prices
        self._values = values

    def has(self, name: str) -> bool:
        """Say whether a column has a value at this bar."""
        return not isnan(self._values[name])

    def __getattr__(self, name: str) -> float:
        value = self._values.get(name)
        if value is None:
            raise self._unknown(name)
        if value != value:
            raise MissingValueError(f"{name} is not known at this bar")
        return value

    def _unknown(self, name: str) -> Exception:
        if name in PRIVATE:
            return ColumnError(
                f"b.{name} does not exist: a signal is concluded once for all users and sees "
                "nobody's account; say when to leave with exit_long, and it closes what is open"
            )
        return refuse_attribute("b", name, (*PRICES, *self._values))

    def __getitem__(self, key: object) -> Never:
        raise ColumnError(
            f"b cannot be indexed ([{key!r}]): it is one bar; name x.close.lag(n) in columns"
        )
