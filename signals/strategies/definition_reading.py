"""Read rules as data: every fault is found, and said with its place, before anything is made."""

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from markets.types import TIMEFRAME_SECONDS
from signals.columns.errors import ColumnError
from signals.strategies.definition import (
    MEMBERS_OF_PARAM,
    Definition,
    EntryRule,
    ExitRule,
    Pairs,
    ParamRule,
)

type Fault = tuple[str, str]
"""A JSON pointer (RFC 6901) and the sentence that says what is wrong there."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
MOST = {"params": 20, "columns": 40, "entries": 5, "exits": 5, "when": 12, "confidence": 10}
LONGEST = {
    "name": 80, "about": 1000, "why": 200, "sentence": 80, "label": 60, "expression": 1000,
}  # fmt: skip
MEMBERS = ("name", "about", "timeframe", "params", "columns", "entries", "exits")
ENTRY_MEMBERS = ("when", "stop", "take", "confidence", "threshold", "why")
EXIT_MEMBERS = ("when", "why")
LARGEST = 1e12


class DefinitionError(ColumnError):
    """A definition that cannot be: every fault with its place.

    Attributes
    ----------
    faults : tuple of (str, str)
        JSON pointer and sentence.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{place}: {said}" for place, said in self.faults))


def definition_read(data: object, *, reserved: Iterable[str] = ()) -> Definition:
    """Return the definition that a JSON value holds, in either form.

    Parameters
    ----------
    reserved : iterable of str
        Words that a parameter or a column may not hide; given when something new is written.

    Raises
    ------
    DefinitionError
        With every fault and its place.
    """
    reading = _Reading(frozenset(reserved))
    found = reading.definition(data)
    if reading.faults:
        raise DefinitionError(reading.faults)
    return found


class _Reading:
    """Collects faults while a definition is read."""

    def __init__(self, reserved: frozenset[str]) -> None:
        self.faults: list[Fault] = []
        self._reserved = reserved

    def _fault(self, place: str, sentence: str) -> None:
        # The first says what is wrong; what follows from it at the same place adds nothing.
        if all(place != one for one, _ in self.faults):
            self.faults.append((place, sentence))

    def definition(self, data: object) -> Definition:
        members = self._members("", data, MEMBERS)
        name = self._text("/name", members.get("name"), LONGEST["name"])
        if not name:
            self._fault("/name", "a name is wanted")
        timeframe = members.get("timeframe")
        if not isinstance(timeframe, str) or timeframe not in TIMEFRAME_SECONDS:
            known = ", ".join(TIMEFRAME_SECONDS)
            self._fault("/timeframe", f"a timeframe is wanted, one of {known}")
            timeframe = "5m"
        params = self._params(members.get("params"))
        columns = self._pairs("/columns", members.get("columns"), MOST["columns"])
        self._names(params, columns)
        entries = [self._entry(f"/entries/{n}", one) for n, one in self._list("entries", members)]
        if not entries:
            self._fault("/entries", "at least one entry is wanted, with a stop")
        exits = [self._exit(f"/exits/{n}", one) for n, one in self._list("exits", members)]
        about = self._text("/about", members.get("about"), LONGEST["about"])
        return Definition(name, about, timeframe, params, columns, tuple(entries), tuple(exits))

    def _members(self, place: str, data: object, known: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            self._fault(place, "an object is wanted: {...}")
            return {}
        for name in data:
            if name not in known:
                self._fault(
                    step_of(place, name), f"this is not known; there are {', '.join(known)}"
                )
        return data

    def _list(self, name: str, members: Mapping[str, Any]) -> list[tuple[int, Any]]:
        found = members.get(name)
        if found is None:
            return []
        if not isinstance(found, list | tuple):
            self._fault(f"/{name}", "a list is wanted: [...]")
            return []
        if len(found) > MOST[name]:
            self._fault(f"/{name}", f"there are {len(found)}; at most {MOST[name]} are allowed")
        return list(enumerate(found[: MOST[name]]))

    def _text(self, place: str, value: object, longest: int) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            self._fault(place, "a text is wanted")
            return ""
        text = " ".join(value.split())
        if CONTROL.search(text):
            self._fault(place, "the text holds a character that cannot be seen")
        if len(text) > longest:
            self._fault(place, f"the text has {len(text)} characters; at most {longest} fit")
        return text

    def _expression(self, place: str, value: object) -> str:
        """Return the text of an expression; a plain number is one too."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = repr(value)
        if not isinstance(value, str) or not value.strip():
            self._fault(place, "an expression is wanted, such as close > close.ema(50)")
            return ""
        if len(value) > LONGEST["expression"]:
            most = LONGEST["expression"]
            self._fault(place, f"the expression has {len(value)} characters; at most {most} fit")
        return value.strip()[: LONGEST["expression"]]

    def _items(self, place: str, value: object, most: int) -> list[tuple[str, Any]]:
        """Return the members of a mapping or of a list of pairs, each name once."""
        if value is None:
            return []
        items: Any = value.items() if isinstance(value, Mapping) else value
        is_listed = not isinstance(items, str) and isinstance(items, Iterable)
        pairs: list[Any] = list(items) if is_listed else [None]
        if any(not isinstance(one, list | tuple) or len(one) != 2 for one in pairs):
            self._fault(place, "an object is wanted: {...}")
            return []
        if len(pairs) > most:
            self._fault(place, f"there are {len(pairs)}; at most {most} are allowed")
        found: dict[str, Any] = {}
        for name, one in pairs[:most]:
            text = self._text(step_of(place, name), name, LONGEST["sentence"])
            if not text:
                self._fault(place, "each needs a name")
            elif text in found:
                self._fault(step_of(place, name), "this name is given twice")
            found[text] = one
        return list(found.items())

    def _pairs(self, place: str, value: object, most: int) -> Pairs:
        return tuple(
            (name, self._expression(step_of(place, name), one))
            for name, one in self._items(place, value, most)
        )

    def _names(self, params: Iterable[tuple[str, ParamRule]], columns: Pairs) -> None:
        """Refuse names that an expression could not say, or that would hide something."""
        seen: set[str] = set()
        for place, name in (
            *((step_of("/params", one), one) for one, _ in params),
            *((step_of("/columns", one), one) for one, _ in columns),
        ):
            if not NAME.fullmatch(name) or keyword.iskeyword(name):
                self._fault(place, "a name has small letters, digits and _, such as fast_line")
            elif name in self._reserved:
                self._fault(place, f"{name} is a word of the language; choose another name")
            elif name in seen:
                self._fault(place, f"{name} is a parameter already; choose another name")
            seen.add(name)

    def _params(self, value: object) -> tuple[tuple[str, ParamRule], ...]:
        return tuple(
            (name, self._param(step_of("/params", name), one))
            for name, one in self._items("/params", value, MOST["params"])
        )

    def _param(self, place: str, value: object) -> ParamRule:
        if isinstance(value, int | float | str):
            value = {"default": value}
        members = self._members(place, value, MEMBERS_OF_PARAM)
        default = members.get("default")
        if isinstance(default, str):
            rule = ParamRule(self._text(f"{place}/default", default, 60))
        else:
            rule = ParamRule(self._number(f"{place}/default", default) or 0)
        low, high, step = (
            None
            if members.get(name) is None or isinstance(default, str)
            else self._number(f"{place}/{name}", members[name])
            for name in ("low", "high", "step")
        )
        label, unit = (
            self._text(f"{place}/{name}", members.get(name), LONGEST["label"])
            for name in ("label", "unit")
        )
        return ParamRule(rule.default, low, high, step, label, unit)

    def _number(self, place: str, value: object) -> float | int | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            self._fault(place, "a number is wanted")
            return None
        if abs(value) > LARGEST:
            self._fault(place, "the number is too large")
            return None
        return value

    def _share(self, place: str, value: object, default: float) -> float:
        """Return a number from 0 to 1."""
        if value is None:
            return default
        found = self._number(place, value)
        if found is not None and not 0 <= found <= 1:
            self._fault(place, f"a number from 0 to 1 is wanted, not {found}")
        return float(found or 0)

    def _when(self, place: str, members: Mapping[str, Any]) -> Pairs:
        when = self._pairs(f"{place}/when", members.get("when"), MOST["when"])
        if not when:
            self._fault(f"{place}/when", "at least one condition is wanted")
        return when

    def _entry(self, place: str, data: object) -> EntryRule:
        members = self._members(place, data, ENTRY_MEMBERS)
        confidence = members.get("confidence", 1.0)
        if isinstance(confidence, Mapping | list | tuple):
            shares: float | Pairs = self._pairs(
                f"{place}/confidence", confidence, MOST["confidence"]
            )
        else:
            shares = self._share(f"{place}/confidence", confidence, 1.0)
        take = members.get("take")
        is_given = take is not None and take != ""
        return EntryRule(
            self._when(place, members),
            self._expression(f"{place}/stop", members.get("stop")),
            self._expression(f"{place}/take", take) if is_given else None,
            shares or 0.0,
            self._share(f"{place}/threshold", members.get("threshold"), 0.0),
            self._text(f"{place}/why", members.get("why"), LONGEST["why"]),
        )

    def _exit(self, place: str, data: object) -> ExitRule:
        members = self._members(place, data, EXIT_MEMBERS)
        return ExitRule(
            self._when(place, members),
            self._text(f"{place}/why", members.get("why"), LONGEST["why"]),
        )


def step_of(place: str, name: object) -> str:
    """Return a JSON pointer one step further."""
    text = str(name)[: LONGEST["sentence"]].replace("~", "~0").replace("/", "~1")
    return f"{place}/{text}"
