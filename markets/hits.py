"""How often an answer was in the memory of this process, and how often it was not."""

from collections import Counter
from collections.abc import Mapping

# What is kept in memory: newest quotes and books, and the newest bars of series that were read.
KINDS = ("quote", "book", "bars")


class Hits:
    """Counts of one process since it began; a lost count under a race of threads is no harm."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.misses: Counter[str] = Counter()

    def count(self, kind: str, *, is_hit: bool) -> None:
        (self.hits if is_hit else self.misses)[kind] += 1

    def rate(self, kind: str | None = None) -> float | None:
        """Return hits / questions of one kind, or of all; None while nobody asked."""
        hits = self.hits.total() if kind is None else self.hits[kind]
        misses = self.misses.total() if kind is None else self.misses[kind]
        return hits / (hits + misses) if hits + misses else None

    def report(self) -> Mapping[str, Mapping[str, float | None]]:
        """Return hits, misses and rate by kind."""
        return {
            kind: {
                "hits": self.hits[kind],
                "misses": self.misses[kind],
                "rate": self.rate(kind),
            }
            for kind in KINDS
        }

    def forget(self) -> None:
        self.hits.clear()
        self.misses.clear()


hits = Hits()
