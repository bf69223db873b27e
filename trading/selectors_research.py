"""What is asked about backtests; another user's row looks like an absent one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import QuerySet

from markets.types import TIMEFRAME_NAMES
from mystic.models import User
from signals.columns.compiled import StrategyLike
from signals.columns.errors import ColumnError
from signals.services.instances import NoStrategyError
from signals.strategies.base import Strategy as StrategyClass
from signals.strategies.definition_reading import DefinitionError, definition_read
from signals.strategies.params import ParamError
from signals.strategies.registry import CLASSES, build
from signals.strategies.written import WrittenStrategy
from trading.backtest.document import inflated
from trading.models import BacktestResult, BacktestRun
from trading.models.research import Research
from trading.selectors_again import again_of
from trading.selectors_luck import luck_shown

UNMADE = (NoStrategyError, ParamError, DefinitionError, ColumnError)
"""Why a strategy that a row names cannot be made."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A strategy as research has it, and the version that its code and parameters are now."""

    strategy: StrategyLike
    version: str


def restored(
    *, class_name: str, definition: Mapping[str, Any], params: Mapping[str, Any], timeframe: int
) -> Restored:
    """Return the strategy that a row of research names.

    Raises
    ------
    NoStrategyError
        Where its class is not there any more.
    ParamError, DefinitionError, ColumnError
        Where what is stored does not fit any more.
    """
    if definition:
        rules = definition_read(definition["rules"])
        written = WrittenStrategy(rules, params, timeframe=TIMEFRAME_NAMES[timeframe])
        return Restored(written, written.version)
    if class_name not in CLASSES:
        message = f"There is no class {class_name} any more."
        raise NoStrategyError(message)
    found: StrategyClass = build(class_name, params, timeframe=timeframe)
    return Restored(found, found.version)


def strategy_of(research: Research, params: Mapping[str, Any] | None = None) -> Restored:
    """Return the strategy of a run or a sweep, with some parameters changed."""
    return restored(
        class_name=research.class_name,
        definition=research.definition,
        params={**research.params, **(params or {})},
        timeframe=research.timeframe,
    )


def runs_for(*, user: User, is_archived: bool = False) -> QuerySet[BacktestRun]:
    """Return the user's backtests, newest first, without their documents."""
    found = BacktestRun.objects.filter(owner=user, is_archived=is_archived)
    return found.select_related("strategy", "result").defer("result__document")


def run_for(*, user: User, run_id: int) -> BacktestRun | None:
    """Return one of the user's backtests, or None."""
    found = BacktestRun.objects.filter(owner=user, pk=run_id)
    return found.select_related("strategy", "result").defer("result__document").first()


def result_of(run: BacktestRun) -> BacktestResult | None:
    """Return what a run gave, None while it gave nothing."""
    return BacktestResult.objects.filter(run=run).first()


def document_of(run: BacktestRun) -> dict[str, Any] | None:
    """Return the report of a run, None while there is none.

    `luck` and `again` are added to what was stored: they depend on what else its owner had tried
    by then.
    """
    result = result_of(run)
    if result is None:
        return None
    content = inflated(bytes(result.document))
    again = again_of(run, content)
    content["luck"] = luck_shown(content, result.metrics)
    content["again"] = None if again is None else asdict(again)
    return content


def same_before(run: BacktestRun) -> BacktestRun | None:
    """Return the owner's first run of the same digest before this one, if there is one."""
    result = result_of(run)
    if result is None:
        return None
    same = BacktestRun.objects.filter(owner=run.owner_id, result__digest=result.digest)
    return same.filter(pk__lt=run.pk).order_by("pk").first()
