"""What is kept between evaluations so that one more bar costs one bar."""

from collections.abc import Iterable

from signals.columns.compiled import Compiled, StrategyLike, compile_strategy, strategy_key
from signals.columns.model_column import are_current
from signals.columns.run import Run
from signals.columns.series import InstrumentKey

StrategyKey = tuple[object, ...]


class EvaluationCache:
    """Where the last evaluation of each strategy and instrument ended.

    It changes how long an evaluation takes and nothing else. Safe to share between threads: a
    state in use is taken out, and who finds none begins a fresh one.
    """

    def __init__(self) -> None:
        self._compiled: dict[StrategyKey, Compiled] = {}
        self._runs: dict[tuple[StrategyKey, InstrumentKey], dict[int, Run]] = {}

    def compiled(self, strategy: StrategyLike) -> Compiled:
        """Return the strategy's plan, made once for each version of the models it asks."""
        key = strategy_key(strategy)
        found = self._compiled.get(key)
        if found is not None and are_current(found.models):
            return found
        if found is not None:
            self._drop(found.key)
        found = self._compiled[key] = compile_strategy(strategy)
        return found

    def take(self, key: StrategyKey, instrument: InstrumentKey, block: int) -> Run | None:
        """Remove and return the state kept for a block."""
        return self._runs.get((key, instrument), {}).pop(block, None)

    def keep(self, key: StrategyKey, instrument: InstrumentKey, block: int, run: Run) -> None:
        """Keep the state of the current block; those of other blocks but the next are dropped."""
        kept = self._runs.get((key, instrument), {})
        later = {one: ahead for one, ahead in list(kept.items()) if one > block}
        self._runs[key, instrument] = {block: run, **later}

    def keep_ahead(self, key: StrategyKey, instrument: InstrumentKey, block: int, run: Run) -> None:
        """Keep the state of the block that comes next."""
        self._runs.setdefault((key, instrument), {})[block] = run

    def keep_only(self, strategies: Iterable[StrategyLike]) -> None:
        """Drop what belongs to strategies that are evaluated no more: edited, switched off."""
        wanted = {strategy_key(one) for one in strategies}
        for key in [one for one in list(self._compiled) if one not in wanted]:
            found = self._compiled.pop(key, None)
            if found is not None:
                self._drop(found.key)

    @property
    def count(self) -> int:
        """How many strategies are kept."""
        return len(self._compiled)

    def _drop(self, key: StrategyKey) -> None:
        for one in [one for one in list(self._runs) if one[0] == key]:
            self._runs.pop(one, None)

    def forget(self, instrument: InstrumentKey | None = None) -> None:
        """Drop what is kept (of one instrument): stored bars were corrected.

        Another instrument may look at the corrected one through `x.symbol`; without an argument
        everything is dropped.
        """
        for key in [one for one in self._runs if instrument is None or one[1] == instrument]:
            self._runs.pop(key, None)
