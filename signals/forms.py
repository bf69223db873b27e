"""The form in which rules are written: rows of text that become a definition, and back.

A definition is a tree of any size, so the form is no Django form: `RuleForm` holds the rows as they
were sent, says which JSON pointer each field stands for, and puts a fault beside its field.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markets.types import TIMEFRAME_SECONDS
from signals.strategies.definition import Definition
from signals.strategies.definition_reading import MOST, Fault, step_of

LONGEST_FIELD = 2000
PARAM_FIELDS = ("default", "low", "high", "step", "label")
NUMBER = re.compile(r"[-+]?(\d{1,15})(\.\d{1,12})?([eE][-+]?\d{1,2})?")


@dataclass(slots=True)
class Row:
    """One named expression; `key` begins the names of its fields."""

    key: str
    name: str = ""
    text: str = ""
    error: str = ""

    @property
    def is_blank(self) -> bool:
        return not (self.name or self.text)


@dataclass(slots=True)
class ParamRow:
    """One parameter as it was typed."""

    key: str
    name: str = ""
    values: dict[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def is_blank(self) -> bool:
        return not self.name and not any(self.values.values())


@dataclass(slots=True)
class RuleRows:
    """An entry or an exit; `parts` are those of an entry's confidence."""

    key: str
    when: list[Row] = field(default_factory=list)
    parts: list[Row] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class RuleForm:
    """Everything that is typed on the page."""

    name: str = ""
    about: str = ""
    timeframe: str = "5m"
    symbol: str = ""
    params: list[ParamRow] = field(default_factory=list)
    columns: list[Row] = field(default_factory=list)
    entries: list[RuleRows] = field(default_factory=list)
    exits: list[RuleRows] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    other_errors: list[str] = field(default_factory=list)
    faults_found: int = 0

    @property
    def timeframes(self) -> list[str]:
        return list(TIMEFRAME_SECONDS)

    @property
    def has_errors(self) -> bool:
        return self.faults_found > 0

    # -- to a definition -----------------------------------------------------------------------

    def data(self) -> dict[str, Any]:
        """Return the definition as JSON has it; rows that are blank are left out."""
        return {
            "name": self.name,
            "about": self.about,
            "timeframe": self.timeframe,
            "params": [[one.name, _param(one)] for one in self.params if not one.is_blank],
            "columns": [[one.name, one.text] for one in self.columns if not one.is_blank],
            "entries": [_entry(one) for one in self.entries],
            "exits": [_exit(one) for one in self.exits],
        }

    def show(self, faults: Iterable[Fault]) -> None:
        """Put each fault beside the field that it is about."""
        fields = dict(self._fields())
        for place, sentence in faults:
            self.faults_found += 1
            put = next((fields[one] for one in _upwards(place) if one in fields), None)
            if put is None:
                self.other_errors.append(sentence)
            else:
                put(sentence)

    def _fields(self) -> Iterable[tuple[str, Callable[[str], None]]]:
        for name in ("name", "about", "timeframe"):
            yield f"/{name}", _putter(self.errors, name)
        for kind, rows in (("params", self.params), ("columns", self.columns)):
            yield f"/{kind}", _putter(self.errors, kind)
            for one in rows:
                yield step_of(f"/{kind}", one.name), _row_putter(one)
        for kind, rules in (("entries", self.entries), ("exits", self.exits)):
            for n, rule in enumerate(rules):
                place = f"/{kind}/{n}"
                for name in ("when", "stop", "take", "confidence", "threshold", "why"):
                    yield f"{place}/{name}", _putter(rule.errors, name)
                for one in rule.when:
                    yield step_of(f"{place}/when", _sentence(one)), _row_putter(one)
                for one in rule.parts:
                    yield step_of(f"{place}/confidence", one.name), _row_putter(one)

    # -- rows ----------------------------------------------------------------------------------

    def number(self) -> None:
        """Give every row the key that its place has."""
        for n, param in enumerate(self.params):
            param.key = f"param-{n}"
        for n, row in enumerate(self.columns):
            row.key = f"column-{n}"
        for kind, rules in (("entry", self.entries), ("exit", self.exits)):
            for n, rule in enumerate(rules):
                rule.key = f"{kind}-{n}"
                for m, row in enumerate(rule.when):
                    row.key = f"{rule.key}-when-{m}"
                for m, row in enumerate(rule.parts):
                    row.key = f"{rule.key}-part-{m}"

    def act(self, what: str) -> None:
        """Add a row or take one away: `add column`, `add when entry-0`, `drop entry-0-when-1`."""
        verb, _, target = what.partition(" ")
        if verb == "drop":
            self._drop(target)
        elif verb == "add":
            self._add(target)
        self.number()

    def _drop(self, key: str) -> None:
        rules = [*self.entries, *self.exits]
        lists: list[list[Any]] = [self.params, self.columns, self.entries, self.exits]
        lists += [one.when for one in rules] + [one.parts for one in rules]
        for rows in lists:
            rows[:] = [one for one in rows if one.key != key]

    def _add(self, target: str) -> None:
        kind, _, key = target.partition(" ")
        rule = next((one for one in (*self.entries, *self.exits) if one.key == key), None)
        lists: dict[str, tuple[list[Any], Any, int]] = {
            "param": (self.params, ParamRow(""), MOST["params"]),
            "column": (self.columns, Row(""), MOST["columns"]),
            "entry": (self.entries, RuleRows("", when=[Row("")]), MOST["entries"]),
            "exit": (self.exits, RuleRows("", when=[Row("")]), MOST["exits"]),
        }
        if rule is not None:
            lists["when"] = (rule.when, Row(""), MOST["when"])
            lists["part"] = (rule.parts, Row(""), MOST["confidence"])
        rows, fresh, most = lists.get(kind, ([], None, 0))
        if len(rows) < most:
            rows.append(fresh)

    def text_of(self, key: str) -> tuple[str, dict[str, str]] | None:
        """Return the expression of a field, and the columns that are named before it."""
        rows = {one.key: one.text for one in self.columns}
        if key in rows:
            before = self.columns[: list(rows).index(key)]
            return rows[key], {one.name: one.text for one in before if not one.is_blank}
        for rule in (*self.entries, *self.exits):
            rows |= {one.key: one.text for one in (*rule.when, *rule.parts)}
            rows |= {f"{rule.key}-{name}": rule.values.get(name, "") for name in ("stop", "take")}
        names = {one.name: one.text for one in self.columns if not one.is_blank}
        return (rows[key], names) if key in rows else None

    def param_values(self) -> dict[str, Any]:
        """Return the parameters' defaults as they are typed."""
        return {one.name: _value(one.values.get("default", "")) for one in self.params if one.name}


def form_blank() -> RuleForm:
    """Return the form of a new strategy: an example that can be tried as it stands."""
    entry = RuleRows(
        "",
        when=[
            Row("", "the trend is up", "close > line"),
            Row("", "the dip is over", "close > open"),
        ],
        values={"stop": "close - 2 * atr(14)", "take": "", "confidence": "", "threshold": ""},
    )
    leave = RuleRows("", when=[Row("", "the trend is over", "close < line")])
    form = RuleForm(columns=[Row("", "line", "close.ema(50)")], entries=[entry], exits=[leave])
    form.number()
    return form


def form_of(definition: Definition) -> RuleForm:
    """Return the form that holds a definition."""
    form = RuleForm(definition.name, definition.about, definition.timeframe)
    for name, rule in definition.params:
        values = {one: _typed(getattr(rule, one)) for one in PARAM_FIELDS}
        form.params.append(ParamRow("", name, values))
    form.columns = [Row("", *pair) for pair in definition.columns]
    for entry in definition.entries:
        parts = () if isinstance(entry.confidence, float) else entry.confidence
        fixed = entry.confidence if isinstance(entry.confidence, float) else None
        values = {"stop": entry.stop, "take": entry.take or "", "why": entry.why}
        values |= {"confidence": _typed(fixed), "threshold": _typed(entry.threshold)}
        when = [Row("", *pair) for pair in entry.when]
        form.entries.append(RuleRows("", when, [Row("", *pair) for pair in parts], values))
    for leave in definition.exits:
        when = [Row("", *pair) for pair in leave.when]
        form.exits.append(RuleRows("", when, values={"why": leave.why}))
    form.number()
    return form


def form_sent(sent: Mapping[str, str]) -> RuleForm:
    """Return the form as a page sent it; what is not on the page is not read."""
    name, about, timeframe, symbol = (
        _clean(sent.get(one, "")) for one in ("name", "about", "timeframe", "symbol")
    )
    form = RuleForm(name, about, timeframe, symbol)
    for key in _keys(sent, "param", MOST["params"]):
        values = {one: _clean(sent.get(f"{key}-{one}", "")) for one in PARAM_FIELDS}
        form.params.append(ParamRow(key, _clean(sent.get(f"{key}-name", "")), values))
    form.columns = _rows(sent, "column", MOST["columns"])
    form.entries = [_rule(sent, key) for key in _keys(sent, "entry", MOST["entries"])]
    form.exits = [_rule(sent, key) for key in _keys(sent, "exit", MOST["exits"])]
    form.number()
    return form


def _keys(sent: Mapping[str, str], kind: str, most: int) -> list[str]:
    return [f"{kind}-{n}" for n in range(most) if any(k.startswith(f"{kind}-{n}-") for k in sent)]


def _rows(sent: Mapping[str, str], kind: str, most: int) -> list[Row]:
    return [
        Row(key, _clean(sent.get(f"{key}-name", "")), _clean(sent.get(f"{key}-text", "")))
        for key in _keys(sent, kind, most)
    ]


def _rule(sent: Mapping[str, str], key: str) -> RuleRows:
    names = ("stop", "take", "confidence", "threshold", "why")
    return RuleRows(
        key,
        _rows(sent, f"{key}-when", MOST["when"]),
        _rows(sent, f"{key}-part", MOST["confidence"]),
        {name: _clean(sent.get(f"{key}-{name}", "")) for name in names},
    )


def _clean(text: str) -> str:
    return text.strip()[:LONGEST_FIELD]


def _value(text: str) -> Any:
    """Return the number that a text is, or the text."""
    if not NUMBER.fullmatch(text):
        return text
    return float(text) if set(text) & set(".eE") else int(text)


def _typed(value: object) -> str:
    return "" if value is None else str(value)


def _param(row: ParamRow) -> dict[str, Any]:
    given = {name: _value(text) for name, text in row.values.items() if text and name != "label"}
    return {**given, "label": row.values.get("label", "")}


def _sentence(row: Row) -> str:
    """Return the name of a condition; one without a name is called as it is written."""
    return " ".join((row.name or row.text[:80]).split())


def _when(rows: Iterable[Row]) -> list[list[str]]:
    return [[_sentence(one), one.text] for one in rows if not one.is_blank]


def _exit(rule: RuleRows) -> dict[str, Any]:
    return {"when": _when(rule.when), "why": rule.values.get("why", "")}


def _entry(rule: RuleRows) -> dict[str, Any]:
    parts = [[one.name, one.text] for one in rule.parts if not one.is_blank]
    confidence = rule.values.get("confidence", "")
    threshold = rule.values.get("threshold", "")
    return {
        **_exit(rule),
        "stop": rule.values.get("stop", ""),
        "take": rule.values.get("take", "") or None,
        "confidence": parts or (_value(confidence) if confidence else 1.0),
        "threshold": _value(threshold) if threshold else 0.0,
    }


def _upwards(place: str) -> Iterable[str]:
    """Yield a pointer and those above it."""
    while place:
        yield place
        place = place.rpartition("/")[0]


def _putter(errors: dict[str, str], name: str) -> Callable[[str], None]:
    def put(sentence: str) -> None:
        errors.setdefault(name, sentence)

    return put


def _row_putter(row: Row | ParamRow) -> Callable[[str], None]:
    def put(sentence: str) -> None:
        row.error = row.error or sentence

    return put
