"""`x.candle` and `x.chart`: candlestick and chart patterns."""

from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from signals.columns.derivable import Looking
from signals.columns.errors import ColumnError
from signals.columns.kernel import Kernel
from signals.columns.refusals import refuse_attribute
from signals.columns.series import Floats
from signals.columns.words import chart_space
from signals.columns.words.candle_table import BEARISH, BULLISH, CANDLES, COLOUR, EITHER
from signals.columns.words.chart_space import ChartSpace
from signals.columns.words.rerun import Rerun

if TYPE_CHECKING:
    from signals.columns.column import Column

SIGNS = {BULLISH: 1, BEARISH: -1}


class CandleWords(Looking):
    """`x.candle` and `x.chart`: candlestick and chart patterns."""

    __slots__ = ()

    @property
    def candle(self) -> "CandleSpace":
        """Candlestick patterns: `x.candle.engulfing` is 1, -1 or 0."""
        return CandleSpace(self)

    @property
    def chart(self) -> ChartSpace:
        """Chart patterns: `x.chart.double_top.confirmed`, `.level`, `.target`, `.stop`."""
        return ChartSpace(self)

    def _candle(self, name: str, penetration: float | None) -> "Column":
        candle = CANDLES[name]
        if penetration is not None and candle.penetration is None:
            able = ", ".join(one for one, what in CANDLES.items() if what.penetration is not None)
            raise ColumnError(f"{name} has no penetration; {able} have one")
        asked = candle.penetration if penetration is None else penetration
        numbers = () if asked is None else (float(asked),)
        inputs = (self.open, self.high, self.low, self.close)
        return self._of("candle", inputs, name, *numbers, history=candle.lookback)


class CandleSpace:
    """TA-Lib's candlestick patterns, at the bar that completes them.

    Each is a column: 1 where the pattern speaks for a rise, -1 for a fall, 0 where there is none.
    One without a direction is 1 where it is. `x.candle(penetration=0.5)` says how far the last
    candle of a star or a cloud must reach into the body of the first.
    """

    __slots__ = ("_penetration", "_words")

    def __init__(self, words: CandleWords, penetration: float | None = None) -> None:
        self._words, self._penetration = words, penetration

    def __call__(self, *, penetration: object) -> "CandleSpace":
        """Return the same with another penetration, from 0 (none) up, 1 the whole body."""
        share = nan
        if isinstance(penetration, int | float) and not isinstance(penetration, bool):
            share = float(penetration)
        if not 0 <= share <= 1:
            raise ColumnError(f"x.candle(penetration=...) takes 0 to 1, not {penetration!r}")
        return CandleSpace(self._words, share)

    def bullish(self, name: object) -> "Column":
        """Say whether a pattern that speaks for a rise is complete."""
        return _speaking(self, name, BULLISH)

    def bearish(self, name: object) -> "Column":
        """Say whether a pattern that speaks for a fall is complete."""
        return _speaking(self, name, BEARISH)

    def any_bullish(self, *names: object) -> "Column":
        """Say whether one of some patterns speaks for a rise; without names, any of all."""
        return self._any(names, BULLISH)

    def any_bearish(self, *names: object) -> "Column":
        """Say whether one of some patterns speaks for a fall; without names, any of all."""
        return self._any(names, BEARISH)

    def __getattr__(self, name: str) -> "Column":
        if name not in CANDLES:
            raise refuse_attribute("x.candle", name, (*CANDLES, *CONDITIONS))
        return self._words._candle(name, self._penetration)  # noqa: SLF001

    def _any(self, names: tuple[object, ...], direction: str) -> "Column":
        asked = names or tuple(
            name for name, one in CANDLES.items() if one.direction in (direction, EITHER)
        )
        plain = CandleSpace(self._words)
        found, *others = (
            # What was said about penetration is meant for those of all that have one.
            _speaking(self if names or _reaches(name) else plain, name, direction)
            for name in asked
        )
        for one in others:
            found = found | one
        return found


def _speaking(space: CandleSpace, name: object, direction: str) -> "Column":
    if not isinstance(name, str):
        raise ColumnError(f'x.candle.{direction} takes a name like "engulfing", not {name!r}')
    if name not in CANDLES:
        raise refuse_attribute("x.candle", name, CANDLES)
    found = CANDLES[name].direction
    if found not in (direction, EITHER):
        raise ColumnError(_silent(name, found, direction))
    column: Column = getattr(space, name)
    return column == SIGNS[direction]


def _reaches(name: object) -> bool:
    return isinstance(name, str) and CANDLES[name].penetration is not None


CONDITIONS = ("any_bearish", "any_bullish", "bearish", "bullish")


def _silent(name: str, found: str, direction: str) -> str:
    if found in SIGNS:
        return f"{name} is a {found} pattern and never {direction}; ask x.candle.{found}({name!r})"
    meaning = "only the colour of its candle" if found == COLOUR else "no direction"
    return f"{name} has {meaning}; x.candle.{name} != 0 says whether it is there"


class CandlePattern(Rerun):
    """The sign of a function of TA-Lib; its averages are running sums."""

    def __init__(self, name: str, *numbers: float) -> None:
        candle = CANDLES[name]
        self._function = candle.function
        self._options = {"penetration": numbers[0]} if numbers else {}
        super().__init__(4, candle.lookback, self._signs)

    def _signs(self, rows: Sequence[Floats]) -> Floats:
        import talib

        function: Any = getattr(talib, self._function)
        signs: Floats = np.sign(function(*rows, **self._options)).astype(np.float64)
        return signs


KERNELS: Mapping[str, Callable[..., Kernel]] = {"candle": CandlePattern, **chart_space.KERNELS}
