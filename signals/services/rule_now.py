"""Whether one condition of a written strategy holds now: the live check beside its field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markets.selectors import base_timeframe, instruments_watched
from markets.types import TIMEFRAME_SECONDS
from signals.columns.column import Column
from signals.columns.compiled import compile_strategy
from signals.columns.cursor import Cursor
from signals.columns.decisions import BarDecision, Intent, Verdict
from signals.columns.engine import evaluate
from signals.columns.errors import ColumnError
from signals.columns.expressions import Comparison, Expression, parse
from signals.columns.rules import Entry, Exit
from signals.columns.space import Space
from signals.feed import Feed, extents
from signals.services.rule_cost import refuse_slow
from signals.services.shelving import models_shelve
from signals.strategies.written import refuse_heavy

MOST_SHOWN = 6
"""Comparisons of one condition whose two sides are shown."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison as it is written, and its value on the bar."""

    text: str
    value: float | bool | None

    @property
    def is_shown(self) -> bool:
        """Say whether the value says more than the text: it is known, and no number written out."""
        return self.value is not None and not re.fullmatch(r"[-\d.e]+", self.text)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an expression says on the newest closed bar.

    Attributes
    ----------
    value : float, bool or None
        None where it is not known.
    comparisons : tuple
        Left side, sign, right side of each comparison in it.
    why_unknown : str
        Set where no bar could be looked at.
    """

    symbol: str
    bar_open: int | None
    value: float | bool | None
    is_condition: bool
    comparisons: tuple[tuple[Side, str, Side], ...] = ()
    why_unknown: str = ""
    source: str = ""
    is_live: bool = False


class _Asked:
    """A strategy that only looks: the expression and the sides of its comparisons."""

    def __init__(
        self, text: str, timeframe: str, names: Mapping[str, str], params: Mapping[str, Any]
    ) -> None:
        self.timeframe, self.params = timeframe, params
        self._names = names
        self.expression: Expression = parse(text)
        self.comparisons: tuple[Comparison, ...] = self.expression.comparisons()[:MOST_SHOWN]
        self.is_condition = False
        self.identity = ("asked", text, tuple(names.items()))

    def columns(self, x: Space) -> dict[str, Column]:
        said: dict[str, Any] = dict(self.params)
        for name, text in self._names.items():
            try:
                said[name] = parse(text).value(x, said)
            except ColumnError as fault:
                message = f"the column {name}: {fault}"
                raise ColumnError(message) from None
        whole = self.expression.column(x, said)
        self.is_condition = whole.node.is_flag
        found = {"whole": whole}
        for n, (left, _, right) in enumerate(self.comparisons):
            found[f"left{n}"], found[f"right{n}"] = left.column(x, said), right.column(x, said)
        return found

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        return ()

    def decide(self, b: Cursor) -> Intent | None:
        return None


def expression_now(
    text: str,
    *,
    timeframe: str,
    names: Mapping[str, str],
    params: Mapping[str, Any],
    symbol: str = "",
) -> Reading:
    """Evaluate an expression on the newest closed bar of a watched symbol.

    Parameters
    ----------
    names : mapping
        The columns named earlier, each as its expression, in their order.

    Raises
    ------
    ColumnError
        Where the expression cannot be, or would take too much.
    """
    models_shelve()
    asked = _Asked(text, timeframe, names, params)
    refuse_heavy(compile_strategy(asked))
    refuse_slow(asked)
    step, base = TIMEFRAME_SECONDS[timeframe], base_timeframe()
    if step % base:
        raise ColumnError("the stored bars are longer than that timeframe")
    watched = instruments_watched()
    instrument = next((one for one in watched if symbol in ("", one.symbol)), None)
    if instrument is None:
        return _unknown(asked, symbol, "no such symbol is watched")
    spans = extents([one.pk for one in watched], base)
    if instrument.pk not in spans:
        return _unknown(asked, instrument.symbol, "no bars of it are stored yet")
    feed = Feed(spans, base)
    feed.read_ahead([instrument.pk], seconds=step)
    last = spans[instrument.pk].through // step * step - step
    # An input that comes later may hold the newest bar back: the one before is there.
    found = evaluate(
        asked, feed, instrument=instrument.pk, from_open=last - step, through_open=last
    )
    if not found:
        return _unknown(asked, instrument.symbol, "no bar of it can be looked at yet")
    newest = found[-1]
    if newest.verdict in (Verdict.WARMING_UP, Verdict.ERROR):
        return _unknown(asked, instrument.symbol, newest.reason)
    origin = feed.origin(instrument.pk, newest.bar_open, step)
    return Reading(
        instrument.symbol,
        newest.bar_open,
        newest.values.get("whole"),
        asked.is_condition,
        tuple(_shown(asked, newest)),
        source=origin.source,
        is_live=origin.is_live,
    )


def _unknown(asked: _Asked, symbol: str, why: str) -> Reading:
    return Reading(symbol, None, None, asked.is_condition, why_unknown=why)


def _shown(asked: _Asked, found: BarDecision) -> list[tuple[Side, str, Side]]:
    return [
        (
            Side(left.text, found.values.get(f"left{n}")),
            sign,
            Side(right.text, found.values.get(f"right{n}")),
        )
        for n, (left, sign, right) in enumerate(asked.comparisons)
    ]
