"""Do two sources tell the same price? Pure: figures and times go in, changes of opinion come out.

Only figures of one symbol in one quote currency are compared, and only where they were heard at
nearly the same time: a price that moved between two polls is no disagreement.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

# Figures heard further apart than this are not compared.
NEAR_S = 10.0
# So long they must differ, in at least two comparisons, before it is said.
SUSTAINED_S = 3.0
# So long they must agree before it is over.
CALM_S = 30.0
# After so long without anything to compare there is one source and no second opinion.
LAPSE_S = 900.0
# A source that speaks more often is looked at so often.
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Figure:
    """A price that a source told: the middle of bid and ask, or its last price."""

    source: str
    price: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Opinion:
    """A change: two sources disagree from now on, or (`is_over`) no longer."""

    key: str
    first: Figure
    other: Figure
    is_over: bool = False
    is_lapsed: bool = False


@dataclass(slots=True)
class _Symbol:
    figures: dict[str, Figure] = field(default_factory=dict)
    apart: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    pair: tuple[str, str] | None = None
    calm_since_s: float | None = None
    compared_at_s: float = 0.0


class Agreement:
    """The newest figure of every source by symbol, and which symbols are in doubt.

    Parameters
    ----------
    percent : float
        Two prices differ when they are further apart than this, in percent of the lower one.
    """

    def __init__(self, percent: float) -> None:
        self.percent = percent
        self._symbols: dict[str, _Symbol] = {}

    def in_doubt(self) -> set[str]:
        """Return the keys of the symbols on which sources disagree."""
        return {key for key, symbol in self._symbols.items() if symbol.pair is not None}

    def doubt(self, key: str, source: str, other: str, *, now_s: float) -> None:
        """Take over a disagreement that was there before this process began."""
        symbol = self._symbols.setdefault(key, _Symbol())
        symbol.pair, symbol.compared_at_s = _pair(source, other), now_s

    def observe(self, key: str, source: str, price: float, *, now_s: float) -> Opinion | None:
        """Note what `source` tells of the symbol `key` at monotonic `now_s`."""
        if not (math.isfinite(price) and price > 0):
            return None
        symbol = self._symbols.setdefault(key, _Symbol())
        before = symbol.figures.get(source)
        if before is not None and now_s - before.at_s < LOOK_EVERY_S:
            return None
        figure = symbol.figures[source] = Figure(source, price, now_s)
        for other in tuple(symbol.figures.values()):
            if other.source != source and abs(now_s - other.at_s) <= NEAR_S:
                opinion = self._compare(key, symbol, figure, other)
                if opinion is not None:
                    return opinion
        return None

    def lapsed(self, *, now_s: float) -> Iterator[Opinion]:
        """End the doubts of which nothing could be compared for a quarter of an hour."""
        for key, symbol in list(self._symbols.items()):  # the loop may add one meanwhile
            if symbol.pair is None or now_s - symbol.compared_at_s < LAPSE_S:
                continue
            first, other = (
                symbol.figures.get(name, Figure(name, math.nan, 0.0)) for name in symbol.pair
            )
            symbol.pair, symbol.calm_since_s = None, None
            symbol.apart.clear()
            yield Opinion(key, first, other, is_over=True, is_lapsed=True)

    def _compare(self, key: str, symbol: _Symbol, figure: Figure, other: Figure) -> Opinion | None:
        pair, now_s = _pair(figure.source, other.source), figure.at_s
        first, second = (figure, other) if pair[0] == figure.source else (other, figure)
        is_apart = distance_percent(figure.price, other.price) > self.percent
        if symbol.pair is not None:
            return self._compare_doubted(key, symbol, first, second, is_apart=is_apart)
        if not is_apart:
            symbol.apart.pop(pair, None)
            return None
        since_s, count = symbol.apart.get(pair, (now_s, 0))
        symbol.apart[pair] = (since_s, count + 1)
        if count + 1 < 2 or now_s - since_s < SUSTAINED_S:
            return None
        symbol.apart.clear()
        symbol.pair, symbol.compared_at_s, symbol.calm_since_s = pair, now_s, None
        return Opinion(key, first, second)

    def _compare_doubted(
        self, key: str, symbol: _Symbol, first: Figure, second: Figure, *, is_apart: bool
    ) -> Opinion | None:
        """Wait until the pair agreed for long enough; another pair that differs delays it."""
        now_s = max(first.at_s, second.at_s)
        is_pair = symbol.pair == (first.source, second.source)
        if is_pair:
            symbol.compared_at_s = now_s
        if is_apart:
            symbol.calm_since_s = None
            return None
        since_s = now_s if symbol.calm_since_s is None else symbol.calm_since_s
        symbol.calm_since_s = since_s
        if is_pair and now_s - since_s >= CALM_S:
            symbol.pair, symbol.calm_since_s = None, None
            return Opinion(key, first, second, is_over=True)
        return None


def distance_percent(price: float, other: float) -> float:
    """Return how far two prices are apart, in percent of the lower one."""
    return abs(price - other) / min(price, other) * 100


def _pair(source: str, other: str) -> tuple[str, str]:
    return (source, other) if source < other else (other, source)
