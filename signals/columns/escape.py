"""`@column(bars=n)`: a column that a method of the strategy calculates from the last n bars.

For what the words cannot say. It is causal by construction: the method is handed exactly n closed
bars and nothing else, and its value counts at the last of them.
"""

from collections.abc import Callable
from typing import Any, Never, overload

from signals.columns.column import Column
from signals.columns.errors import ColumnError
from signals.columns.refusals import whole_number
from signals.columns.space import Space
from signals.columns.words.own import PRICES, Method, Window

Calculate = Callable[[Any, Window], float]


def column(*, bars: int) -> "Callable[[Calculate], OwnColumn]":
    """Make a column of a method `(self, w)` that returns one number, or nan where there is none.

    Parameters
    ----------
    bars : int
        How many closed bars it is handed, the current one included.

    Notes
    -----
    ::

        @column(bars=200)
        def hurst(self, w):
            return ...  # w.close is a read-only array of 200 closes

        def columns(self, x):
            return {"hurst": self.hurst(x), "slow": x.tf("1h", self.hurst)}

    It must depend on `w` and the parameters alone: what it keeps on the side differs between
    backtest and live, and the prefix test refuses it. An error in it, or a result that is no
    number, makes the verdict of that bar `error` with the method's name.

    Raises
    ------
    ColumnError
        Where the number of bars cannot be.
    """
    count = whole_number("@column(bars=...)", bars, low=1)

    def decorate(function: Calculate) -> OwnColumn:
        return OwnColumn(function, count)

    return decorate


class OwnColumn:
    """A decorated method; read from a strategy it is a function of `x` that gives a column."""

    def __init__(self, function: Calculate, bars: int) -> None:
        self._function, self.bars = function, bars
        self.__name__, self.__doc__ = function.__name__, function.__doc__

    @overload
    def __get__(self, strategy: None, owner: type) -> "OwnColumn": ...
    @overload
    def __get__(self, strategy: object, owner: type) -> Callable[..., Column]: ...
    def __get__(self, strategy: object, owner: type) -> "OwnColumn | Callable[..., Column]":
        if strategy is None:
            return self

        def described(*of: object, **columns: Column) -> Column:
            return self._column(strategy, of, columns)

        return described

    def __call__(self, *args: object, **options: object) -> Never:
        raise ColumnError(f"{self.__name__} is a column of a strategy: self.{self.__name__}(x)")

    def _column(
        self, strategy: object, of: tuple[object, ...], columns: dict[str, Column]
    ) -> Column:
        name = self.__name__
        if len(of) != 1 or not isinstance(of[0], Space):
            raise ColumnError(
                f"{name} takes x first, and columns by name: self.{name}(x, fast=x.close.ema(12))"
            )
        x = of[0]
        for what, one in columns.items():
            if what in PRICES:
                raise ColumnError(f"{name} has w.{what} from x; give the column another name")
            if not isinstance(one, Column):
                raise ColumnError(f"{name} takes columns by name; {what} is {one!r}")
            if one.node.clock != x.close.node.clock:
                raise ColumnError(
                    f"{name}: {what} lives on {one.node.clock}, the bars on {x.close.node.clock}; "
                    "return it from x.tf or x.symbol, which align it"
                )
        method = Method(name, self._function.__get__(strategy), self.bars, tuple(columns))
        prices = tuple(getattr(x, one) for one in PRICES)
        return x._of("own", (*prices, *columns.values()), method, history=self.bars - 1)  # noqa: SLF001
