"""What the trials of a search share, read once in each process."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from signals.columns.compiled import StrategyLike
from signals.columns.errors import ColumnError
from signals.strategies.definition_reading import DefinitionError
from signals.strategies.params import ParamError
from trading.backtest.assumptions import Assumptions
from trading.backtest.points import Ground
from trading.backtest.run import RunError, listing_of
from trading.models import Sweep
from trading.selectors_research import UNMADE
from trading.services.research_errors import ResearchError
from trading.services.research_made import material_of
from trading.services.sweep_asked import fields_of, strategy_with

KEPT = 2
_grounds: "OrderedDict[tuple[int, datetime], Ground]" = OrderedDict()


def ground_of(sweep: Sweep) -> Ground:
    """Return what the trials of a search are made on; read once, a few are remembered.

    Raises
    ------
    ResearchError
        Where its strategy or its bars are not there any more.
    """
    key = (sweep.pk, sweep.created_at)  # a number of a row may be given anew
    found = _grounds.pop(key, None)
    if found is None:
        found = _read(sweep)
    _grounds[key] = found
    while len(_grounds) > KEPT:
        _grounds.popitem(last=False)
    return found


def _read(sweep: Sweep) -> Ground:
    fields = fields_of(sweep)
    assumptions = Assumptions.from_json(sweep.assumptions)
    try:
        strategy = strategy_with(fields, sweep.params)
        material = material_of(sweep, [strategy])
        listings = [
            listing_of(
                one,
                material.series,
                span=material.span,
                step=material.step,
                assumptions=assumptions,
            )
            for one in material.subjects
        ]
    except (*UNMADE, RunError) as fault:
        raise ResearchError(str(fault)) from None
    return Ground(
        make=_maker(fields),
        provider=material.series,
        instruments=[one.key for one in material.subjects],
        listings=listings,
        params=sweep.params,
        assumptions=assumptions,
        timeframe=sweep.timeframe,
        from_open=sweep.from_open,
        through_open=sweep.through_open,
    )


def _maker(fields: Mapping[str, Any]) -> Any:
    def make(params: Mapping[str, Any]) -> StrategyLike:
        try:
            return strategy_with(fields, params)
        except DefinitionError as fault:
            raise ParamError(fault.faults[0][1]) from fault
        except ColumnError as fault:
            raise ParamError(str(fault)) from fault

    return make
