"""What the trials of a search share, read once in each process."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from markets.selectors import base_timeframe, instrument_by_symbol
from markets.sessions import ALWAYS
from signals.columns.compiled import StrategyLike
from signals.columns.errors import ColumnError
from signals.selectors_series import SpanSeries
from signals.services.shelving import models_shelve
from signals.strategies.definition_reading import DefinitionError
from signals.strategies.params import ParamError
from trading.backtest.assumptions import Assumptions
from trading.backtest.points import Ground
from trading.backtest.run import RunError, Span, Subject, listing_of, needs_of
from trading.execution.fees import schedule_for
from trading.models import Sweep
from trading.selectors_research import UNMADE
from trading.services.research_errors import ResearchError
from trading.services.sweep_asked import fields_of, strategy_with
from trading.valuation import terms_of

KEPT = 2
_grounds: "OrderedDict[int, Ground]" = OrderedDict()


def ground_of(sweep: Sweep) -> Ground:
    """Return what the trials of a search are made on; read once, a few are remembered.

    Raises
    ------
    ResearchError
        Where its strategy or its bars are not there any more.
    """
    found = _grounds.pop(sweep.pk, None)
    if found is None:
        found = _read(sweep)
    _grounds[sweep.pk] = found
    while len(_grounds) > KEPT:
        _grounds.popitem(last=False)
    return found


def forget() -> None:
    """Remember nothing."""
    _grounds.clear()


def _read(sweep: Sweep) -> Ground:
    fields = fields_of(sweep)
    assumptions = Assumptions.from_json(sweep.assumptions)
    models_shelve()
    try:
        strategy = strategy_with(fields, sweep.params)
        subjects = [_subject(one) for one in sweep.symbols]
        reach = max(needs_of([strategy], subjects).reaches.values(), default=0)
        provider = SpanSeries(
            base_timeframe(),
            begin=sweep.from_open,
            end=sweep.through_open + sweep.timeframe,
            reach=reach,
        )
        listings = [
            listing_of(
                one,
                provider,
                span=Span(sweep.from_open, sweep.through_open),
                step=sweep.timeframe,
                assumptions=assumptions,
            )
            for one in subjects
        ]
    except (*UNMADE, RunError) as fault:
        raise ResearchError(str(fault)) from None
    return Ground(
        make=_maker(fields),
        provider=provider,
        instruments=[one.key for one in subjects],
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


def _subject(symbol: str) -> Subject:
    row = instrument_by_symbol(symbol)
    return Subject(
        key=row.pk,
        symbol=row.symbol,
        quote=row.quote,
        asset_class=row.asset_class,
        terms=terms_of(row),
        fees=schedule_for(row.venue.code),
        timeframe=base_timeframe(),
        is_always_open=row.session_calendar == ALWAYS,
    )
