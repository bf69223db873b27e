"""The page that says how good the newest data are, and what was refused."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from markets import selectors_quality as quality_of
from markets.models import Instrument, QualityScore
from markets.quality_score import Part


@dataclass(frozen=True, slots=True)
class QualityRow:
    """One instrument with its score; `score` is None while it is not known."""

    instrument: Instrument
    score: float | None
    level: str
    level_name: str
    parts: list[Part]
    flags: list[dict[str, Any]]
    row: QualityScore | None


@require_GET
def quality(request: HttpRequest) -> HttpResponse:
    """Show every score with its parts, worst first, and the newest refusals."""
    instruments = quality_of.instruments_judged()
    scores = quality_of.scores_of(row.pk for row in instruments)
    rows = [_row(one, scores.get(one.pk)) for one in instruments]
    rows.sort(key=lambda row: (row.score is None, row.score or 0.0))
    refused = quality_of.refused_recently()
    symbols = quality_of.symbols_of(refused)
    context = {
        "rows": rows,
        "refused": [(row, symbols.get(row.instrument_id, "")) for row in refused],
        "most_refused": quality_of.MOST_REFUSED,
        "totals": quality_of.refused_totals(),
        "checked_at": timezone.now(),
    }
    fragment = "#report" if request.headers.get("HX-Request") else ""
    return render(request, f"markets/quality.html{fragment}", context)


def _row(instrument: Instrument, row: QualityScore | None) -> QualityRow:
    unknown = QualityScore.Level.UNKNOWN
    is_known = row is not None and row.level != unknown and quality_of.is_current(row)
    level = QualityScore.Level(row.level) if row is not None and is_known else unknown
    return QualityRow(
        instrument=instrument,
        score=row.score if row is not None and is_known else None,
        level=level.value,
        level_name=str(level.label),
        parts=quality_of.parts_of(row) if row is not None else [],
        flags=row.parts.get("flags", [])[::-1] if row is not None else [],
        row=row,
    )
