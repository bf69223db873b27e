"""Make a backtest from its row: read, decide, fill, measure, write down."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from markets.models import Instrument
from markets.selectors import base_timeframe
from markets.selectors_spans import (
    SourceCount,
    instrument_by_series,
    series_name,
    sources_stored,
)
from markets.sessions import ALWAYS
from signals.columns.compiled import StrategyLike, compile_strategy
from signals.columns.series import SeriesProvider
from signals.selectors_series import SpanSeries
from signals.strategies.base import LANGUAGE
from trading.backtest.assumptions import Assumptions
from trading.backtest.document import canonical, deflated
from trading.backtest.report import Identity, measured, report
from trading.backtest.robust import robustness
from trading.backtest.run import (
    Needs,
    Prepared,
    RunError,
    Span,
    Subject,
    Tell,
    data_hash,
    data_hashes,
    needs_of,
    prepare,
    silent,
    simulated,
)
from trading.execution.fees import schedule_for
from trading.models.research import Research
from trading.selectors_research import strategy_of
from trading.services.research_code import code_hash, engine_hash
from trading.valuation import terms_of


@dataclass(frozen=True, slots=True)
class Material:
    """What a piece of research is made of: read once, used for one run or for many trials."""

    subjects: tuple[Subject, ...]
    series: SeriesProvider
    span: Span
    step: int
    needs: Needs
    is_stored: bool = True

    def data_hashes(self) -> dict[str, str]:
        """Hash every bar and point that may be read, each series alone."""
        return data_hashes(self.series, self.subjects, self.needs, span=self.span, step=self.step)

    def sources(self) -> list[dict[str, Any]]:
        """Return where the bars of the span came from: source, origin and how many."""
        end = self.span.through_open + self.step
        return [
            {"symbol": subject.symbol, **asdict(one)}
            for subject in self.subjects
            for one in self._counted(subject, end)
        ]

    def _counted(self, subject: Subject, end: int) -> list[SourceCount]:
        first, base = self.span.from_open, subject.timeframe
        if self.is_stored and isinstance(subject.key, int):
            return sources_stored(subject.key, base, first, end)
        bars = self.series.bars(subject.key, base, first, end - base)
        return [SourceCount("given by hand", "import", len(bars.open_time))]


def subject_of(instrument: Instrument, timeframe: int) -> Subject:
    """Return an instrument as a run wants it, with the fees that its venue publishes."""
    return Subject(
        key=instrument.pk,
        symbol=series_name(instrument),
        quote=instrument.quote,
        asset_class=instrument.asset_class,
        terms=terms_of(instrument),
        fees=schedule_for(instrument.venue.code),
        timeframe=timeframe,
        is_always_open=instrument.session_calendar == ALWAYS,
    )


def material_of(
    research: Research,
    strategies: Sequence[StrategyLike],
    *,
    from_open: int | None = None,
    through_open: int | None = None,
) -> Material:
    """Return the bars and instruments of a piece of research; another span within its own.

    Raises
    ------
    RunError
        If an instrument or bars of the span are not there any more.
    """
    base, step = base_timeframe(), research.timeframe
    span = Span(
        research.from_open if from_open is None else from_open,
        research.through_open if through_open is None else through_open,
    )
    subjects = tuple(subject_of(_instrument(one), base) for one in research.symbols)
    needs = needs_of(strategies, subjects)
    series = SpanSeries(
        base,
        begin=span.from_open,
        end=span.through_open + step,
        reach=max(needs.reaches.values(), default=0),
    )
    for one in subjects:
        missing = series.missing(one.key)
        if missing:
            raise RunError(f"{one.symbol}: {missing}")
    return Material(subjects, series, span, step, needs)


def backtest_made(
    research: Research, *, tell: Tell = silent, material: Material | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the report, made of what is stored now, and the fields of its result row.

    Parameters
    ----------
    material : Material, optional
        In place of what is stored.

    Raises
    ------
    RunError, ColumnError, ParamError, NoStrategyError
        If it cannot be made; another attempt would end the same way.
    """
    begun = time.monotonic()
    tell(0.0, "reading the bars")
    found = strategy_of(research)
    strategy = found.strategy
    assumptions = Assumptions.from_json(research.assumptions)
    material = material or material_of(research, [strategy])
    prepared = prepare(
        [strategy],
        material.subjects,
        material.series,
        span=material.span,
        assumptions=assumptions,
        tell=_within(tell, 0.05, 0.6),
    )
    identity = identity_of(research, found.version, strategy, material, assumptions)
    content = document_made(prepared, assumptions, identity, material, tell=_within(tell, 0.6, 1.0))
    fields = result_fields(content)
    return content, {**fields, "seconds": time.monotonic() - begun}


def document_made(
    prepared: Prepared,
    assumptions: Assumptions,
    identity: Identity,
    material: Material,
    *,
    tell: Tell = silent,
) -> dict[str, Any]:
    """Fill, measure and stress what was decided; return the report."""
    tell(0.0, "filling orders")
    simulation = simulated(prepared, assumptions)
    tell(0.3, "measuring")
    result = measured(prepared, simulation, assumptions)
    content = report(
        prepared,
        simulation,
        assumptions,
        identity=identity,
        span=material.span,
        step=material.step,
        result=result,
    )
    content["robustness"] = robustness(
        prepared,
        result,
        assumptions,
        trades=list(simulation.trades),
        tell=_within(tell, 0.5, 0.95),
    )
    tell(0.95, "writing the report")
    return content


def identity_of(
    research: Research,
    version: str,
    strategy: StrategyLike,
    material: Material,
    assumptions: Assumptions,
) -> Identity:
    """Return what the result follows from, and its digest."""
    told = {
        "class_name": research.class_name,
        "name": getattr(strategy, "name", research.class_name),
        "version": version,
        "params": dict(strategy.params),
        "timeframe": material.step,
        "definition": research.definition,
    }
    return identity_made(told, compile_strategy(strategy).models, material, assumptions)


def identity_made(
    strategy: Mapping[str, Any],
    models: Mapping[str, int],
    material: Material,
    assumptions: Assumptions,
) -> Identity:
    """Hash all that a result follows from: code, parameters, bars, assumptions with their seed."""
    version, sources, hashes = str(strategy["version"]), material.sources(), material.data_hashes()
    code, data = code_hash(version, models), data_hash(hashes)
    listed = [
        [one.symbol, one.timeframe, one.is_always_open, repr(one.terms), repr(one.fees)]
        for one in material.subjects
    ]
    span = [material.span.from_open, material.span.through_open]
    content = {
        "code": code,
        "data": data,
        "strategy": {**strategy, "name": ""},
        "span": span,
        "listings": listed,
        "sources": sources,
        "assumptions": assumptions.to_json(),
    }
    made_of = {
        "language": LANGUAGE,
        "engine": engine_hash(),
        "models": dict(models),
        "data": hashes,
        "listings": {one[0]: {"rules": one[3], "fees": one[4]} for one in listed},
    }
    digest = hashlib.sha256(canonical(content)).hexdigest()
    return Identity(digest, code, data, strategy, sources, made_of)


def result_fields(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a result row for a report."""
    return {
        "digest": content["digest"],
        "code_hash": content["code_hash"],
        "data_hash": content["data_hash"],
        "document": deflated(content),
        "document_hash": hashlib.sha256(canonical(content)).hexdigest(),
        "metrics": dict(content["metrics"]),
        "bars": content["span"]["bars"],
        "trades": len(content["trades"]),
    }


def _instrument(symbol: str) -> Instrument:
    try:
        return instrument_by_series(symbol)
    except Instrument.DoesNotExist as fault:
        raise RunError(f"{fault}") from None


def _within(tell: Tell, low: float, high: float) -> Tell:
    """Return a teller of a part of the whole."""
    return lambda progress, stage: tell(low + (high - low) * progress, stage)
