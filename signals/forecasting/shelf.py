"""The trained models of this process, by name: put there by a service, read by the language."""

import difflib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from signals.forecasting.trees import Scorer

Feature = Callable[[Any], Any]
"""A function of a strategy's `x` that returns a column."""


@dataclass(frozen=True, slots=True, eq=False)
class ShelvedModel:
    """One version of a model, ready to score.

    Attributes
    ----------
    timeframe : int
        Seconds of the bars that it was trained on.
    horizon : int
        Bars ahead.
    trained_through : int
        Close of the newest bar that it saw, its labels included, UTC epoch seconds.
    features : mapping of name to function of `x`, in the order of the trees' columns
    texts : mapping of name to the expression that the function was made of
    """

    name: str
    version: int
    timeframe: int
    horizon: int
    trained_through: int
    features: Mapping[str, Feature]
    texts: Mapping[str, str]
    scorer: Scorer


class UnknownModelError(LookupError):
    """No model has that name; the sentence suggests one."""


class ModelLostError(LookupError):
    """A model exists and cannot be used; the sentence says why."""


class Shelf:
    """Models by name, the newest version of each and the one before it.

    Whoever compiled against a version may still begin calculations with it for a moment; so the
    one before the newest stays. Safe to use from several threads.

    Attributes
    ----------
    refresh : function or None
        Called before a name is looked up: brings the shelf up to date with what is stored.
    """

    def __init__(self) -> None:
        self.refresh: Callable[[], None] | None = None
        self._models: dict[str, tuple[ShelvedModel, ...]] = {}
        self._lost: dict[str, tuple[int, str]] = {}
        self._turn = threading.Lock()

    def put(self, model: ShelvedModel) -> None:
        """Let this version answer to its name from now on."""
        with self._turn:
            before = [
                one for one in self._models.get(model.name, ()) if one.version != model.version
            ]
            self._models[model.name] = (model, *before[:1])
            self._lost.pop(model.name, None)

    def lose(self, name: str, version: int, reason: str) -> None:
        """Remember why a version cannot be used; nothing answers to the name."""
        with self._turn:
            self._models.pop(name, None)
            self._lost[name] = (version, reason)

    def remove(self, name: str) -> None:
        """Forget a name."""
        with self._turn:
            self._models.pop(name, None)
            self._lost.pop(name, None)

    def versions(self) -> dict[str, int]:
        """Return the version that answers to each name, and that of each lost one."""
        lost = {name: version for name, (version, _) in self._lost.items()}
        return {name: found[0].version for name, found in self._models.items()} | lost

    def version(self, name: str) -> int | None:
        """Return the version that answers to a name, None where nothing does."""
        found = self._models.get(name)
        return found[0].version if found else None

    def model(self, name: str) -> ShelvedModel:
        """Return the newest version of a name.

        Raises
        ------
        UnknownModelError
            If no model has the name.
        ModelLostError
            If it cannot be used.
        """
        if self.refresh is not None:
            self.refresh()
        found = self._models.get(name)
        if found:
            return found[0]
        if name in self._lost:
            raise ModelLostError(f"the model {name} cannot be used: {self._lost[name][1]}")
        raise UnknownModelError(self._unknown(name))

    def exactly(self, name: str, version: int) -> ShelvedModel:
        """Return a version that was compiled against.

        Raises
        ------
        ModelLostError
            If it is no longer kept.
        """
        for one in self._models.get(name, ()):
            if one.version == version:
                return one
        raise ModelLostError(f"version {version} of the model {name} is no longer kept")

    def clear(self) -> None:
        with self._turn:
            self._models.clear()
            self._lost.clear()

    def _unknown(self, name: str) -> str:
        names = sorted(self._models)
        close = difflib.get_close_matches(name, names, n=1)
        if close:
            return f"there is no model {name}. Did you mean {close[0]}?"
        if names:
            return f"there is no model {name}. Trained are {', '.join(names)}."
        return f"there is no model {name}: none has been trained yet."


shelf = Shelf()
