"""The form of a backtest, a sweep or a walk-forward: made of the strategy's own parameters.

What is typed stays text until it is judged, so that it survives an error; each fault stands beside
the field that its place names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from django.http import QueryDict

from markets.selectors_spans import StoredSpan
from signals.models import Strategy
from signals.strategies.params import Param, ParamError, TextParam
from trading import research_fields
from trading.assumed import PRESETS
from trading.backtest.assumptions import Assumptions
from trading.backtest.space import applied
from trading.models.research import Research, Sweep
from trading.performance.catalogue import METRICS

DAY = timedelta(days=1)
LONGEST_NUMBER = 40
KINDS = (
    ("backtest", "One backtest", "These parameters, over the span."),
    (
        "walk_forward",
        "Walk-forward",
        "Choose parameters on a window, judge them on the bars after it: the one to believe.",
    ),
    ("sweep", "Sweep", "Try many parameters on the same bars, to see which do not matter."),
)
METHODS = (("grid", "Every point of the grid"), ("random", "Points at random"), ("tpe", "TPE"))
SPANS = (("30", "Last 30 days"), ("90", "Last 90 days"), ("365", "Last year"), ("all", "All"))
OBJECTIVES = ("sharpe", "sortino", "calmar", "return", "profit_factor", "expectancy", "sqn")
SEARCH = {"method": "grid", "points": "200", "objective": "sharpe", "seed": "7", "where": ""}
WALK = {
    "scheme": "rolling",
    "train_days": "90",
    "test_days": "30",
    "embargo_days": "0",
    "purge_bars": "0",
    "choose": "stability",
}
WALK_WORDS = ("scheme", "choose")


@dataclass(slots=True)
class ParamRow:
    """One parameter: its value, and how far it varies in a search."""

    name: str
    spec: Param[Any]
    value: str
    is_varied: bool = False
    low: str = ""
    high: str = ""
    step: str = ""
    values: str = ""
    error: str = ""
    range_error: str = ""

    @property
    def label(self) -> str:
        return self.spec.label or self.name.replace("_", " ").capitalize()

    @property
    def is_text(self) -> bool:
        return isinstance(self.spec, TextParam)

    @property
    def bounds(self) -> str:
        """Say what it may be: `5 to 50, in steps of 1, usually 30`."""
        low, high = ("…" if one is None else _typed(one) for one in (self.spec.low, self.spec.high))
        parts = [] if (low, high) == ("…", "…") else [f"{low} to {high}"]
        parts += [f"in steps of {_typed(self.spec.step)}"] if self.spec.step else []
        return ", ".join([*parts, f"usually {_typed(self.spec.default)}"])


@dataclass(slots=True)
class ResearchForm:
    """Everything that is typed on the page."""

    strategy: Strategy
    params: list[ParamRow]
    stored: Sequence[StoredSpan]
    assumed: dict[str, str]
    scale: int = 8
    kind: str = "backtest"
    name: str = ""
    symbols: list[str] = field(default_factory=list)
    from_day: str = ""
    through_day: str = ""
    search: dict[str, str] = field(default_factory=lambda: dict(SEARCH))
    walk: dict[str, str] = field(default_factory=lambda: dict(WALK))
    errors: dict[str, str] = field(default_factory=dict)
    assumed_errors: dict[str, str] = field(default_factory=dict)
    other_errors: list[str] = field(default_factory=list)

    # -- what the page shows -------------------------------------------------------------------

    @property
    def groups(self) -> list[tuple[str, list[research_fields.Field], list[research_fields.Field]]]:
        return research_fields.fields_of(self.assumed, self.assumed_errors)

    @property
    def faults_found(self) -> int:
        rows = sum(bool(one.error) + bool(one.range_error) for one in self.params)
        return rows + len(self.errors) + len(self.assumed_errors)

    @property
    def has_errors(self) -> bool:
        return bool(self.faults_found or self.other_errors)

    @property
    def points_planned(self) -> int | None:
        """How many points the grid has as it is typed; None where that cannot be said."""
        sizes = [_count(one) for one in self.params if one.is_varied]
        total = 1
        for size in sizes:
            if size is None:
                return None
            total *= size
        return total if sizes else None

    # -- what the service takes ----------------------------------------------------------------

    def read(self) -> dict[str, Any]:
        """Return what the services take, and put a sentence beside what cannot be read."""
        assumptions, faults = research_fields.read(self.assumed, self.scale)
        self.assumed_errors |= faults
        from_open, through_open = self._span()
        return {
            "symbols": list(self.symbols),
            "from_open": from_open,
            "through_open": through_open,
            "params": {one.name: self._param(one) for one in self.params},
            "assumptions": assumptions,
            "name": self.name,
        }

    def read_search(self) -> dict[str, Any]:
        """Return what a sweep takes besides."""
        space: dict[str, Any] = {one.name: self._range(one) for one in self.params if one.is_varied}
        where = [one.strip() for one in self.search["where"].split(",") if one.strip()]
        if where:
            space["where"] = where
        if not space and "space" not in self.errors:
            self.errors["space"] = "Tick at least one parameter that varies."
        told: dict[str, Any] = {"space": space}
        told |= {one: self.search[one] for one in ("method", "objective")}
        told |= {one: self._whole(one, self.search[one]) for one in ("points", "seed")}
        return told

    def read_walk(self) -> dict[str, Any]:
        """Return the windows of a walk-forward."""
        return {
            name: text if name in WALK_WORDS else self._whole(name, text)
            for name, text in self.walk.items()
        }

    def show(self, place: str, sentence: str) -> None:
        """Put a fault beside the field that it is about."""
        steps = place.strip("/").split("/")
        row = next((one for one in self.params if one.name in steps[1:2]), None)
        if steps[0] == "space" and row is not None:
            row.range_error = sentence
        elif steps[0] == "params" and row is not None:
            row.error = sentence
        elif steps[0] == "assumptions" and (name := research_fields.place_of(place)):
            self.assumed_errors[name] = sentence
        elif steps[0] == "walk" and steps[-1] in WALK:
            self.errors[steps[-1]] = sentence
        elif steps[0] in {*SEARCH, *FIELDS}:
            self.errors[FIELDS.get(steps[0], steps[0])] = sentence
        else:
            self.other_errors.append(sentence)

    def fill_from(self, research: Research, point: Mapping[str, Any]) -> None:
        """Take over what other research was made on, with the parameters of one of its points."""
        known = {one.name for one in self.stored}
        self.symbols = [one for one in research.symbols if one in known]
        self.from_day, self.through_day = day_of(research.from_open), day_of(research.through_open)
        params, assumptions = applied(
            point, research.params, Assumptions.from_json(dict(research.assumptions))
        )
        for row in self.params:
            if row.name in params:
                row.value = _typed(params[row.name])
        self.assumed = research_fields.texts_of(assumptions)

    def fill_search(self, sweep: Sweep) -> None:
        """Take over how a search went through its space."""
        self.search |= {"method": sweep.method, "objective": sweep.objective}
        self.search |= {"points": str(sweep.points), "seed": str(sweep.seed)}
        self.search["where"] = ", ".join(sweep.space.get("where", []))
        self.walk |= {name: str(one) for name, one in sweep.walk.items() if name in self.walk}
        for row in self.params:
            told = sweep.space.get(row.name)
            if told is None:
                continue
            row.is_varied = True
            row.values = ", ".join(_typed(one) for one in told.get("values", []))
            for name in ("low", "high", "step"):
                if name in told:
                    setattr(row, name, _typed(told[name]))

    def choose_span(self, span: str) -> None:
        """Set the days to the last so many that are stored of the chosen symbols, or to all."""
        chosen = [one for one in self.stored if one.name in self.symbols]
        if not chosen:
            return
        first, last = max(one.first for one in chosen), min(one.last for one in chosen)
        if span.isdigit():
            first = max(first, last - (int(span) - 1) * 86_400)
        self.from_day, self.through_day = day_of(first), day_of(last)

    def choose_preset(self, name: str, own: Mapping[str, str], assumptions: Assumptions) -> None:
        """Put a preset's values over those of the account."""
        _, _, changed = PRESETS[name]
        kept = {key: self.assumed.get(key, "") for key in ("cash", "currency", "seed")}
        changed_texts = research_fields.texts_of(replace(assumptions, **changed))
        self.assumed = {**own, **{key: changed_texts[key] for key in changed}, **kept}
        self.assumed_errors = {}

    def _span(self) -> tuple[int, int]:
        first, last = (
            self._day("from_day", self.from_day),
            self._day("through_day", self.through_day),
        )
        if first is None or last is None:
            return 0, 0
        if first > last:
            self.errors["through_day"] = "It lies before the first day."
        end = last + 86_400 - 1
        chosen = [one for one in self.stored if one.name in self.symbols]
        # The days that the stored bars begin and end in are rarely whole.
        begins = [one.first for one in chosen if day_of(one.first) == self.from_day]
        ends = [one.last for one in chosen if day_of(one.last) == self.through_day]
        return max([first, *begins]), min([end, *ends])

    def _day(self, name: str, text: str) -> int | None:
        try:
            moment = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            self.errors[name] = "Write a day as 2026-01-31."
            return None
        return int(moment.timestamp())

    def _param(self, row: ParamRow) -> Any:
        value = row.value.strip() if row.is_text else _number(row.value)
        try:
            return row.spec.clean(value)
        except ParamError as fault:
            row.error = f"{str(fault)[0].upper()}{str(fault)[1:]}."
            return row.spec.default

    def _range(self, row: ParamRow) -> dict[str, Any]:
        if row.values.strip() or row.is_text:
            parts = [one.strip() for one in row.values.split(",") if one.strip()]
            return {"values": parts if row.is_text else [_number(one) for one in parts]}
        typed = {"low": row.low, "high": row.high, "step": row.step}
        return {name: _number(text) for name, text in typed.items() if text.strip()}

    def _whole(self, name: str, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        self.errors[name] = "A whole number is wanted here."
        return 1


FIELDS = {
    "symbols": "symbols",
    "from_open": "from_day",
    "through_open": "through_day",
    "name": "name",
    "space": "space",
    "walk": "walk",
}
"""The field that a place of the services is about."""


def form_blank(
    strategy: Strategy,
    specs: Mapping[str, Param[Any]],
    stored: Sequence[StoredSpan],
    assumptions: Assumptions,
) -> ResearchForm:
    """Return the form of a strategy with its own parameters and the account's assumptions."""
    rows = [_row(name, spec, strategy.params.get(name)) for name, spec in specs.items()]
    form = ResearchForm(strategy, rows, stored, research_fields.texts_of(assumptions))
    form.symbols = [one.name for one in stored[:1]]
    form.choose_span("365")
    return form


def form_sent(form: ResearchForm, sent: QueryDict) -> ResearchForm:
    """Fill a form with what a page sent."""
    form.kind = _one_of(sent.get("kind", ""), [kind for kind, _, _ in KINDS], "backtest")
    form.name = _clean(sent.get("name", ""))
    form.symbols = [_clean(one) for one in sent.getlist("symbols")][:50]
    form.from_day, form.through_day = (
        _clean(sent.get(one, "")) for one in ("from_day", "through_day")
    )
    for row in form.params:
        row.value = _clean(sent.get(f"param-{row.name}", row.value))
        row.is_varied = bool(sent.get(f"vary-{row.name}"))
        row.low = _clean(sent.get(f"low-{row.name}", row.low))
        row.high = _clean(sent.get(f"high-{row.name}", row.high))
        row.step = _clean(sent.get(f"step-{row.name}", row.step))
        row.values = _clean(sent.get(f"values-{row.name}", row.values))
    for names in (form.search, form.walk):
        for name in names:
            names[name] = _clean(sent.get(name, names[name]))
    form.assumed = {name: _clean(sent.get(f"assume-{name}", "")) for name in form.assumed}
    return form


def objectives() -> list[tuple[str, str]]:
    """Return what a search can look for, by its label."""
    return [(name, METRICS[name].label) for name in OBJECTIVES]


def day_of(epoch_s: int) -> str:
    """Return the UTC day of a moment as `2026-01-31`."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d")


def _row(name: str, spec: Param[Any], stored: Any) -> ParamRow:
    value = spec.default if stored is None else stored
    row = ParamRow(name, spec, _typed(value))
    if not row.is_text:
        row.low, row.high, row.step = (_typed(one) for one in _around(spec, value))
    return row


def _around(spec: Param[Any], value: float) -> Iterable[float]:
    """Return a range to begin with: the parameter's own bounds, about ten steps."""
    low = value / 2 if spec.low is None else spec.low
    high = value * 2 if spec.high is None else spec.high
    step = spec.step or (high - low) / 10
    if isinstance(spec.default, int):
        return int(low), int(high), max(1, round(step))
    return low, high, step


def _typed(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _number(text: str) -> float | int | str:
    """Return what a text says; the text itself where it is no number that can be counted with."""
    if len(text) > LONGEST_NUMBER or not text.isascii():
        return text.strip()
    for kind in (int, float):
        try:
            return kind(text.strip())
        except ValueError:
            continue
    return text.strip()


def _count(row: ParamRow) -> int | None:
    if row.values.strip():
        return len([one for one in row.values.split(",") if one.strip()])
    low, high, step = (_number(one) for one in (row.low, row.high, row.step))
    if isinstance(low, str) or isinstance(high, str) or isinstance(step, str):
        return None
    if not all(map(isfinite, (low, high, step))) or step <= 0 or not isfinite((high - low) / step):
        return None
    return int((high - low) / step + 1e-9) + 1 if high >= low else None


def _clean(text: str) -> str:
    return text.strip().replace("\x00", "")[:2_000]


def _one_of(value: str, known: Sequence[str], default: str) -> str:
    return value if value in known else default
