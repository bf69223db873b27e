"""`x.model("name")`: what a trained model says, as columns."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from markets.types import TIMEFRAME_NAMES
from signals.columns.clock import Clock
from signals.columns.column import METHODS, Column
from signals.columns.errors import ColumnError, UnreadyModelError
from signals.columns.graph import Graph, Node
from signals.columns.plan import ClockPlan
from signals.columns.refusals import refuse_attribute
from signals.forecasting.shelf import ModelLostError, ShelvedModel, UnknownModelError, shelf

PROBABILITY = "probability"
RETURNS = ("quantile_05", "quantile_25", "quantile_50", "quantile_75", "quantile_95", "expected")
SAID = (PROBABILITY, *RETURNS)
OPS = ("model_probability", "model_returns")


class ModelColumn(Column):
    """A model's probability that the price is higher after its horizon; a column like any other.

    Attributes
    ----------
    quantile_05, quantile_25, quantile_50, quantile_75, quantile_95, expected : Column
        Of the return until then: 0.01 is one per cent.
    """

    __slots__ = ("_returns",)

    def __init__(self, graph: Graph, node: Node, returns: "Callable[[str], ModelColumn]") -> None:
        super().__init__(graph, node)
        self._returns = returns

    def __getattr__(self, name: str) -> "ModelColumn":  # type: ignore[override]
        if name in RETURNS:
            return self._returns(name)
        if name == PROBABILITY:
            return self
        raise refuse_attribute("a model's column", name, (*SAID, *METHODS))


def model_column(x: object, graph: Graph, clock: Clock, time: Column, name: object) -> ModelColumn:
    """Return what a model says about the series of `x`.

    Parameters
    ----------
    x : Space
        Of the series, handed to the model's features.
    time : Column
        The open time of the bar that just closed.

    Raises
    ------
    ColumnError
        If no model has the name, it cannot be used, or it speaks of other bars.
    """
    model = _known(name)
    if model.timeframe != clock.timeframe:
        raise ColumnError(_other_bars(model, clock))
    inputs = []
    for feature, describe in model.features.items():
        column = describe(x)
        if not isinstance(column, Column) or column.node.clock != clock:
            raise ColumnError(f"the feature {feature} of the model {model.name} is no column here")
        inputs.append(column.node)
    inputs.append(time.node)

    def node(op: str) -> Node:
        return graph.node(op, clock, inputs=tuple(inputs), args=(model.name, model.version))

    def returns(what: str) -> ModelColumn:
        place = RETURNS.index(what)
        field = graph.node("field", clock, inputs=(node(OPS[1]),), args=(place,))
        return ModelColumn(graph, field, returns)

    return ModelColumn(graph, node(OPS[0]), returns)


def said(column: ModelColumn, what: object) -> ModelColumn:
    """Return one of the things that a model says, by its name."""
    if what not in SAID:
        raise ColumnError(f"a model says {', '.join(SAID)}, not {what!r}")
    found: ModelColumn = getattr(column, str(what))
    return found


def models_of(plan: ClockPlan) -> Mapping[str, int]:
    """Return the versions of the models that a plan asks, by name."""
    found = {str(node.args[0]): int(node.args[1]) for node in plan.nodes if node.op in OPS}
    for parent in plan.parents:
        found.update(models_of(parent))
    return found


def are_current(models: Mapping[str, int]) -> bool:
    """Tell whether the versions that were compiled against still answer to their names."""
    return all(shelf.version(name) == version for name, version in models.items())


def refuse_seen(models: Mapping[str, int], close: int) -> None:
    """Refuse a span whose first bar closes at `close` where a model was trained on it.

    Raises
    ------
    UnreadyModelError
        With the date from which on the model may be asked.
    """
    for name, version in models.items():
        try:
            through = shelf.exactly(name, version).trained_through
        except ModelLostError as fault:
            raise UnreadyModelError(str(fault)) from None
        if close <= through:
            raise UnreadyModelError(
                f"the model {name} was trained on bars up to {_when(through)}; what it says about "
                f"them proves nothing, so ask for bars that close later",
                through,
            )


def unready(fault: BaseException) -> UnreadyModelError | None:
    """Return the error of a model that cannot speak yet, also from behind another sentence."""
    found: BaseException | None = fault
    while found is not None:
        if isinstance(found, UnreadyModelError):
            return found
        found = found.__cause__ or found.__context__
    return None


def _known(name: object) -> ShelvedModel:
    if not isinstance(name, str) or not name:
        raise ColumnError(f'x.model takes a name like "btc-1h", not {name!r}')
    try:
        return shelf.model(name)
    except (UnknownModelError, ModelLostError) as fault:
        raise UnreadyModelError(f"x.model: {fault}") from None


def _other_bars(model: ShelvedModel, clock: Clock) -> str:
    name = TIMEFRAME_NAMES[model.timeframe]
    sentence = f"the model {model.name} speaks of {name} bars, not of {clock}"
    if model.timeframe > clock.timeframe:
        sentence += f'; write x.tf("{name}", lambda h: h.model("{model.name}"))'
    return sentence


def _when(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, tz=UTC):%Y-%m-%d %H:%M} UTC"
