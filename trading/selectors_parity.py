"""What pages, the API and the live gate ask about parity; a foreign deployment is not there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery

from mystic.models import User
from signals.models import Strategy
from trading.models import BacktestRun, Deployment, ParityDifference, ParityReport
from trading.parity import summary
from trading.selectors import deployments_for

# So many reports are drawn and listed.
MOST_SHOWN = 90
CAUSES = dict(ParityDifference.Cause.choices)
APART = {
    "warming_up": "warming up",
    "refused": "refused for poor data",
    "error": "an error of the strategy",
    "model_seen": "a model has been trained on the bar since",
    "gone": "the strategy cannot be made any more",
}


@dataclass(frozen=True, slots=True)
class Passport:
    """What a deployment's newest report says, in a few words."""

    report: ParityReport
    text: str
    is_whole: bool

    @property
    def made_at(self) -> datetime:
        return self.report.made_at


@dataclass(frozen=True, slots=True)
class Running:
    """A deployment with its passport, None where there is no report that claims anything."""

    deployment: Deployment
    passport: Passport | None


@dataclass(frozen=True, slots=True)
class Sides:
    """One part of a decision as it was, as received, and as published; empty where not told."""

    name: str
    was: str
    received: str
    published: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A difference as its row shows it."""

    difference: ParityDifference
    cause: str
    sides: tuple[Sides, ...]


def parity_of(deployment: Deployment) -> float | None:
    """Return the share of decisions that the newest report found again, for the live gate.

    Of those on the bars as they had been received: a correction of the venue is not the
    strategy's fault. Reports of a span that somebody chose do not count. None where there is none.
    """
    report = _claiming().filter(deployment=deployment).first()
    return None if report is None else report.match


def passport_of(deployment: Deployment) -> Passport | None:
    """Return what the newest report says; None where there is none that compared anything."""
    report = _claiming().filter(deployment=deployment).first()
    return None if report is None else passport(report)


def proof_of(
    strategy: Strategy, *, user: User, running: Deployment | None
) -> dict[str, Passport | bool | None]:
    """Return what speaks for a strategy: its passport, and whether the user ever backtested it."""
    return {
        "passport": None if running is None else passport_of(running),
        "is_tested": BacktestRun.objects.filter(owner=user, strategy=strategy).exists(),
    }


def passport(report: ParityReport) -> Passport:
    """Return a report in a few words."""
    text = summary(
        decisions=report.decisions,
        received=report.matched_received,
        published=report.matched_published,
        causes=counts_of(report),
    )
    least = min(report.matched_received, report.matched_published)
    return Passport(report, text, is_whole=least == report.decisions > 0)


def running_for(*, user: User) -> list[Running]:
    """Return the user's running deployments with what their newest reports say."""
    newest = _claiming().filter(deployment=OuterRef("pk")).values("pk")[:1]
    rows = list(
        deployments_for(user=user)
        .filter(state=Deployment.State.ACTIVE)
        .annotate(newest_report=Subquery(newest))
        .order_by("strategy__name", "pk")
    )
    reports = ParityReport.objects.in_bulk([row.newest_report for row in rows if row.newest_report])
    return [
        Running(row, passport(reports[row.newest_report]) if row.newest_report else None)
        for row in rows
    ]


def reports_for(*, user: User, deployment_id: int) -> QuerySet[ParityReport]:
    """Return the reports of one of the user's deployments, newest first."""
    return ParityReport.objects.filter(
        deployment_id=deployment_id, deployment__account__owner=user
    ).order_by("-id")


def differences_of(report: ParityReport) -> QuerySet[ParityDifference]:
    """Return the differences that a report kept, oldest bars first."""
    rows = report.differences.select_related("instrument__venue")
    return rows.order_by("bar_open", "instrument_id", "pk")


def shown(differences: Iterable[ParityDifference]) -> list[Shown]:
    """Return differences with their parts side by side."""
    return [Shown(one, CAUSES.get(one.cause, one.cause), _sides(one)) for one in differences]


def counts_of(report: ParityReport) -> dict[str, int]:
    """Return how many differences each cause has."""
    return {name: count for name, count in report.causes.items() if name in CAUSES}


def causes_told(report: ParityReport) -> list[tuple[str, int]]:
    """Return the causes in words with their counts, the most frequent first."""
    pairs = sorted(counts_of(report).items(), key=lambda pair: -pair[1])
    return [(CAUSES[name], count) for name, count in pairs]


def apart_told(report: ParityReport) -> list[tuple[str, int]]:
    """Return in words what was counted apart from the decisions that were compared."""
    return [(APART.get(name, name), count) for name, count in report.causes["apart"].items()]


def _claiming() -> QuerySet[ParityReport]:
    """Return the reports that compared something, over a span that nobody chose, newest first."""
    return ParityReport.objects.filter(decisions__gt=0, causes__is_part=False).order_by("-id")


def _sides(one: ParityDifference) -> tuple[Sides, ...]:
    parts = [_flat(side) for side in (one.was, one.received, one.published)]
    names = list(dict.fromkeys(name for part in parts for name in part))
    return tuple(Sides(name, *(_word(part.get(name)) for part in parts)) for name in names)


def _flat(told: Mapping[str, object]) -> dict[str, object]:
    values = told.get("values", {})
    plain = {name: value for name, value in told.items() if name != "values"}
    return {**plain, **values} if isinstance(values, dict) else plain


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
