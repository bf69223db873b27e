"""Rules as data: what a written strategy holds.

The JSON form is described in docs/rules.md. Kept is a form without mappings, because a database
may give the members of a mapping back in another order, and the order of conditions has a meaning:
the first that fails is the reason.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

type Pairs = tuple[tuple[str, str], ...]
MEMBERS_OF_PARAM = ("default", "low", "high", "step", "label", "unit")


@dataclass(frozen=True, slots=True)
class ParamRule:
    """One parameter: a number with bounds, or a text that names symbols."""

    default: float | int | str
    low: float | int | None = None
    high: float | int | None = None
    step: float | int | None = None
    label: str = ""
    unit: str = ""

    def exported(self) -> dict[str, Any]:
        """Return the members that say something."""
        return {n: getattr(self, n) for n in MEMBERS_OF_PARAM if getattr(self, n) not in (None, "")}


@dataclass(frozen=True, slots=True)
class EntryRule:
    """An entry as it was written: conditions by sentence, prices as expressions."""

    when: Pairs
    stop: str
    take: str | None
    confidence: float | Pairs
    threshold: float
    why: str


@dataclass(frozen=True, slots=True)
class ExitRule:
    """An exit as it was written."""

    when: Pairs
    why: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A strategy written as rules; its expressions are not read yet."""

    name: str
    about: str
    timeframe: str
    params: tuple[tuple[str, ParamRule], ...]
    columns: Pairs
    entries: tuple[EntryRule, ...]
    exits: tuple[ExitRule, ...]

    def exported(self) -> dict[str, Any]:
        """Return the JSON form that people read, paste and send."""
        return {
            "name": self.name,
            "about": self.about,
            "timeframe": self.timeframe,
            "params": {name: one.exported() for name, one in self.params},
            "columns": dict(self.columns),
            "entries": [
                {
                    "when": dict(one.when),
                    "stop": one.stop,
                    "take": one.take,
                    "confidence": one.confidence
                    if isinstance(one.confidence, float)
                    else dict(one.confidence),
                    "threshold": one.threshold,
                    "why": one.why,
                }
                for one in self.entries
            ],
            "exits": [{"when": dict(one.when), "why": one.why} for one in self.exits],
        }

    def stored(self) -> dict[str, Any]:
        """Return the form that is kept: mappings that have an order become lists of pairs."""
        form = self.exported()
        form["params"] = _listed(form["params"])
        form["columns"] = _listed(form["columns"])
        for rule in (*form["entries"], *form["exits"]):
            rule["when"] = _listed(rule["when"])
            if isinstance(rule.get("confidence"), dict):
                rule["confidence"] = _listed(rule["confidence"])
        return form

    def meaning(self) -> str:
        """Return the canonical text of what is concluded: all but what people call it."""
        form = self.stored()
        del form["name"], form["about"]
        for _, param in form["params"]:
            for shown in ("label", "unit", "step"):
                param.pop(shown, None)
        return json.dumps(form, sort_keys=True, separators=(",", ":"))


def _listed(mapping: Mapping[str, Any]) -> list[list[Any]]:
    return [[name, value] for name, value in mapping.items()]
