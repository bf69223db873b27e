"""A backtest without a row: on stored bars, or on files of bars that are not stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markets.bars import BarArrays, joined
from markets.models import Instrument
from markets.selectors import base_timeframe, instrument_by_symbol
from markets.selectors_spans import instrument_by_series, series_name
from markets.sheets import Checker, FileRefused, csv_chunks, parquet_chunks
from markets.types import TIMEFRAME_NAMES, TIMEFRAME_SECONDS
from mystic.lib.clock import now_ms
from signals.columns.array_series import ArraySeries
from signals.columns.series import InstrumentKey
from signals.models import Strategy
from signals.selectors_series import extent_before
from signals.services.folder import folder_read
from signals.services.instances import RULES_CLASS
from signals.strategies.registry import CLASSES
from trading.backtest.run import Span, Subject, Tell, needs_of, silent
from trading.execution.fees import PAPER
from trading.execution.terms import Terms
from trading.models import BacktestRun
from trading.selectors_research import UNMADE, Restored, restored
from trading.services.research_asked import assumptions_read
from trading.services.research_errors import ResearchError
from trading.services.research_made import Material, backtest_made, subject_of

READERS = {".csv": csv_chunks, ".parquet": parquet_chunks}
UNKNOWN = Terms(base_scale=8, quote_scale=8, price_scale=8)
SOURCE = "file"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    Attributes
    ----------
    strategy : str
        A class, the name of a strategy that everybody has, or a file of rules (JSON).
    start, end : int or None
        UTC epoch seconds: bars that open at or after the one and before the other; without, all.
    files : tuple of Path
        Of bars, one for each symbol, in place of the stored ones.
    bars_timeframe : int
        Seconds of the bars in the files.
    """

    strategy: str
    symbols: tuple[str, ...]
    timeframe: str = ""
    start: int | None = None
    end: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    assumptions: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    bars_timeframe: int = 60


def alone_made(wanted: Wanted, *, tell: Tell = silent) -> dict[str, Any]:
    """Return the report of a backtest that leaves no row.

    Raises
    ------
    ResearchError
        With what is wrong with the request.
    RunError, ColumnError
        As `backtest_made`.
    """
    run, found = _asked(wanted)
    if wanted.files:
        content, _ = backtest_made(run, tell=tell, material=_of_files(wanted, run, found))
        return content
    base = base_timeframe()
    instruments = [_instrument(one) for one in wanted.symbols]
    extents = [extent_before(one.pk, base, now_ms() // 1000) for one in instruments]
    known = [one for one in extents if one is not None]
    if len(known) < len(instruments):
        raise ResearchError("No bars of one of these symbols are stored.", "/symbols")
    start, end = max(one.start for one in known), min(one.through for one in known)
    _span_set(run, wanted, start, end)
    run.symbols = [series_name(one) for one in instruments]
    content, _ = backtest_made(run, tell=tell)
    return content


def _asked(wanted: Wanted) -> tuple[BacktestRun, Restored]:
    """Return a run that is not stored, and its strategy."""
    class_name, definition, timeframe, params = _strategy(wanted)
    if wanted.timeframe:
        timeframe = TIMEFRAME_SECONDS[wanted.timeframe]
    try:
        found = restored(
            class_name=class_name,
            definition=definition,
            params={**params, **wanted.params},
            timeframe=timeframe,
        )
    except UNMADE as fault:
        raise ResearchError(str(fault), "/params") from None
    run = BacktestRun(
        class_name=class_name,
        version=found.version,
        definition=definition,
        params=dict(found.strategy.params),
        symbols=list(wanted.symbols),
        timeframe=timeframe,
        assumptions=assumptions_read(wanted.assumptions).to_json(),
    )
    return run, found


def _strategy(wanted: Wanted) -> tuple[str, dict[str, Any], int, dict[str, Any]]:
    """Return class name, definition, timeframe and parameters of what is named."""
    path = Path(wanted.strategy)
    if path.suffix == ".json":
        return _rules(path)
    folder_read()
    cls = CLASSES.get(wanted.strategy)
    if cls is not None:
        return wanted.strategy, {}, TIMEFRAME_SECONDS[cls.timeframe], {}
    row = Strategy.objects.filter(owner=None, is_active=True, name=wanted.strategy).first()
    if row is None:
        known = ", ".join(sorted(CLASSES))
        message = f"There is no strategy {wanted.strategy}; there are {known}, or a file of rules."
        raise ResearchError(message, "/strategy")
    return row.class_name, {}, row.timeframe, row.params


def _rules(path: Path) -> tuple[str, dict[str, Any], int, dict[str, Any]]:
    try:
        rules = json.loads(path.read_text())
        return RULES_CLASS, {"rules": rules}, TIMEFRAME_SECONDS[rules["timeframe"]], {}
    except (OSError, ValueError, KeyError, TypeError) as fault:
        message = f"{path} holds no rules that can be read: {fault}"
        raise ResearchError(message, "/strategy") from None


def _span_set(run: BacktestRun, wanted: Wanted, start: int, end: int) -> None:
    """Let a run decide on every whole bar that was asked for and is there."""
    step = run.timeframe
    first = start if wanted.start is None else wanted.start
    last = end if wanted.end is None else wanted.end
    run.from_open = -(-first // step) * step
    run.through_open = last // step * step - step
    if run.through_open < run.from_open:
        raise ResearchError("The span holds no whole bar of the strategy.", "/to")


def _of_files(wanted: Wanted, run: BacktestRun, found: Restored) -> Material:
    """Return files of bars as what a run is made of; holes in them count as absent bars."""
    if len(wanted.files) != len(wanted.symbols):
        message = f"{len(wanted.files)} files for {len(wanted.symbols)} symbols; give one for each."
        raise ResearchError(message, "/bars")
    base = wanted.bars_timeframe
    if run.timeframe % base:
        message = (
            f"Bars of {TIMEFRAME_NAMES[run.timeframe]} cannot be made of those of the file, "
            f"{TIMEFRAME_NAMES[base]}; choose another --timeframe."
        )
        raise ResearchError(message, "/timeframe")
    pairs = zip(wanted.symbols, wanted.files, strict=True)
    read = {symbol: _read(path, base) for symbol, path in pairs}
    keyed: dict[tuple[InstrumentKey, int], BarArrays] = {
        (symbol, base): bars for symbol, bars in read.items()
    }
    start = max(int(one.open_time[0]) for one in read.values())
    end = min(int(one.open_time[-1]) for one in read.values()) + base
    _span_set(run, wanted, start, end)
    subjects = tuple(_subject(symbol, base, run.assumptions["currency"]) for symbol in read)
    strategies = [found.strategy]
    return Material(
        subjects,
        ArraySeries(keyed),
        Span(run.from_open, run.through_open),
        run.timeframe,
        needs_of(strategies, subjects),
        is_stored=False,
    )


def _read(path: Path, timeframe: int) -> BarArrays:
    """Return the bars of a file, judged as an import judges them."""
    reader = READERS.get(path.suffix.lower())
    if reader is None or not path.is_file():
        raise ResearchError(f"{path} is no .csv or .parquet file.", "/bars")
    checker = Checker(timeframe=timeframe, now_s=now_ms() // 1000)
    found = BarArrays.empty(timeframe=timeframe, source=SOURCE)
    try:
        for chunk in reader(path, checker):
            found = joined(found, checker.take(chunk, source=SOURCE))
        checker.finish()
    except FileRefused as fault:
        raise ResearchError(f"{path.name}: {fault}", "/bars") from None
    return found


def _subject(symbol: str, timeframe: int, currency: str) -> Subject:
    """Return a symbol of a file: with the terms of the stored instrument, where there is one."""
    try:
        known = subject_of(instrument_by_symbol(symbol), timeframe)
    except Instrument.DoesNotExist:
        quote = symbol.partition("/")[2] or currency
        return Subject(symbol, symbol, quote, "crypto", UNKNOWN, PAPER, timeframe)
    return Subject(
        symbol, symbol, known.quote, known.asset_class, known.terms, known.fees, timeframe,
        known.is_always_open,
    )  # fmt: skip


def _instrument(symbol: str) -> Instrument:
    try:
        return instrument_by_series(symbol)
    except Instrument.DoesNotExist as fault:
        raise ResearchError(f"{fault}.", "/symbols") from None
