"""`x.feed`, `x.macro`, `x.news`, `x.book`: what was known beside prices, as columns."""

import difflib
import re
from dataclasses import dataclass

import numpy as np

from signals.columns.clock import Clock
from signals.columns.column import Column
from signals.columns.errors import ColumnError
from signals.columns.graph import Graph, Node
from signals.columns.refusals import refuse_attribute
from signals.columns.series import Floats, InstrumentKey, SeriesProvider, Times

MINUTE, HOUR, DAY = 60, 3600, 86_400
MACRO = "macro:"
BOOK = "book."
BOOK_FIELDS = (
    "spread",
    "imbalance",
    "micro_offset",
    "order_flow_imbalance",
    "bid_depth",
    "ask_depth",
    "void_above",
    "void_below",
    "buy_volume",
    "sell_volume",
)


@dataclass(frozen=True, slots=True)
class FeedKind:
    """What a feed is about, and how long one of its points may be looked at.

    Attributes
    ----------
    of_market : bool
        About everything, so that the instrument plays no part.
    horizon : int
        Seconds after which a point is forgotten; the greatest `max_age`.
    """

    of_market: bool
    horizon: int


KINDS = {
    "fear_greed": FeedKind(of_market=True, horizon=7 * DAY),
    "market_news": FeedKind(of_market=True, horizon=7 * DAY),
    "news": FeedKind(of_market=False, horizon=7 * DAY),
    "unusual_options": FeedKind(of_market=False, horizon=7 * DAY),
    **{BOOK + field: FeedKind(of_market=False, horizon=HOUR) for field in BOOK_FIELDS},
}
MACRO_KIND = FeedKind(of_market=True, horizon=400 * DAY)
SPANS = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY}


def feed_kind(name: str) -> FeedKind:
    """Return what a feed is about.

    Raises
    ------
    ColumnError
        If there is no such feed.
    """
    if name.startswith(MACRO):
        _macro_series(name.removeprefix(MACRO))
        return MACRO_KIND
    kind = KINDS.get(name)
    if kind is None:
        close = difflib.get_close_matches(name, KINDS, n=1)
        hint = (
            f"Did you mean {close[0]}?"
            if close
            else f"It knows {', '.join(KINDS)} and macro:<series>."
        )
        raise ColumnError(f"x.feed has no {name}. {hint}")
    return kind


def feed_key(name: str, instrument: InstrumentKey) -> tuple[str, InstrumentKey | None]:
    """Return the feed's name with the instrument it is about, None for the whole market."""
    return name, None if feed_kind(name).of_market else instrument


def as_of(known_at: Times, values: Floats, moments: Times, max_age: int) -> Floats:
    """Return at each moment the newest value known by then and not older than `max_age` seconds.

    Parameters
    ----------
    known_at : int64 array, ascending
        When each value could first be known, UTC epoch seconds; of equal ones the last counts.
    """
    result = np.full(len(moments), np.nan)
    place = np.searchsorted(known_at, moments, side="right") - 1
    found = np.flatnonzero(place >= 0)
    found = found[moments[found] - known_at[place[found]] <= max_age]
    result[found] = values[place[found]]
    return result


def feed_values(
    node: Node, provider: SeriesProvider, instrument: InstrumentKey, closes: Times
) -> Floats:
    """Return the values of a feed's node at these closes: a pure function of each close."""
    name, max_age = str(node.args[0]), int(node.args[1])
    points = provider.points(name, instrument, int(closes[0]) - max_age - 1, int(closes[-1]))
    return as_of(points.available_at, points.value, closes, max_age)


def settled_through(
    node: Node, provider: SeriesProvider, instrument: InstrumentKey, close: int
) -> int:
    """Return the last moment up to `close` for which a feed's node cannot change any more."""
    name, max_age = str(node.args[0]), int(node.args[1])
    points = provider.points(name, instrument, close - max_age - 1, close)
    return min(close, points.settled)


def feed_column(graph: Graph, clock: Clock, name: object, max_age: object) -> Column:
    """Return the column of a feed.

    Raises
    ------
    ColumnError
        For an unknown name, or an age that is none.
    """
    if not isinstance(name, str):
        raise ColumnError(f'x.feed takes a name like "fear_greed", not {name!r}')
    kind = feed_kind(name)
    seconds = kind.horizon if max_age is None else _seconds(name, max_age, kind.horizon)
    return Column(graph, graph.node("feed", clock, args=(name, seconds)))


def macro_name(series: object) -> str:
    """Return the feed of a macro series."""
    if not isinstance(series, str):
        raise ColumnError(f'x.macro takes a series like "DGS10", not {series!r}')
    return MACRO + _macro_series(series)


def _macro_series(series: str) -> str:
    if not re.fullmatch(r"[A-Z0-9_]{1,40}", series):
        raise ColumnError(f'x.macro takes a series like "DGS10", not {series!r}')
    return series


def _seconds(name: str, max_age: object, horizon: int) -> int:
    seconds = 0
    if isinstance(max_age, int) and not isinstance(max_age, bool):
        seconds = max_age
    elif isinstance(max_age, str) and (found := re.fullmatch(r"(\d{1,9})([smhd])", max_age)):
        seconds = int(found[1]) * SPANS[found[2]]
    if not 1 <= seconds <= horizon:
        raise ColumnError(
            f'max_age of {name} wants seconds or a text like "90m" or "2d", '
            f"from 1 s to {_shown(horizon)}, not {max_age!r}"
        )
    return seconds


def _shown(seconds: int) -> str:
    return f"{seconds // DAY} d" if seconds >= DAY else f"{seconds // HOUR} h"


class BookSpace:
    """What the minutes of the order book and its trades were like.

    Its attributes are `BOOK_FIELDS`; the statistics of a minute are known from its end on.
    """

    __slots__ = ("_clock", "_graph", "_max_age")

    def __init__(self, graph: Graph, clock: Clock, max_age: object = None) -> None:
        self._graph, self._clock, self._max_age = graph, clock, max_age

    def __call__(self, *, max_age: object) -> "BookSpace":
        """Return the same, forgetting a minute after `max_age`."""
        return BookSpace(self._graph, self._clock, max_age)

    def __getattr__(self, name: str) -> Column:
        if name not in BOOK_FIELDS:
            raise refuse_attribute("x.book", name, BOOK_FIELDS)
        return feed_column(self._graph, self._clock, BOOK + name, self._max_age)
