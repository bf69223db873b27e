"""What a piece of research is asked with, checked before a row is written."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.conf import settings

from markets.models import Instrument
from markets.selectors import base_timeframe
from markets.selectors_spans import instrument_by_series, series_name
from markets.types import TIMEFRAME_NAMES
from mystic.lib.strict_json import StrictJSONError, refuse_control
from mystic.models import User
from signals.columns.errors import ColumnError
from signals.models import Strategy
from signals.selectors_rules import seen_by
from signals.selectors_series import SpanSeries
from signals.services.instances import NoStrategyError
from signals.strategies.definition_reading import DefinitionError
from signals.strategies.params import ParamError
from signals.strategies.registry import decides_on
from trading.backtest.assumptions import AssumptionError, Assumptions
from trading.backtest.possible import faults_of
from trading.models import BacktestRun, Sweep
from trading.selectors_research import Restored, restored
from trading.services.research_errors import ResearchError

MOST_SYMBOLS = 20
WORKING = ("waiting", "running")
LATEST = 4_102_444_800  # 2100-01-01: long before times end


def research_fields(
    *,
    user: User,
    strategy: Strategy,
    symbols: Sequence[str],
    from_open: int,
    through_open: int,
    assumptions: Assumptions | Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    name: str = "",
) -> dict[str, Any]:
    """Return the fields that every row of research has, each of them checked.

    Parameters
    ----------
    from_open, through_open : int
        UTC epoch seconds; they are rounded inward to bars of the strategy.
    params : mapping, optional
        In place of the strategy's own; what is left out stays.

    Raises
    ------
    ResearchError
        With the place of what is wrong.
    """
    _refuse_unseen(user, strategy)
    found = _restored(strategy, params or {})
    kept = assumptions_read(assumptions)
    instruments = _instruments(symbols, strategy, kept)
    step = strategy.timeframe
    first = -(-from_open // step) * step
    last = through_open // step * step
    _refuse_span(instruments, step, first, last)
    return {
        "owner": user,
        "name": _name(name),
        "strategy": strategy,
        "class_name": strategy.class_name,
        "version": found.version,
        "definition": _definition(strategy),
        "params": dict(found.strategy.params),
        "symbols": [series_name(one) for one in instruments],
        "timeframe": step,
        "from_open": first,
        "through_open": last,
        "assumptions": kept.to_json(),
    }


def refuse_crowd(user: User, *, is_last_look: bool = False) -> None:
    """Refuse more pieces of research at a time than a user may have.

    At the last look, within a transaction, who asks twice at once waits here for the first.

    Raises
    ------
    ResearchError
    """
    if is_last_look:
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
    most = settings.ENV["MYSTIC_RESEARCH_PER_USER"]
    working = sum(
        model.objects.filter(owner=user, state__in=WORKING).count()
        for model in (BacktestRun, Sweep)
    )
    if working >= most:
        raise ResearchError(
            f"{working} of your backtests and sweeps wait or run; {most} at a time are allowed. "
            "Wait for one to end, or cancel one."
        )


def _refuse_unseen(user: User, strategy: Strategy) -> None:
    if not Strategy.objects.filter(seen_by(user), pk=strategy.pk).exists():
        raise ResearchError("There is no such strategy.", "/strategy")


def _definition(strategy: Strategy) -> dict[str, Any]:
    rules = strategy.definition.get("rules")
    return {"rules": rules} if rules is not None else {}


def _restored(strategy: Strategy, params: Mapping[str, Any]) -> Restored:
    known = {**strategy.params, **params}
    try:
        return restored(
            class_name=strategy.class_name,
            definition=_definition(strategy),
            params=known,
            timeframe=strategy.timeframe,
        )
    except ParamError as fault:
        place = next((f"/params/{one}" for one in params if one in str(fault)), "/params")
        raise ResearchError(str(fault), place) from None
    except DefinitionError as fault:
        place, sentence = fault.faults[0]
        raise ResearchError(sentence, place) from None
    except (NoStrategyError, ColumnError) as fault:
        raise ResearchError(str(fault), "/strategy") from None


def assumptions_read(told: Assumptions | Mapping[str, Any] | None) -> Assumptions:
    """Return assumptions, each of them possible; what is left out is the default.

    Raises
    ------
    ResearchError
        With the place of what cannot be.
    """
    if isinstance(told, Assumptions):
        told = asdict(told)
    try:
        found = Assumptions.from_json(dict(told or {}))
    except AssumptionError as fault:
        raise ResearchError(f"{fault}.", f"/assumptions{fault.place}") from None
    for place, sentence in faults_of(found):
        raise ResearchError(sentence, f"/assumptions{place}")
    return found


def _instruments(
    symbols: Sequence[str], strategy: Strategy, assumptions: Assumptions
) -> list[Instrument]:
    if not symbols:
        raise ResearchError("Name at least one symbol.", "/symbols")
    if len(symbols) > MOST_SYMBOLS:
        raise ResearchError(f"{len(symbols)} symbols; {MOST_SYMBOLS} are allowed.", "/symbols")
    found: dict[int, Instrument] = {}
    for number, symbol in enumerate(symbols):
        place = f"/symbols/{number}"
        try:
            one = instrument_by_series(symbol)
        except Instrument.DoesNotExist as fault:
            raise ResearchError(f"{str(fault)[:120]}.", place) from None
        if one.pk in found:
            raise ResearchError(f"{series_name(one)} is named twice.", place)
        _refuse_misfit(one, strategy, assumptions, place)
        found[one.pk] = one
    return list(found.values())


def _refuse_misfit(
    one: Instrument, strategy: Strategy, assumptions: Assumptions, place: str
) -> None:
    name = series_name(one)
    if not decides_on(strategy.class_name, one.asset_class):
        raise ResearchError(
            f"{strategy.name} is not made for {one.asset_class}, and {name} is that.", place
        )
    if one.quote != assumptions.currency:
        raise ResearchError(
            f"{name} is priced in {one.quote}, the account holds {assumptions.currency}: "
            f"set the assumption currency to {one.quote}, or leave the symbol out.",
            place,
        )
    if one.quote_scale != assumptions.scale:
        raise ResearchError(
            f"{name} counts {one.quote} with {one.quote_scale} decimal places, "
            f"the assumptions with {assumptions.scale}: set the assumption scale.",
            place,
        )


def _refuse_span(instruments: Sequence[Instrument], step: int, first: int, last: int) -> None:
    if first < 0 or last >= LATEST:
        raise ResearchError(
            "A span lies between the years 1970 and 2100.",
            "/from_open" if first < 0 else "/through_open",
        )
    if first > last:
        raise ResearchError("The span holds no whole bar of the strategy.", "/through_open")
    base = base_timeframe()
    if step % base:
        raise ResearchError(
            f"Bars of {TIMEFRAME_NAMES[base]} are stored; the strategy decides on "
            f"{TIMEFRAME_NAMES.get(step, f'{step} s')}, which cannot be made of them.",
            "/strategy",
        )
    series = SpanSeries(base, begin=first, end=last + step)
    for number, one in enumerate(instruments):
        missing = series.missing(one.pk)
        if missing:
            raise ResearchError(f"{series_name(one)}: {missing}", f"/symbols/{number}")


def _name(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > 80:
        raise ResearchError("A name has at most 80 characters.", "/name")
    try:
        refuse_control(name)
    except StrictJSONError as fault:
        raise ResearchError(f"A name is plain text: {fault}.", "/name") from None
    return name
