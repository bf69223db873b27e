"""Calculated columns that several parametrisations of a strategy share."""

from collections import OrderedDict
from collections.abc import Hashable

from signals.columns.graph import Node
from signals.columns.series import Floats, SeriesProvider

LIMIT_BYTES = 32 * 1024 * 1024
MOST = 20_000
"""Expressions and facts, after which everything is dropped."""
UNSHARED = frozenset(("own",))
"""What a strategy's own code calculates belongs to that one strategy."""


class ColumnCache:
    """Values of columns by their expression, the least recently asked for dropped first.

    For one provider whose bars do not change, and for one thread. It changes how long a history is
    decided and nothing else.

    Parameters
    ----------
    limit_bytes : int
        Most memory that the values take.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit, self._held = limit_bytes, 0
        self._provider: SeriesProvider | None = None
        self._values: OrderedDict[Hashable, Floats] = OrderedDict()
        self._numbers: dict[Hashable, int] = {}
        self._facts: set[Hashable] = set()

    @property
    def held_bytes(self) -> int:
        """Memory of the values kept now."""
        return self._held

    def forget(self) -> None:
        """Drop everything: bars were corrected."""
        self._values.clear()
        self._numbers.clear()
        self._facts.clear()
        self._held = 0

    def serve(self, provider: SeriesProvider) -> None:
        """Drop everything where another provider is asked than before."""
        if provider is not self._provider or len(self._numbers) + len(self._facts) > MOST:
            self.forget()
        self._provider = provider

    def number(self, node: Node, known: dict[int, int | None]) -> int | None:
        """Return what the expression behind a node is called here; None where it is not shared.

        Parameters
        ----------
        known : dict
            What was found for other nodes of the same strategy, by their identity.
        """
        name = id(node)
        if name not in known:
            inputs = [self.number(one, known) for one in node.inputs]
            known[name] = None
            if node.op not in UNSHARED and None not in inputs:
                key = (node.op, node.clock, node.args, tuple(inputs))
                known[name] = self._numbers.setdefault(key, len(self._numbers))
        return known[name]

    def has(self, fact: Hashable) -> bool:
        """Say whether something was noted about the provider's bars."""
        return fact in self._facts

    def note(self, fact: Hashable) -> None:
        """Remember something about the provider's bars."""
        self._facts.add(fact)

    def get(self, key: Hashable) -> Floats | None:
        """Return what was kept under a key."""
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
        return found

    def put(self, key: Hashable, values: Floats) -> None:
        """Keep values under a key, and no more than the limit in all."""
        self._values[key] = values
        self._held += values.nbytes
        while self._held > self._limit:
            _, dropped = self._values.popitem(last=False)
            self._held -= dropped.nbytes
