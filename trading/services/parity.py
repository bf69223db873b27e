"""The parity passport: hold a deployment against its strategy run again, and write the report."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet
from django.utils import timezone

from markets.models import Instrument
from markets.selectors import base_timeframe
from mystic.lib.bus import publish
from signals.models import Decision
from signals.received import Change
from signals.services.shelving import models_shelve
from trading import parity
from trading.events import ParityReported
from trading.models import Deployment, ParityDifference, ParityReport
from trading.parity import Facts, cause_of, differing, excerpt
from trading.services.parity_again import Compared, GoneError, Subject, compared, subject_of
from trading.services.parity_fills import Filled, fills_compared

# No user can have a name with a blank in it.
NIGHTLY = "the night"
NIGHT_AT = time(0, 20)
# So many decisions are compared at a time.
CHUNK = 4_096
# So many differences are written one by one; the counts are whole.
MOST_KEPT = 500
Verdict = Decision.Verdict
APART: Mapping[str, str] = {
    Verdict.WARMING_UP: "warming_up",
    Verdict.REFUSED: "refused",
    Verdict.ERROR: "error",
}


@dataclass(slots=True)
class _Tally:
    """What a report counts, and the differences that it keeps."""

    decisions: int = 0
    received: int = 0
    published: int = 0
    verdicts: int = 0
    is_part: bool = False
    fills: int = 0
    fills_matched: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    apart: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    kept: list[ParityDifference] = field(default_factory=list)

    def keep(self, difference: ParityDifference) -> None:
        self.causes[difference.cause] += 1
        if len(self.kept) < MOST_KEPT:
            self.kept.append(difference)


def parity_report(
    *,
    deployment: Deployment,
    from_open: int | None = None,
    through_open: int | None = None,
    asked_by: str,
) -> ParityReport | None:
    """Compare what a deployment's strategy decided with the same decided again, and write it down.

    Decisions that were no decisions (warming up, refused for poor data, an error) are counted
    apart, and so are those on bars that a model was trained on since: they match nothing and
    contradict nothing. A report of a span that somebody chose is no passport: it may be a good day.

    Parameters
    ----------
    from_open, through_open : int, optional
        Open times of the first and the last bar, UTC epoch seconds; without them everything that
        was decided while the deployment ran and that is still kept.
    asked_by : str
        Who wanted it: a user's name, or `NIGHTLY`. Of several of one night one is written.

    Returns
    -------
    ParityReport or None
        None where nothing was decided in the span yet, or the night has its report.
    """
    rows = _decisions(deployment, from_open, through_open)
    span = rows.order_by().aggregate(first=Min("bar_open"), last=Max("bar_open"))
    if span["first"] is None:
        return None
    is_part = asked_by != NIGHTLY and (from_open, through_open) != (None, None)
    tally = _Tally(is_part=is_part, notes=_limits(deployment, from_open))
    models_shelve()
    try:
        subject = subject_of(deployment.strategy)
    except GoneError as fault:
        tally.apart["gone"] = rows.count()
        tally.notes.append(f"Nothing could be compared: {fault}.")
    else:
        _decisions_compare(subject, rows, tally)
    _fills_compare(deployment, span["first"], span["last"], tally)
    return _written(deployment, span, tally, asked_by)


def last_night(now: datetime) -> datetime:
    """Return the newest 00:20 UTC that is over."""
    night = datetime.combine(now.date(), NIGHT_AT, tzinfo=now.tzinfo)
    return night if night <= now else night - timedelta(days=1)


def _decisions(
    deployment: Deployment, from_open: int | None, through_open: int | None
) -> QuerySet[Decision]:
    """Return what the strategy decided for the deployment, and that is still whole."""
    begin = max(deployment.created_at, _kept_since())
    rows = Decision.objects.filter(strategy=deployment.strategy_id, decided_at__gte=begin)
    if deployment.stopped_at is not None:
        rows = rows.filter(decided_at__lte=deployment.stopped_at)
    if deployment.symbols:
        rows = rows.filter(instrument__symbol__in=deployment.symbols)
    if from_open is not None:
        rows = rows.filter(bar_open__gte=from_open)
    if through_open is not None:
        rows = rows.filter(bar_open__lte=through_open)
    return rows.select_related("strategy", "signal")


def _kept_since() -> datetime:
    days: int = settings.ENV["MYSTIC_DECISION_DAYS"]
    return timezone.now() - timedelta(days=days)


def _limits(deployment: Deployment, from_open: int | None) -> list[str]:
    """Say where older decisions are not kept any more."""
    if from_open is not None or deployment.created_at >= _kept_since():
        return []
    days = settings.ENV["MYSTIC_DECISION_DAYS"]
    return [f"Decisions are kept for {days} days: what the deployment decided before is not here."]


def _decisions_compare(subject: Subject, rows: QuerySet[Decision], tally: _Tally) -> None:
    ids = set(rows.order_by().values_list("instrument_id", flat=True).distinct())
    symbols: dict[int, str] = dict(Instrument.objects.values_list("pk", "symbol"))
    for instrument in Instrument.objects.filter(pk__in=ids).order_by("pk"):
        of_pair = rows.filter(instrument=instrument).order_by("bar_open")
        for verdict, count in (
            of_pair.order_by("verdict").values_list("verdict").annotate(Count("pk"))
        ):
            if verdict in APART:
                tally.apart[APART[verdict]] += count
        decided = of_pair.exclude(verdict__in=APART)
        # A long span needs the memory of a short one.
        while part := list(decided[:CHUNK]):
            for one in compared(subject, instrument, part, base=base_timeframe()):
                _count(one, subject, symbols, tally)
            decided = decided.filter(bar_open__gt=part[-1].bar_open)


def _count(one: Compared, subject: Subject, symbols: Mapping[int, str], tally: _Tally) -> None:
    if one.has_model_seen:
        tally.apart["model_seen"] += 1
        return
    then, now = differing(one.was, one.received), differing(one.was, one.published)
    tally.decisions += 1
    tally.received += not then
    tally.published += not now
    tally.verdicts += "verdict" in then or "verdict" in now
    if not then and not now:
        return
    changed = [one.unseen] if one.unseen else list(one.changes)
    late = sum(change.is_late for change in changed)
    cause = cause_of(
        Facts(
            revised=len(changed) - late,
            late=late,
            matches_received=not then,
            matches_unseen=one.unseen is not None,
            is_other_code=subject.is_other_code,
            is_other_model=one.is_other_model,
        )
    )
    names = tuple(dict.fromkeys((*then, *now)))
    tally.keep(
        ParityDifference(
            instrument_id=one.decision.instrument_id,
            bar_open=one.decision.bar_open,
            decision=one.decision,
            cause=cause,
            was=excerpt(one.was, names),
            received=excerpt(one.received, names),
            published=excerpt(one.published, names),
            detail=_detail(cause, one, changed, symbols),
        )
    )


def _detail(
    cause: str, one: Compared, changed: Iterable[Change], symbols: Mapping[int, str]
) -> str:
    if cause in (parity.DATA_REVISED, parity.LATE_BAR):
        return parity.joined(_changes_told(changed, symbols, is_late=cause == parity.LATE_BAR))
    version = one.decision.strategy.version
    if one.trouble:
        return f"It could not be decided again: {one.trouble}"[: parity.LONGEST_DETAIL]
    if cause == parity.CODE_VERSION:
        return f"Decided by version {version}; the code of the class is another one now."
    if cause == parity.MODEL:
        return "A model that the strategy asks was replaced by a newer version since."
    if one.published is None:
        return "The bar is not stored any more, or what the strategy looks at beside it is not."
    return ""


def _changes_told(
    changed: Iterable[Change], symbols: Mapping[int, str], *, is_late: bool
) -> list[str]:
    """Say of each change which bar it is about, those of the newest bars first."""
    told: dict[tuple[int, int], Change] = {}
    for change in sorted(changed, key=lambda one: one.at, reverse=True):
        if change.is_late == is_late:
            told[change.open_time, change.instrument_id] = change
    return [_told(symbols[key[1]], told[key]) for key in sorted(told, reverse=True)]


def _told(symbol: str, change: Change) -> str:
    if change.before is None or change.after is None:
        return parity.late_text(symbol, change.open_time, change.at)
    return parity.correction_text(symbol, change.open_time, change.pairs)


def _fills_compare(deployment: Deployment, first: int, last: int, tally: _Tally) -> None:
    for one in fills_compared(
        deployment, from_open=first, through_open=last, base=base_timeframe()
    ):
        tally.fills += 1
        tally.fills_matched += one.gap.is_within
        if not one.gap.is_within:
            tally.keep(_fill_difference(one))


def _fill_difference(one: Filled) -> ParityDifference:
    side = "worse" if one.gap.worse_bp > 0 else "better"
    return ParityDifference(
        instrument=one.order.instrument,
        bar_open=one.bar_open,
        decision=one.order.signal.decision if one.order.signal else None,
        cause=parity.FILL,
        was={"side": one.order.side, "price": one.price, "fee_ppm": round(one.fee_ppm, 1)},
        published={
            "side": one.order.side,
            "price": one.assumed,
            "fee_ppm": one.assumed_fee_ppm,
        },
        detail=f"Filled {abs(one.gap.worse_bp):.1f} bp {side} than the backtest assumes; "
        f"{parity.FILL_TOLERANCE_BP:g} bp are within tolerance.",
    )


def _written(
    deployment: Deployment, span: Mapping[str, int], tally: _Tally, asked_by: str
) -> ParityReport | None:
    """Write the report with its differences and tell of it; of a night only the first."""
    counted: dict[str, object] = dict(tally.causes)
    counted |= {"apart": dict(tally.apart), "notes": tally.notes, "verdicts": tally.verdicts}
    counted["is_part"] = tally.is_part
    with transaction.atomic():
        locked = Deployment.objects.select_for_update(no_key=True, of=("self",)).select_related(
            "account"
        )
        owner = locked.get(pk=deployment.pk).account.owner_id
        night = last_night(timezone.now())
        told = deployment.parity_reports.filter(made_at__gte=night, asked_by=NIGHTLY)
        if asked_by == NIGHTLY and told.exists():
            return None
        report = ParityReport.objects.create(
            deployment=deployment,
            from_open=span["first"],
            through_open=span["last"],
            decisions=tally.decisions,
            matched_received=tally.received,
            matched_published=tally.published,
            fills=tally.fills,
            fills_matched=tally.fills_matched,
            causes=counted,
            asked_by=asked_by,
        )
        for difference in tally.kept:
            difference.report = report
        ParityDifference.objects.bulk_create(tally.kept, batch_size=200)
        event = ParityReported(report.pk, deployment.pk, owner)
        transaction.on_commit(functools.partial(publish, event))
    return report
