"""Chart patterns bar by bar: swings, what they draw, and the close that confirms it."""

from collections.abc import Sequence

import numpy as np

from signals.columns.series import Floats
from signals.columns.words.chart_shapes import SHAPES, SPAN, Pivot, Setup, Tape

CHART_FIELDS = ("age", "level", "target", "stop", "direction")
KEEP = 20
"""Swing lengths after its confirmation a pattern is remembered."""


def chart_history(swing: int) -> int:
    """Return the bars before the current one on which any value depends.

    A pattern that is remembered was confirmed at most `KEEP` swing lengths ago; its last swing was
    known at most `SPAN` before that, and swings are looked for `SPAN` further back.
    """
    return (KEEP + 2 * SPAN + 2) * swing + 1


class ChartPatterns:
    """All chart patterns over swings of one length; a table of `CHART_FIELDS` for each of `SHAPES`.

    Parameters
    ----------
    swing : int
        Bars on either side that a swing high towers above; the first of equal ones counts, and a
        bar that is both a high and a low is neither.

    Notes
    -----
    The work on a bar does not depend on how many came before. Only swings of the last
    `SPAN * swing` bars are looked at, so a value depends on `chart_history` bars and no more.
    """

    def __init__(self, swing: int) -> None:
        self._swing = swing
        self._high: list[float] = []
        self._low: list[float] = []
        self._close: list[float] = []
        self._swings: list[Pivot] = []
        self._setups: dict[int, Setup] = {}
        self._found: dict[int, tuple[int, Floats]] = {}
        self._tapes = {sign: self._tape(sign) for sign in (1, -1)}

    def push(self, inputs: Sequence[Floats]) -> Floats:
        """Take high, low, close; return shape (n, 5 for each pattern)."""
        high, low, close = inputs
        out = np.full((len(close), len(SHAPES) * len(CHART_FIELDS)), np.nan)
        begin = len(self._close)
        self._high += high.tolist()
        self._low += low.tolist()
        confirmed: list[tuple[int, int, Floats]] = [
            (index, bar, values) for index, (bar, values) in self._found.items()
        ]
        for x, price in enumerate(close.tolist(), begin):
            self._close.append(price)
            swing = self._new_swing(x)
            if swing is not None:
                self._draw(swing, x)
            for index in list(self._setups):
                values = self._broken(index, x, price)
                if values is not None:
                    confirmed.append((index, x, values))
                    self._found[index] = x, values
        for index, bar, values in confirmed:
            self._write(out, index, bar - begin, values)
        return out

    def _tape(self, sign: int) -> Tape:
        return Tape(self._close, self._low if sign == 1 else self._high, self._swing, sign)

    def _write(self, out: Floats, index: int, row: int, values: Floats) -> None:
        """Fill in a confirmation from its row on, over an earlier one."""
        first, end = max(row, 0), min(row + KEEP * self._swing + 1, len(out))
        if first < end:
            columns = slice(index * len(CHART_FIELDS), (index + 1) * len(CHART_FIELDS))
            out[first:end, columns] = values
            out[first:end, columns.start] = np.arange(first - row, end - row)

    def _new_swing(self, x: int) -> Pivot | None:
        """Return the swing that the bar `x` confirms."""
        n = self._swing
        at = x - n
        if at < n:
            return None
        high, low = self._high, self._low
        top, bottom = high[at], low[at]
        is_high = top > max(high[at - n : at]) and top >= max(high[at + 1 : x + 1])
        is_low = bottom < min(low[at - n : at]) and bottom <= min(low[at + 1 : x + 1])
        if is_high == is_low:
            return None
        return Pivot(at, top, 1) if is_high else Pivot(at, bottom, -1)

    def _draw(self, swing: Pivot, x: int) -> None:
        """Look for shapes that the newest swing completes."""
        since = x - SPAN * self._swing
        self._swings = [one for one in self._swings if one.x >= since]
        self._swings.append(swing)
        pivots = alternating(self._swings)
        if pivots[-1] is not swing:
            return
        turned = [Pivot(one.x, -one.y, -one.kind) for one in pivots]
        for index, (shape, sign) in enumerate(SHAPES.values()):
            setup = shape(pivots if sign == 1 else turned, self._tapes[sign])
            if setup is None:
                continue
            setup.sign = sign
            passed = [sign * one for one in self._close[swing.x + 1 : x + 1]]
            if all(setup.floor <= one <= setup.ceiling for one in passed):
                self._setups[index] = setup
            else:
                self._setups.pop(index, None)

    def _broken(self, index: int, x: int, price: float) -> Floats | None:
        """Return level, target, stop and direction where the close lies beyond a border."""
        setup = self._setups[index]
        if x - setup.first > SPAN * self._swing or x > setup.until:
            del self._setups[index]
            return None
        sign = setup.sign
        close, way = sign * price, 0
        if setup.above is not None and close > (level := setup.above.at(x)):
            way, stop = 1, setup.stop_above
        elif setup.below is not None and close < (level := setup.below.at(x)):
            way, stop = -1, setup.stop_below
        if not way:
            if not setup.floor <= close <= setup.ceiling:
                del self._setups[index]
            return None
        del self._setups[index]
        if way * (close - stop) <= 0:  # a border that slopes may be crossed beyond the last swing
            return None
        target = level + way * setup.height
        return np.array([0.0, sign * level, sign * target, sign * stop, sign * way])


def alternating(swings: Sequence[Pivot]) -> list[Pivot]:
    """Return highs and lows in turn: of neighbours of one kind the first of the most extreme."""
    pivots: list[Pivot] = []
    for one in swings:
        if not pivots or pivots[-1].kind != one.kind:
            pivots.append(one)
        elif one.kind * one.y > one.kind * pivots[-1].y:
            pivots[-1] = one
    return pivots
