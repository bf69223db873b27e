"""Every word of the language with a line of help, found by looking at the language itself."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from signals.columns.clock import Clock
from signals.columns.column import METHODS, Column
from signals.columns.errors import ColumnError
from signals.columns.expression_reader import FUNCTIONS, arguments_of, words_of
from signals.columns.feeds import BOOK_FIELDS, BookSpace
from signals.columns.graph import Graph
from signals.columns.smc_fields import FIELDS
from signals.columns.smc_levels import LEVEL_FIELDS
from signals.columns.smc_space import SmcSpace
from signals.columns.space import NAMES, Space
from signals.columns.words.candle_table import CANDLES
from signals.columns.words.candles import CandleSpace
from signals.columns.words.catalogue import Ta, TaClass
from signals.columns.words.catalogue_table import CATALOGUE
from signals.columns.words.chart_shapes import SHAPES
from signals.columns.words.chart_space import ChartSpace

PRICES = {
    "open": "the open of the bar that just closed",
    "high": "its high",
    "low": "its low",
    "close": "its close",
    "volume": "its volume",
}
SHORT = {
    "ob": "order block",
    "fvg": "fair value gap",
    "bos": "break of structure",
    "choch": "change of character",
}
USAGE = {
    "tf": 'tf("4h", close > close.ema(20))',
    "symbol": 'symbol("BTC/USDT", close.roc(24) > 0)',
    "feed": 'feed("fear_greed", max_age="2d")',
    "macro": 'macro("DGS10")',
    "model": 'model("btc-1h")',
}
"""Words that an example shows better than the names of their arguments."""
HELD: tuple[tuple[type, tuple[str, ...]], ...] = (
    (SmcSpace, (*FIELDS, *LEVEL_FIELDS)),
    (BookSpace, BOOK_FIELDS),
    (CandleSpace, tuple(CANDLES)),
    (ChartSpace, tuple(SHAPES)),
    (Ta, tuple(CATALOGUE)),
)
"""The words of groups that answer by name, and so cannot be seen by looking at them."""
ON_BARS, ON_COLUMNS, OPERATORS = "bars", "a column", "operators"
SIGNS = {
    "and, or, not": "join conditions; & | ~ do the same between parentheses",
    "< <= > >= == !=": "compare; 30 < close.rsi(14) < 70 holds where both do",
    "+ - * /": "calculate",
}


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it is written, what it says, and what it is said of."""

    name: str
    usage: str
    help: str
    topic: str


@cache
def vocabulary() -> tuple[Word, ...]:
    """Return every word of the language, in the order of their topics."""
    x = Space(Graph(), Clock(None, 300))
    found = [Word(name, name, said, ON_BARS) for name, said in PRICES.items()]
    for name in NAMES:
        if name not in PRICES:
            found += _of_bars(x, name)
    for name in METHODS:
        word = inspect.getattr_static(Column, name)
        usage = f"close.{name}({', '.join(arguments_of(word))})"
        found.append(Word(name, usage, _help(word), ON_COLUMNS))
    found += [Word(name, f"{name}(...)", said, OPERATORS) for name, said in FUNCTIONS.items()]
    found += [Word(sign, sign, said, OPERATORS) for sign, said in SIGNS.items()]
    return tuple(found)


def _of_bars(x: Space, name: str) -> Iterator[Word]:
    word = getattr(x, name)
    if inspect.isroutine(word):
        usage = USAGE.get(name) or f"{name}({', '.join(arguments_of(word))})"
        yield Word(name, usage, _help(word), ON_BARS)
        return
    if isinstance(word, Column):
        yield Word(name, name, _help(inspect.getattr_static(Space, name)), ON_BARS)
        return
    about = _help(type(word))
    if callable(word):
        yield Word(name, f"{name}({', '.join(arguments_of(word))})", about, name)
    for inner in group_words(word):
        yield Word(f"{name}.{inner}", _inner(name, word, inner), _said(word, inner), name)


def group_words(group: object) -> tuple[str, ...]:
    """Return what a group of words holds."""
    held = next((names for kind, names in HELD if isinstance(group, kind)), ())
    return (*held, *(one for one in words_of(group) if one not in held))


def _inner(name: str, group: object, inner: str) -> str:
    word = _found(group, inner)
    if isinstance(word, TaClass):
        entry = CATALOGUE[inner]
        given = [f"{one.name}={one.default}" for one in entry.parameters if one.default is not None]
        return f"{name}.{inner}({', '.join(given)}).{entry.outputs[0]}"
    if inspect.isroutine(word) or (callable(word) and not isinstance(word, Column)):
        return f"{name}.{inner}({', '.join(arguments_of(word))})"
    return f"{name}.{inner}"


def _said(group: object, inner: str) -> str:
    word = _found(group, inner)
    if inspect.isroutine(word) and _help(word):
        return _help(word)
    if isinstance(word, TaClass):
        return f"gives {', '.join(CATALOGUE[inner].outputs)}"
    return " ".join(SHORT.get(part, part) for part in inner.split("_"))


def _found(group: object, inner: str) -> object:
    try:
        return getattr(group, inner)
    except ColumnError:
        return None


def _help(word: object) -> str:
    """Return the first sentence of a docstring, without the verb that every one begins with."""
    text = inspect.getdoc(word) or ""
    line = " ".join(text.split("\n\n")[0].split()).rstrip(".").replace("`", "")
    for verb in ("Return ", "Say whether ", "Say "):
        if line.startswith(verb):
            return line.removeprefix(verb) if verb != "Say whether " else "whether " + line[12:]
    return line[:1].lower() + line[1:]


def words_like(text: str) -> tuple[Word, ...]:
    """Return the words whose name or help holds every part of a text; those named so come first."""
    parts = text.lower().split()
    held = [
        one
        for one in vocabulary()
        if all(part in f"{one.usage} {one.help} {one.topic}".lower() for part in parts)
    ]
    return tuple(sorted(held, key=lambda one: not all(part in one.name for part in parts)))
