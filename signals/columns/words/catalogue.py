"""`x.ta`: the catalogue of the `ta` package."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from signals.columns.errors import ColumnError
from signals.columns.kernel import Kernel
from signals.columns.refusals import finite_number, refuse_attribute, whole_number
from signals.columns.words.catalogue_entry import Parameter
from signals.columns.words.catalogue_kernels import Listed, ListedSince
from signals.columns.words.catalogue_table import CATALOGUE
from signals.columns.words.periods import PeriodWords
from signals.indicators.periods import LENGTH_S

if TYPE_CHECKING:
    from signals.columns.column import Column

PSAR = (
    "x.ta.PSARIndicator is not offered: its path depends on where it began for as long as it runs, "
    "and it takes some 50 ms on every live bar; x.psar() is the same idea with a warm-up"
)
REFUSED = {
    "fillna": "fills missing values in; they stay missing, and .otherwise(value) names a constant",
    "visual": "moves a line along the chart and fills its head with a mean of all bars, later ones "
    "among them",
    "dropnans": "drops rows; a missing value stays missing",
}
LONGEST = 6000
"""Bars of a warm-up at most: a class of the package is run on all of them for every live bar."""
PRICES = ("open", "high", "low", "close", "volume")


class CatalogueWords(PeriodWords):
    """`x.ta`: the catalogue of the `ta` package."""

    __slots__ = ()

    @property
    def ta(self) -> "Ta":
        """The indicators of the `ta` package by their class names."""
        return Ta(self)

    def _listed(self, name: str, options: Mapping[str, object]) -> "Column":
        """Return all outputs of a class."""
        entry, given = CATALOGUE[name], dict(options)
        reset = given.pop("reset", None) if entry.adds_up else None
        values = _values(name, given)
        numbers = tuple(values.values())
        inputs = tuple(getattr(self, one) for one in entry.inputs)
        if not entry.adds_up:
            return self._of("ta", inputs, name, *numbers, history=_need(name, values))
        if reset is None and entry.ours:
            raise ColumnError(
                f"x.ta.{name} adds up from where the calculation began, which is not the same "
                f'place in a backtest and live; say when it begins anew: reset="day", or '
                f"{', '.join(list(LENGTH_S)[1:])}. {entry.ours} is the fast word for it"
            )
        period = self._reset(f"x.ta.{name}", reset)
        bars = self._bars_of(f"x.ta.{name}", LENGTH_S[str(period.node.args[0])])
        return self._of("ta_since", (*inputs, period), name, *numbers, history=bars - 1)

    def _output(self, table: "Column", name: str, output: str) -> "Column":
        place = CATALOGUE[name].outputs.index(output)
        return self._of("field", (table,), place, is_flag=output.endswith("band_indicator"))


class Ta:
    """The indicators of the `ta` package 0.11: `x.ta.RSIIndicator(window=14).rsi`.

    Parameters have the package's names and defaults, outputs those of its methods.
    """

    __slots__ = ("_words",)

    def __init__(self, words: CatalogueWords) -> None:
        self._words = words

    def __getattr__(self, name: str) -> "TaClass":
        if name == "PSARIndicator":
            raise ColumnError(PSAR)
        if name not in CATALOGUE:
            raise refuse_attribute("x.ta", name, CATALOGUE)
        return TaClass(self._words, name)


class TaClass:
    """A class of the catalogue, to be called with its parameters by name."""

    __slots__ = ("_name", "_words")

    def __init__(self, words: CatalogueWords, name: str) -> None:
        self._words, self._name = words, name

    def __call__(self, *unnamed: object, **options: object) -> "TaOutputs":
        if unnamed:
            raise ColumnError(
                f"x.ta.{self._name} takes its bars from x and its parameters by name: "
                f"{_spelled(self._name)}"
            )
        table = self._words._listed(self._name, options)  # noqa: SLF001
        return TaOutputs(self._words, self._name, table)

    def __getattr__(self, name: str) -> "TaOutputs":
        raise ColumnError(f"x.ta.{self._name} wants parentheses first: {_spelled(self._name)}.…")


class TaOutputs:
    """The outputs of one indicator, as columns by the names of its methods."""

    __slots__ = ("_name", "_table", "_words")

    def __init__(self, words: CatalogueWords, name: str, table: "Column") -> None:
        self._words, self._name, self._table = words, name, table

    def __getattr__(self, name: str) -> "Column":
        outputs = CATALOGUE[self._name].outputs
        if name not in outputs:
            raise refuse_attribute(f"x.ta.{self._name}(...)", name, outputs)
        return self._words._output(self._table, self._name, name)  # noqa: SLF001


def _values(name: str, given: Mapping[str, object]) -> dict[str, float]:
    """Return the value of every parameter, in order, or refuse one."""
    parameters = {one.name: one for one in CATALOGUE[name].parameters}
    for what in given:
        if what in REFUSED:
            raise ColumnError(f"x.ta.{name} does not take {what}: it {REFUSED[what]}")
        if what in PRICES:
            raise ColumnError(f"x.ta.{name} takes {what} from the bars of x; leave it out")
        if what not in parameters:
            raise refuse_attribute(f"x.ta.{name}", what, parameters)
    return {what: _value(name, one, given) for what, one in parameters.items()}


def _need(name: str, values: Mapping[str, float]) -> int:
    entry = CATALOGUE[name]
    need = int(entry.need(values))
    if need > LONGEST:
        instead = f"shorter windows, or {entry.ours}" if entry.ours else "shorter windows"
        raise ColumnError(
            f"x.ta.{name} with these parameters forgets its beginning after {need:,} bars, at most "
            f"{LONGEST:,} are run again for every bar; take {instead}"
        )
    return need


def _value(name: str, parameter: Parameter, given: Mapping[str, object]) -> float:
    what = f"{parameter.name} of x.ta.{name}"
    if parameter.name not in given:
        if parameter.default is None:
            raise ColumnError(f"x.ta.{name} wants its {parameter.name}: {_spelled(name)}")
        return parameter.default
    value = given[parameter.name]
    if isinstance(parameter.default, bool):
        if not isinstance(value, bool):
            raise ColumnError(f"{what} takes True or False, not {value!r}")
        return value
    if parameter.is_bars:
        return whole_number(what, value, low=parameter.low)
    return finite_number(what, value)


def _spelled(name: str) -> str:
    parts = [
        f"{one.name}={20 if one.default is None else one.default}"
        for one in CATALOGUE[name].parameters
    ]
    return f"x.ta.{name}({', '.join(parts)})"


KERNELS: Mapping[str, Callable[..., Kernel]] = {"ta": Listed, "ta_since": ListedSince}
