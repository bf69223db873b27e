"""A backtest from its parts: strategies decide on closed bars, the engine fills and books."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from markets.types import TIMEFRAME_NAMES, TIMEFRAME_SECONDS
from signals.columns.array_series import ArrayBars
from signals.columns.bulk import decide_all
from signals.columns.compiled import StrategyLike, compile_strategy
from signals.columns.engine import history_needed
from signals.columns.errors import UnreadFeedError
from signals.columns.plan import ClockPlan
from signals.columns.series import InstrumentKey, SeriesProvider
from trading.backtest.assumptions import Assumptions
from trading.backtest.engine import simulate
from trading.backtest.portfolio import Funding, Listing, Slot
from trading.backtest.results import Simulation
from trading.execution.fees import FeeSchedule
from trading.execution.terms import Terms


class RunError(ValueError):
    """A backtest that cannot be made; the sentence says what was found and what to do."""


class Tell(Protocol):
    """Takes how far a run is, 0 to 1, and what it does; raises to end it early."""

    def __call__(self, progress: float, stage: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """One instrument of a run.

    Attributes
    ----------
    key : InstrumentKey
        As the provider knows it.
    symbol : str
    quote : str
        The asset that it is priced in.
    timeframe : int
        Seconds of the finest bars there are: orders are filled on them.
    """

    key: InstrumentKey
    symbol: str
    quote: str
    asset_class: str
    terms: Terms
    fees: FeeSchedule
    timeframe: int
    is_always_open: bool = True
    funding: Funding | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """The bars that are decided on: open times of the first and the last one."""

    from_open: int
    through_open: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is simulated: the same decisions may be simulated under several assumptions."""

    listings: tuple[Listing, ...]
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """What strategies read: seconds of history before the span, and the feeds.

    `reaches` is by instrument, `feeds` holds (name, instrument, seconds).
    """

    reaches: Mapping[InstrumentKey, int]
    feeds: frozenset[tuple[str, InstrumentKey, int]]


def silent(progress: float, stage: str) -> None:
    """Tell nobody."""


def prepare(
    strategies: Sequence[StrategyLike],
    subjects: Sequence[Subject],
    provider: SeriesProvider,
    *,
    span: Span,
    assumptions: Assumptions,
    tell: Tell = silent,
) -> Prepared:
    """Decide every bar of the span and read the bars that orders are filled on.

    Every strategy decides on every subject; a slot each, in this order.

    Raises
    ------
    RunError
        If an instrument has no bars, is priced in another currency, or a strategy is not made for
        it.
    ColumnError
        As `decide_all`: such as a trained model that saw the bars of the span.
    """
    listings = tuple(
        listing_of(one, provider, span=span, step=_step(strategies), assumptions=assumptions)
        for one in subjects
    )
    slots: list[Slot] = []
    count = len(strategies) * len(subjects)
    for strategy in strategies:
        seconds = TIMEFRAME_SECONDS[strategy.timeframe]
        for place, subject in enumerate(subjects):
            _refuse_misfit(strategy, subject)
            done = len(slots)
            tell(done / count, f"deciding on {subject.symbol}")
            decisions = decide_all(
                strategy,
                provider,
                instrument=subject.key,
                from_open=span.from_open,
                through_open=span.through_open,
                tell=lambda share, done=done, what=subject.symbol: tell(
                    (done + share) / count, f"deciding on {what}"
                ),
            )
            slots.append(Slot(place, decisions, seconds, getattr(strategy, "name", "")))
    return Prepared(listings, tuple(slots))


def listing_of(
    subject: Subject,
    provider: SeriesProvider,
    *,
    span: Span,
    step: int,
    assumptions: Assumptions,
) -> Listing:
    """Return an instrument with the bars that its orders are filled on.

    Parameters
    ----------
    step : int
        Seconds of the bars that are decided on: the last one closes so long after `through_open`.

    Raises
    ------
    RunError
        If it has no bars in the span, or is priced in another currency than the account's.
    """
    if subject.quote != assumptions.currency:
        raise RunError(
            f"{subject.symbol} is priced in {subject.quote}, the account holds "
            f"{assumptions.currency}: set the currency, or leave the symbol out"
        )
    last = span.through_open + step - subject.timeframe
    bars = ArrayBars.of(provider.bars(subject.key, subject.timeframe, span.from_open, last))
    if not len(bars.open_time):
        name = TIMEFRAME_NAMES.get(subject.timeframe, f"{subject.timeframe} s")
        raise RunError(f"no {name} bars of {subject.symbol} are stored in the span")
    fees = FeeSchedule(
        subject.fees.maker_ppm if assumptions.maker_ppm is None else assumptions.maker_ppm,
        subject.fees.taker_ppm if assumptions.taker_ppm is None else assumptions.taker_ppm,
    )
    return Listing(
        symbol=subject.symbol,
        terms=subject.terms,
        fees=fees,
        bars=bars,
        timeframe=subject.timeframe,
        is_always_open=subject.is_always_open,
        funding=subject.funding,
    )


def simulated(
    prepared: Prepared, assumptions: Assumptions, *, is_compiled: bool | None = None
) -> Simulation:
    """Fill and book what was decided."""
    return simulate(prepared.listings, prepared.slots, assumptions, is_compiled=is_compiled)


def needs_of(strategies: Sequence[StrategyLike], subjects: Sequence[Subject]) -> Needs:
    """Return what these strategies read beside and before the bars of the span."""
    reaches: dict[InstrumentKey, int] = {}
    feeds: set[tuple[str, InstrumentKey, int]] = set()
    for strategy in strategies:
        for (symbol, _), seconds in history_needed(strategy).items():
            for key in [one.key for one in subjects] if symbol is None else [symbol]:
                reaches[key] = max(reaches.get(key, 0), seconds)
        plan = compile_strategy(strategy).plan
        for subject in subjects:
            _add_feeds(plan, subject.key, feeds)
    return Needs(reaches, frozenset(feeds))


def data_hash(hashes: Mapping[str, str]) -> str:
    """Hash all that a run may read as one."""
    return hashlib.sha256(repr(sorted(hashes.items())).encode()).hexdigest()


def data_hashes(
    provider: SeriesProvider, subjects: Sequence[Subject], needs: Needs, *, span: Span, step: int
) -> dict[str, str]:
    """Hash what a run may read, each series alone: bars of the span and before it, and points."""
    names = {one.key: one.symbol for one in subjects}
    base, end = subjects[0].timeframe, span.through_open + step
    found = {}
    keyed = sorted((str(names.get(key, key)), key, reach) for key, reach in needs.reaches.items())
    for name, key, reach in keyed:
        low = (span.from_open - reach) // base * base
        bars = provider.bars(key, base, low, end - base)
        digest = hashlib.sha256(f"bars {name} {base} {len(bars.open_time)}\n".encode())
        digest.update(bars.open_time.astype("<i8").tobytes())
        for column in (bars.open, bars.high, bars.low, bars.close, bars.volume):
            digest.update(column.astype("<f8").tobytes())
        found[f"bars of {name}"] = digest.hexdigest()
    furthest = max(needs.reaches.values(), default=0)
    for feed, key, seconds in sorted(needs.feeds, key=repr):
        with suppress(UnreadFeedError):
            known = provider.points(feed, key, span.from_open - furthest - seconds, end)
            of = names.get(key, key)
            digest = hashlib.sha256(f"points {feed} {of} {len(known.value)}\n".encode())
            digest.update(known.available_at.astype("<i8").tobytes())
            digest.update(known.value.astype("<f8").tobytes())
            found[f"feed {feed} of {of}"] = digest.hexdigest()
    return found


def _add_feeds(
    plan: ClockPlan, key: InstrumentKey, feeds: set[tuple[str, InstrumentKey, int]]
) -> None:
    own = key if plan.clock.symbol is None else plan.clock.symbol
    for node in plan.nodes:
        if node.op == "feed":
            feeds.add((str(node.args[0]), own, int(node.args[1])))
    for parent in plan.parents:
        _add_feeds(parent, key, feeds)


def _step(strategies: Sequence[StrategyLike]) -> int:
    if not strategies:
        raise RunError("a backtest wants a strategy")
    return max(TIMEFRAME_SECONDS[one.timeframe] for one in strategies)


def _refuse_misfit(strategy: StrategyLike, subject: Subject) -> None:
    made_for = getattr(strategy, "asset_classes", None)
    if made_for is not None and subject.asset_class not in made_for:
        name = getattr(strategy, "name", type(strategy).__name__)
        raise RunError(
            f"{name} is made for {' and '.join(made_for)}, "
            f"{subject.symbol} is {subject.asset_class}"
        )
    if TIMEFRAME_SECONDS[strategy.timeframe] % subject.timeframe:
        raise RunError(
            f"{strategy.timeframe} bars of {subject.symbol} cannot be made of its "
            f"{TIMEFRAME_NAMES.get(subject.timeframe)} bars"
        )
