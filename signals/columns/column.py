"""Columns: lazy expressions that can only look back."""

from typing import Any, NamedTuple, Never

from signals.columns.clock import Clock
from signals.columns.errors import ColumnError
from signals.columns.graph import Arg, Graph, Node
from signals.columns.refusals import finite_number, refuse_attribute, refuse_options, whole_number
from signals.columns.words.averages import AverageWords
from signals.columns.words.change import ChangeWords
from signals.columns.words.memory import MemoryWords
from signals.columns.words.statistics import StatisticsWords
from signals.indicators.warmup import ema_history, rma_history


class Macd(NamedTuple):
    """Fast minus slow average, its own average, and their difference."""

    line: "Column"
    signal: "Column"
    histogram: "Column"


class Bollinger(NamedTuple):
    """A moving average and bands of k population standard deviations around it."""

    upper: "Column"
    middle: "Column"
    lower: "Column"


class Column(AverageWords, StatisticsWords, ChangeWords, MemoryWords):
    """One value per closed bar, known at that bar's close; made by `x`, combined by operators.

    A value may be missing (no order block, too few bars). Arithmetic on a missing value is
    missing, a comparison with it is neither true nor false, and a condition that is neither does
    not hold.
    """

    __slots__ = ("_graph", "node")

    def __init__(self, graph: Graph, node: Node) -> None:
        self._graph = graph
        self.node = node

    # -- looking back ------------------------------------------------------------------------

    def lag(self, bars: int) -> "Column":
        """Return the value `bars` bars ago; 0 is the current bar."""
        count = whole_number("lag", bars, low=0)
        return self if count == 0 else self._derive("lag", count, history=count)

    def sma(self, bars: int, **options: object) -> "Column":
        """Return the simple moving average of the last `bars` values."""
        return self._window("sma", bars, options)

    def stdev(self, bars: int, **options: object) -> "Column":
        """Return the population standard deviation of the last `bars` values."""
        return self._window("stdev", bars, options)

    def rolling_max(self, bars: int, **options: object) -> "Column":
        """Return the greatest of the last `bars` values, the current one included."""
        return self._window("rolling_max", bars, options)

    def rolling_min(self, bars: int, **options: object) -> "Column":
        """Return the least of the last `bars` values, the current one included."""
        return self._window("rolling_min", bars, options)

    def ema(self, bars: int, **options: object) -> "Column":
        """Return the exponential moving average with weight 2 / (bars + 1)."""
        refuse_options("ema", options)
        count = whole_number("ema", bars, low=1)
        return self._derive("ema", count, history=ema_history(count))

    def rsi(self, bars: int, **options: object) -> "Column":
        """Return the relative strength index, 0 to 100, with Wilder's averages."""
        refuse_options("rsi", options)
        count = whole_number("rsi", bars, low=2)
        return self._derive("rsi", count, history=rma_history(count) + 1)

    def macd(self, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
        """Return the difference of two exponential averages, its average, and the rest."""
        near, far = whole_number("macd", fast, low=1), whole_number("macd", slow, low=1)
        third = whole_number("macd", signal, low=1)
        history = max(ema_history(near), ema_history(far))
        table = self._derive("macd", near, far, third, history=history)
        after = ema_history(third)
        return Macd(
            table._derive("field", 0, history=0),  # noqa: SLF001
            table._derive("field", 1, history=after),  # noqa: SLF001
            table._derive("field", 2, history=after),  # noqa: SLF001
        )

    def bollinger(self, bars: int = 20, k: float = 2.0) -> Bollinger:
        """Return the moving average and the bands of k standard deviations around it."""
        count, width = whole_number("bollinger", bars, low=1), finite_number("bollinger", k)
        if width < 0:
            raise ColumnError(f"bollinger takes a width of 0 or more deviations, not {k!r}")
        table = self._derive("bollinger", count, width, history=count - 1)
        middle, upper, lower = (
            table._derive("field", index, history=0)  # noqa: SLF001
            for index in range(3)
        )
        return Bollinger(upper, middle, lower)

    def crossed_above(self, other: "Column | float") -> "Column":
        """Say whether it is above `other` now and was not one bar ago."""
        level = self._operand(other, "crossed_above")
        return (self > level) & (self.lag(1) <= level.lag(1))

    def crossed_below(self, other: "Column | float") -> "Column":
        """Say whether it is below `other` now and was not one bar ago."""
        level = self._operand(other, "crossed_below")
        return (self < level) & (self.lag(1) >= level.lag(1))

    def clip(self, low: float, high: float) -> "Column":
        """Return the value held between two constants."""
        return self.at_least(low).at_most(high)

    def at_least(self, other: "Column | float") -> "Column":
        """Return the greater of the two."""
        return self._binary("maximum", other)

    def at_most(self, other: "Column | float") -> "Column":
        """Return the lesser of the two."""
        return self._binary("minimum", other)

    def otherwise(self, value: "Column | float") -> "Column":
        """Return the value, or another one where it is missing."""
        return self._binary("otherwise", value, is_flag=False)

    def known(self) -> "Column":
        """Say whether there is a value."""
        return self._derive("known", history=0, is_flag=True)

    # -- arithmetic --------------------------------------------------------------------------

    def __add__(self, other: "Column | float") -> "Column":
        return self._binary("add", other)

    def __radd__(self, other: float) -> "Column":
        return self._operand(other, "+") + self

    def __sub__(self, other: "Column | float") -> "Column":
        return self._binary("subtract", other)

    def __rsub__(self, other: float) -> "Column":
        return self._operand(other, "-") - self

    def __mul__(self, other: "Column | float") -> "Column":
        return self._binary("multiply", other)

    def __rmul__(self, other: float) -> "Column":
        return self._operand(other, "*") * self

    def __truediv__(self, other: "Column | float") -> "Column":
        return self._binary("divide", other)

    def __rtruediv__(self, other: float) -> "Column":
        return self._operand(other, "/") / self

    def __neg__(self) -> "Column":
        return self._derive("negative", history=0)

    def __abs__(self) -> "Column":
        return self._derive("absolute", history=0)

    # -- comparisons and logic ---------------------------------------------------------------

    def __lt__(self, other: "Column | float") -> "Column":
        return self._binary("less", other, is_flag=True)

    def __le__(self, other: "Column | float") -> "Column":
        return self._binary("less_equal", other, is_flag=True)

    def __gt__(self, other: "Column | float") -> "Column":
        return self._binary("greater", other, is_flag=True)

    def __ge__(self, other: "Column | float") -> "Column":
        return self._binary("greater_equal", other, is_flag=True)

    def __eq__(self, other: object) -> "Column":  # type: ignore[override]
        return self._binary("equal", self._operand(other, "=="), is_flag=True)

    def __ne__(self, other: object) -> "Column":  # type: ignore[override]
        return self._binary("not_equal", self._operand(other, "!="), is_flag=True)

    __hash__ = object.__hash__

    def __and__(self, other: object) -> "Column":
        return self._logic("both", "&", other)

    def __or__(self, other: object) -> "Column":
        return self._logic("either", "|", other)

    def __rand__(self, other: object) -> Never:
        raise ColumnError(_parentheses("&"))

    def __ror__(self, other: object) -> Never:
        raise ColumnError(_parentheses("|"))

    def __invert__(self) -> "Column":
        if not self.node.is_flag:
            raise ColumnError("~ turns a condition round; this column is a number")
        return self._derive("invert", history=0, is_flag=True)

    # -- what a column refuses ---------------------------------------------------------------

    def __getitem__(self, key: object) -> Never:
        raise ColumnError(
            f"a column cannot be indexed ([{key!r}]): it has no rows, later bars among them; "
            "use .lag(n) for the value n bars ago"
        )

    def __iter__(self) -> Never:
        raise ColumnError(
            "a column cannot be iterated: it has one value, the one at the bar that closed; "
            "use .lag(n), .sma(n), .rolling_max(n) to look back"
        )

    def __len__(self) -> Never:
        raise ColumnError(
            "a column has no length: how many bars there are is known only after the last one"
        )

    def __bool__(self) -> Never:
        raise ColumnError(
            "a column is not true or false while it is being described; "
            "combine conditions with & | ~ instead of and, or, not, if"
        )

    def __contains__(self, item: object) -> Never:
        raise ColumnError("a column has no rows to search, later bars among them")

    def __float__(self) -> Never:
        raise ColumnError("a column has no single number: its value differs from bar to bar")

    __int__ = __index__ = __float__
    __array_ufunc__ = None

    def __array__(self, *args: object, **options: object) -> Never:
        raise ColumnError(f"numpy on a column {_FRAME}")

    def __getattr__(self, name: str) -> Never:
        raise refuse_attribute("a column", name, METHODS)

    # -- making nodes ------------------------------------------------------------------------

    def _derive(self, op: str, *args: Arg, history: int, is_flag: bool = False) -> "Column":
        node = self._graph.node(
            op, self.node.clock, inputs=(self.node,), args=args, history=history, is_flag=is_flag
        )
        return Column(self._graph, node)

    def _join(
        self,
        op: str,
        others: "tuple[Column | float, ...]",
        *args: Arg,
        history: int = 0,
        is_flag: bool = False,
    ) -> "Column":
        inputs = (self.node, *(self._operand(one, op).node for one in others))
        node = self._graph.node(
            op, self.node.clock, inputs=inputs, args=args, history=history, is_flag=is_flag
        )
        return Column(self._graph, node)

    def _window(self, op: str, bars: int, options: dict[str, object]) -> "Column":
        refuse_options(op, options)
        count = whole_number(op, bars, low=1)
        return self._derive(op, count, history=count - 1)

    def _operand(self, other: Any, what: str) -> "Column":
        if not isinstance(other, Column):
            value = finite_number(what, other)
            return Column(self._graph, self._graph.node("constant", self.node.clock, args=(value,)))
        if other._graph is not self._graph:  # noqa: SLF001
            raise ColumnError("two columns of different strategies cannot be combined")
        if other.node.clock != self.node.clock:
            raise ColumnError(_clocks(self.node.clock, other.node.clock))
        return other

    def _binary(self, op: str, other: "Column | float", *, is_flag: bool = False) -> "Column":
        right = self._operand(other, op)
        node = self._graph.node(
            op, self.node.clock, inputs=(self.node, right.node), is_flag=is_flag
        )
        return Column(self._graph, node)

    def _logic(self, op: str, sign: str, other: object) -> "Column":
        if not isinstance(other, Column) or not (self.node.is_flag and other.node.is_flag):
            raise ColumnError(_parentheses(sign))
        return self._binary(op, other, is_flag=True)


METHODS = tuple(name for name in dir(Column) if not name.startswith("_") and name != "node")
_FRAME = "would hand out the whole series; a column is only ever seen at the bar that closed"


def _parentheses(sign: str) -> str:
    return (
        f"{sign} joins two conditions; one side is a number. "
        f"Put each comparison in parentheses: (a > b) {sign} (c > d)"
    )


def _clocks(left: Clock, right: Clock) -> str:
    return (
        f"a {left} column cannot be combined with a {right} column: their bars close at different "
        "times; return it from x.tf or x.symbol, which align it on what had closed"
    )
