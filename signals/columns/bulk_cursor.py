"""`decide` called on many rows: a cursor that is quick to make where every column is known."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from keyword import iskeyword
from typing import Any

import numpy as np

from signals.columns.bulk_rows import CODES, TOLD, Concluded
from signals.columns.bulk_stack import Stack
from signals.columns.compiled import Compiled
from signals.columns.conclude import checked, failed, judged
from signals.columns.cursor import Cursor
from signals.columns.decisions import Intent, Verdict, nothing

ROWS = 8192
"""Rows whose numbers are taken out of the arrays at a time."""
PRICES = ("v0", "v1", "v2", "v3", "v4")
TEXT = """
def called(decide, other, step, known, opens, {values}):
    row = -1
    for is_known, bar_open, {values} in zip(known, opens, {values}):
        row += 1
        if is_known:
            b = new(Quick)
            b.bar_open = bar_open
            b.bar_close = bar_open + step
            b._values = NAMES
{stores}
        else:
            b = other(bar_open, ({values}))
        try:
            intent = decide(b)
        except Exception as error:
            yield row, failed(error)
            continue
        if intent is nothing or intent is None:
            continue
        if type(intent) is not Intent or intent.verdict is not NONE:
            yield row, intent
"""
Called = Callable[..., Iterator[tuple[int, object]]]


def conclude_by_code(compiled: Compiled, stack: Stack, into: Concluded) -> None:
    """Conclude from all rows of a stack by the strategy's own `decide`."""
    names = tuple(name for name, _ in compiled.named)
    prices = [stack.own_values(node) for node in compiled.prices]
    columns = [stack.own_values(node) for _, node in compiled.named]
    known = np.full(len(into.verdict), all(map(_can_be_quick, names)))
    for one in columns:
        known &= ~np.isnan(one)
    opens = stack.bars.open_time[stack.own.index]
    step, called = compiled.timeframe, _caller(names)

    def other(bar_open: int, values: tuple[float, ...]) -> Cursor:
        named = dict(zip(names, values[5:], strict=True))
        return Cursor(bar_open, bar_open + step, values[:5], named)

    for first in range(0, len(opens), ROWS):
        part = slice(first, first + ROWS)
        lists = [one[part].tolist() for one in (known, opens, *prices, *columns)]
        for row, intent in called(compiled.strategy.decide, other, step, *lists):
            _write(into, first + row, intent, lists[5][row])


def _write(into: Concluded, row: int, asked: object, price: float) -> None:
    """Keep what was asked for on a row, as `conclude` does."""
    intent = checked(judged(asked), price)
    code = CODES[intent.verdict]
    into.verdict[row] = code
    if code in TOLD:
        into.tell(np.array([row]), intent.why)
    if intent.verdict in (Verdict.ENTER_LONG, Verdict.EXIT):
        into.confidence[row] = _number(intent.confidence)
    if intent.verdict is Verdict.ENTER_LONG:
        into.stop[row], into.take[row] = _number(intent.stop), _number(intent.take)


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _can_be_quick(name: str) -> bool:
    """Say whether a column can be a plain attribute of the cursor."""
    is_plain = name.isascii() and name.isidentifier() and not iskeyword(name)
    return is_plain and not name.startswith("__")


@lru_cache(maxsize=64)
def _caller(names: tuple[str, ...]) -> Called:
    """Write the loop over rows for columns of these names.

    Each is stored where an attribute is found without a search; `Cursor` looks a name up in a
    mapping, and makes the mapping for each row.
    """
    values = [f"v{number}" for number in range(len(PRICES) + len(names))]
    own = {
        name: value
        for name, value in zip(names, values[len(PRICES) :], strict=True)
        if _can_be_quick(name) and not hasattr(Cursor, name)
    }
    quick = type("Cursor", (Cursor,), {"__slots__": tuple(own)})
    stored = {**dict(zip(("open", "high", "low", "close", "volume"), PRICES, strict=True)), **own}
    stores = "\n".join(f"            b.{name} = {value}" for name, value in stored.items())
    space: dict[str, Any] = {
        "Quick": quick,
        "new": object.__new__,
        "NAMES": dict.fromkeys(names, 0.0),
        "NONE": Verdict.NONE,
        "Intent": Intent,
        "nothing": nothing,
        "failed": failed,
    }
    text = TEXT.format(values=", ".join(values), stores=stores)
    exec(compile(text, "<the rows of decide>", "exec"), space)  # noqa: S102 (plain names alone)
    called: Called = space["called"]
    return called
