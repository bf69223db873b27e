"""Decide again what a strategy decided live: on the bars as received, and as they stand.

Where nothing changed after a decision was written, the two are the same calculation, which is made
once, over the whole span. Only decisions that depend on a bar that was corrected, or that came,
later are calculated a second time.
"""

import logging
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from markets.models import Instrument
from signals.columns.compiled import StrategyLike, compile_strategy
from signals.columns.decisions import BarDecision
from signals.columns.engine import evaluate, history_needed
from signals.columns.errors import UnreadyModelError
from signals.columns.model_column import unready
from signals.models import Decision, ForecastModel, Strategy
from signals.received import Change, StoredFeed, arrivals_of, changes_of
from signals.services.instances import NoStrategyError, instance_of
from signals.strategies.params import ParamError
from signals.strategies.registry import build
from signals.strategies.sentences import sentence_of, storable
from trading.parity import UNSEEN_FOR_S, Word, differing

log = logging.getLogger(__name__)
# So many changes before a decision are looked at, one by one, where nothing else explains it.
MOST_UNSEEN = 3
Versions = Mapping[str, Sequence[tuple[float, int]]]


@dataclass(frozen=True, slots=True)
class Compared:
    """One decision and the same again; `changes` came after it, of bars that it depends on.

    `unseen` is the last change before it where, without that one, it comes out as it was.
    `has_model_seen` where a model that it asks was trained on the bar: nothing can be said then.
    """

    decision: Decision
    was: Word
    received: Word | None
    published: Word | None
    changes: tuple[Change, ...] = ()
    unseen: Change | None = None
    is_other_model: bool = False
    has_model_seen: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """A strategy as it can be made today, and what is to be known about it.

    Attributes
    ----------
    reach : mapping of instrument to seconds
        How far behind a bar it looks at each series.
    models : mapping of name to version
        Those that it asks.
    versions : mapping of name to (moment it was ready, version), oldest first
    """

    strategy: StrategyLike
    is_other_code: bool
    reach: Mapping[str | None, int]
    models: Mapping[str, int]
    versions: Versions


class GoneError(Exception):
    """The strategy cannot be made any more; the sentence says why."""


def subject_of(row: Strategy) -> Subject:
    """Return a strategy with what its code is today.

    Raises
    ------
    GoneError
        Where its class, or a word of its rules, is not there any more.
    """
    try:
        strategy = _made(row)
        compiled = compile_strategy(strategy)
        reach: dict[str | None, int] = {}
        for (symbol, step), seconds in history_needed(strategy).items():
            name = None if symbol is None else str(symbol)
            reach[name] = max(reach.get(name, 0), seconds + step)
    except Exception as fault:
        raise GoneError(f"it cannot be made any more: {sentence_of(fault)}") from fault
    is_other = getattr(strategy, "version", row.version) != row.version
    return Subject(strategy, is_other, reach, compiled.models, _versions(compiled.models))


def _made(row: Strategy) -> StrategyLike:
    try:
        return instance_of(row)
    except NoStrategyError:
        try:
            # A file of the strategies folder that says something else now.
            return build(row.class_name, row.params, timeframe=row.timeframe)
        except (KeyError, ParamError):
            raise GoneError(f"there is no class {row.class_name} with these parameters") from None


def _versions(names: Iterable[str]) -> Versions:
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    states = (ForecastModel.State.READY, ForecastModel.State.RETIRED)
    rows = ForecastModel.objects.filter(name__in=list(names), state__in=states)
    for name, at, version in rows.values_list("name", "finished_at", "version"):
        if at is not None:
            found[name].append((at.timestamp(), version))
    return {name: sorted(pairs) for name, pairs in found.items()}


def compared(
    subject: Subject, instrument: Instrument, decisions: Sequence[Decision], *, base: int
) -> Iterator[Compared]:
    """Compare decisions of one pair, oldest first, with the same decided again."""
    yield from _Again(subject, instrument, decisions, base).compared()


class _Again:
    """One span of one pair, decided again."""

    def __init__(
        self, subject: Subject, instrument: Instrument, decisions: Sequence[Decision], base: int
    ) -> None:
        self._subject, self._instrument = subject, instrument
        self._decisions = decisions
        self._step = decisions[0].strategy.timeframe
        self._base = base
        self._feed = StoredFeed(base)
        self._first, self._last = decisions[0].bar_open, decisions[-1].bar_open
        self._reach: dict[int, int] = {}
        for symbol, seconds in subject.reach.items():
            pk = instrument.pk if symbol is None else self._feed.instrument_id(symbol)
            if pk is not None:
                self._reach[pk] = max(seconds, self._reach.get(pk, 0))
        for pk, seconds in self._reach.items():
            self._feed.load(pk, self._first - seconds, self._last + self._step)
        self._changes = self._changed()
        self._moments = [change.at for change in self._changes]
        self._opens = np.array([change.open_time for change in self._changes], dtype=np.int64)
        self._reaches = np.array(
            [self._reach[change.instrument_id] for change in self._changes], dtype=np.int64
        )

    def compared(self) -> Iterator[Compared]:
        published, seen_through, trouble = self._decided(self._feed, self._first, self._last)
        received = self._received(published)
        for decision in self._decisions:
            opened = decision.bar_open
            was, now = word_of(decision), published.get(opened)
            then, changes = received.get(opened, (now, ()))
            unseen = None
            if not trouble and then is not None and differing(was, then):
                unseen, word = self._unseen(decision, was)
                if unseen and decision.decided_at.timestamp() - unseen.at <= UNSEEN_FOR_S:
                    then, changes, unseen = word, (*changes, unseen), None
            yield Compared(
                decision,
                was,
                then,
                now,
                changes,
                unseen,
                is_other_model=self._is_other_model(decision.decided_at.timestamp()),
                has_model_seen=opened + self._step <= seen_through,
                trouble=trouble,
            )

    def _decided(self, feed: StoredFeed, first: int, last: int) -> tuple[dict[int, Word], int, str]:
        """Return what is decided by bar, through when a model was trained, and what failed."""
        try:
            return self._words(feed, first, last), 0, ""
        except UnreadyModelError as fault:
            through = fault.through
        except Exception as fault:
            if (silent := unready(fault)) is None:
                log.info("a strategy cannot be decided again", exc_info=True)
                return {}, 0, sentence_of(fault)
            through = silent.through
        if through is None:
            return {}, 0, "a model that it asks cannot be used now"
        first = max(first, through // self._step * self._step)
        return (self._words(feed, first, last) if first <= last else {}), through, ""

    def _words(self, feed: StoredFeed, first: int, last: int) -> dict[int, Word]:
        found = evaluate(
            self._subject.strategy,
            feed,
            instrument=self._instrument.pk,
            from_open=first,
            through_open=last,
        )
        return {one.bar_open: _word(one) for one in found}

    def _changed(self) -> list[Change]:
        """Return the corrections and late bars of all series, in the order they came."""
        closes = np.array([one.bar_open + self._step for one in self._decisions])
        moments = np.array([one.decided_at.timestamp() for one in self._decisions])
        # The earliest moment at which anything was decided on a bar that closed so late.
        earliest = np.minimum.accumulate(moments[::-1])[::-1]
        found: list[Change] = []
        for pk, reach in self._reach.items():
            low, high = self._first - reach, self._last + self._step
            found += changes_of(pk, self._base, low, high)
            came = arrivals_of(pk, self._base, low, high, after=float(earliest[0]))
            if came:
                opens, times = (
                    np.array([one[0] for one in came]),
                    np.array([one[1] for one in came]),
                )
                row = np.searchsorted(closes, opens + self._base)
                is_late = row < len(closes)
                is_late[is_late] = earliest[row[is_late]] < times[is_late]
                found += [Change(came[n][1], pk, came[n][0]) for n in np.flatnonzero(is_late)]
        return sorted(found, key=lambda one: (one.at, one.instrument_id, one.open_time))

    def _received(
        self, published: Mapping[int, Word]
    ) -> dict[int, tuple[Word | None, tuple[Change, ...]]]:
        """Return what the bars as received give, of the decisions where that may be another."""
        worlds: dict[int, list[tuple[int, tuple[Change, ...]]]] = defaultdict(list)
        for decision in self._decisions if self._changes else ():
            place = bisect_right(self._moments, decision.decided_at.timestamp())
            later = self._later(decision.bar_open, place)
            if later:
                worlds[place].append((decision.bar_open, later))
        found: dict[int, tuple[Word | None, tuple[Change, ...]]] = {}
        for place, rows in worlds.items():
            feed = self._feed.before(self._changes[place:])
            words, _, trouble = self._decided(feed, rows[0][0], rows[-1][0])
            for opened, later in rows:
                # Where even the published bars give nothing, nobody can say more of the others.
                word = words.get(opened, published.get(opened) if trouble else None)
                found[opened] = (word, later)
        return found

    def _later(self, bar_open: int, place: int) -> tuple[Change, ...]:
        """Return the changes from one on that are of bars which a decision depends on."""
        opens = self._opens[place:]
        is_seen = (opens < bar_open + self._step) & (opens >= bar_open - self._reaches[place:])
        return tuple(self._changes[place + n] for n in np.flatnonzero(is_seen).tolist())

    def _unseen(self, decision: Decision, was: Word) -> tuple[Change | None, Word | None]:
        """Return the change before a decision without which it comes out as it was, if there is.

        Its bars were read some moments before it was written; and a calculation that goes on from
        bar to bar may not see one that is filled in behind it.
        """
        if self._subject.is_other_code:
            return None, None
        place = bisect_right(self._moments, decision.decided_at.timestamp())
        opens, opened = self._opens[:place], decision.bar_open
        is_seen = (opens < opened + self._step) & (opens >= opened - self._reaches[:place])
        for earlier in np.flatnonzero(is_seen)[: -MOST_UNSEEN - 1 : -1].tolist():
            feed = self._feed.before(self._changes[earlier:])
            word = self._decided(feed, opened, opened)[0].get(opened)
            if word is not None and not differing(was, word):
                return self._changes[earlier], word
        return None, None

    def _is_other_model(self, moment: float) -> bool:
        for name, version in self._subject.models.items():
            told = self._subject.versions.get(name, ())
            place = bisect_right([at for at, _ in told], moment)
            if place == 0 or told[place - 1][1] != version:
                return True
        return False


def word_of(decision: Decision) -> Word:
    """Return what the ledger holds; stop and target stand in the signal, where there is one."""
    signal = getattr(decision, "signal", None)
    return Word(
        decision.verdict,
        decision.reason,
        decision.confidence,
        decision.values,
        None if signal is None else signal.stop,
        None if signal is None else signal.take,
        has_levels=signal is not None,
    )


def _word(found: BarDecision) -> Word:
    return Word(
        found.verdict.value,
        storable(found.reason),
        found.confidence,
        dict(found.values),
        found.stop,
        found.take,
    )
