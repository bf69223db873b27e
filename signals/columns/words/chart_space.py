"""`x.chart`: classical chart patterns as columns."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from signals.columns.errors import ColumnError
from signals.columns.kernel import Kernel
from signals.columns.refusals import refuse_attribute, whole_number
from signals.columns.words.chart_kernel import CHART_FIELDS, ChartPatterns, chart_history
from signals.columns.words.chart_shapes import SHAPES

if TYPE_CHECKING:
    from signals.columns.column import Column
    from signals.columns.derivable import Looking

SWING = 5
LONGEST = 20


class ChartPattern(NamedTuple):
    """A chart pattern as known at the bar's close; missing while none is remembered.

    Attributes
    ----------
    confirmed : Column
        Whether this bar's close confirmed one, by closing beyond its border.
    age : Column
        Bars since then, 0 at that bar.
    level, target, stop : Column
        The border at that bar, the measured move beyond it, and where the pattern was wrong.
    direction : Column
        1 where price broke out upwards, -1 downwards.
    """

    confirmed: "Column"
    age: "Column"
    level: "Column"
    target: "Column"
    stop: "Column"
    direction: "Column"


class ChartSpace:
    """Chart patterns by name, over swings of five bars on either side.

    `x.chart(swing=10)` looks for larger ones: everything is measured in swing lengths.
    """

    __slots__ = ("_swing", "_words")

    def __init__(self, words: "Looking", swing: int = SWING) -> None:
        self._words, self._swing = words, swing

    def __call__(self, *, swing: int) -> "ChartSpace":
        """Return the same with another swing length (bars on either side)."""
        count = whole_number("x.chart(swing=...)", swing, low=2)
        if count > LONGEST:
            raise ColumnError(
                f"x.chart takes a swing of at most {LONGEST} bars, not {count}; ask for larger "
                'patterns on a longer timeframe: x.tf("4h", lambda h: h.chart....)'
            )
        return ChartSpace(self._words, count)

    def __getattr__(self, name: str) -> ChartPattern:
        if name not in SHAPES:
            raise refuse_attribute("x.chart", name, SHAPES)
        words = self._words
        history = chart_history(self._swing)
        inputs = (words.high, words.low, words.close)
        table = words._of("chart", inputs, self._swing, history=history)  # noqa: SLF001
        first = list(SHAPES).index(name) * len(CHART_FIELDS)
        age, level, target, stop, direction = (
            words._of("field", (table,), first + place)  # noqa: SLF001
            for place in range(len(CHART_FIELDS))
        )
        confirmed = age.known() & (age == 0)
        return ChartPattern(confirmed, age, level, target, stop, direction)


KERNELS: Mapping[str, Callable[..., Kernel]] = {"chart": ChartPatterns}
