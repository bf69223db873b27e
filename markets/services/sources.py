"""Write how each source is doing; the streamer alone does."""

import functools
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from markets.events import SourceChanged
from markets.models import SourceState
from mystic.lib.bus import publish


@dataclass(frozen=True, slots=True)
class SourceReport:
    """The state of one source, as `SourceState` stores it."""

    source: str
    state: str
    detail: str = ""
    is_official: bool = True
    last_message_at: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None
    blocked_until: datetime | None = None
    weight_used: int = 0
    weight_limit: int = 0
    counters: dict[str, int] = field(default_factory=dict)


_CHANGING = [f.name for f in fields(SourceReport) if f.name != "source"] + ["updated_at"]


def source_state_write(reports: Iterable[SourceReport]) -> None:
    """Write the reports, and after the commit tell of every source whose state or words changed."""
    batch = {report.source: report for report in reports}
    with transaction.atomic():
        before = dict(SourceState.objects.filter(source__in=batch).values_list("source", "state"))
        SourceState.objects.bulk_create(
            [SourceState(**_row(report)) for report in batch.values()],
            update_conflicts=True,
            unique_fields=["source"],
            update_fields=[
                *(name for name in SourceReport.__slots__ if name != "source"),
                "updated_at",
            ],
        )
        for report in batch.values():
            if before.get(report.source) != report.state:
                event = SourceChanged(report.source, report.state, report.detail)
                transaction.on_commit(functools.partial(publish, event))


def _row(report: SourceReport) -> dict[str, object]:
    row = asdict(report)
    row["detail"], row["last_error"] = report.detail[:300], report.last_error[:300]
    row["updated_at"] = timezone.now()
    return row
