"""Judge the newest data of every watched instrument, each minute."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from markets.models import Instrument, QualityScore, Quarantined
from markets.quality_bands import Flag
from markets.quality_score import Score, score_of
from markets.selectors_quality import evidence_of, instruments_judged, source_states
from markets.services.quarantine import quarantine

MOST_FLAGS = 20
# What was refused is shown for a day and kept for a month.
KEPT = timedelta(days=30)


def quality_recompute(now: datetime | None = None) -> int:
    """Judge what is watched and keep the scores; return how many were written."""
    quarantine.flush()
    moment = now or timezone.now()
    states = source_states()
    rows = []
    for instrument in instruments_judged():
        evidence, flags = evidence_of(instrument, moment, states)
        rows.append(_row(instrument, score_of(evidence), flags, moment))
    QualityScore.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["instrument"],
        update_fields=["score", "level", "parts", "as_of"],
    )
    return len(rows)


def quarantine_prune(now: datetime | None = None) -> int:
    """Delete what was refused long ago; return how many rows."""
    oldest = int(((now or timezone.now()) - KEPT).timestamp())
    return Quarantined.objects.filter(hour__lt=oldest).delete()[0]


def _row(instrument: Instrument, score: Score, flags: list[Flag], now: datetime) -> QualityScore:
    return QualityScore(
        instrument=instrument,
        score=round(score.value, 1),
        level=score.level.value,
        parts={"scored": score.as_json(), "flags": [_flag(one) for one in flags[-MOST_FLAGS:]]},
        as_of=now,
    )


def _flag(flag: Flag) -> dict[str, Any]:
    return {
        "open_time": flag.open_time,
        "price": flag.price,
        "low": flag.low,
        "high": flag.high,
        "standing": flag.standing.value,
    }
