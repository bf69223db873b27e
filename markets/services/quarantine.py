"""Keep what sources sent and was refused: one row for the same fault of the same thing an hour.

A refusal on the hot path only counts in memory. `flush` writes what was counted; whoever refuses
outside of the streamer may call `quarantined_write` at once.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from markets.models import Quarantined
from markets.quality import Refused, sample_text

QUARANTINE_EVERY_S = 5.0
# A source that goes mad must cost neither memory nor a table: what is beyond is counted together.
MOST_WAITING = 2_000
OTHER = "other"

type Key = tuple[str, str, int, str, int]


@dataclass(frozen=True, slots=True)
class Sighting:
    """How often one fault was seen since the last writing; `sample` is the newest one."""

    count: int
    first_at: datetime
    last_at: datetime
    sample: object


class Quarantine:
    """What was refused and is not written yet; `note` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Key, Sighting] = {}

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def note(self, refused: Refused) -> None:
        """Count a refusal; quick, never raises, never blocks on a database."""
        now = timezone.now()
        key = _key(refused, now)
        with self._lock:
            self._add(key, Sighting(1, now, now, refused.sample))

    def flush(self) -> int:
        """Write what waits; return how many rows were touched.

        Raises
        ------
        django.db.Error
            If the database cannot be written; what waited still waits.
        """
        with self._lock:
            taken, self._waiting = self._waiting, {}
        if not taken:
            return 0
        try:
            _write(taken)
        except BaseException:
            with self._lock:
                newer, self._waiting = self._waiting, {}
                for key, sighting in (*taken.items(), *newer.items()):
                    self._add(key, sighting)
            raise
        return len(taken)

    def forget(self) -> None:
        with self._lock:
            self._waiting.clear()

    def _add(self, key: Key, seen: Sighting) -> None:
        if key not in self._waiting and len(self._waiting) >= MOST_WAITING:
            source, kind, _, _, hour = key
            key = (source, kind, 0, OTHER, hour)
        before = self._waiting.get(key)
        if before is not None:
            seen = replace(seen, count=before.count + seen.count, first_at=before.first_at)
        self._waiting[key] = seen


def quarantined_write(refused: Iterable[Refused]) -> None:
    """Keep these refusals now; for feeds that are read every few minutes."""
    batch = Quarantine()
    for one in refused:
        batch.note(one)
    batch.flush()


def _key(refused: Refused, now: datetime) -> Key:
    hour = int(now.timestamp()) // 3600 * 3600
    return (
        refused.source[:40],
        refused.kind[:12],
        refused.instrument_id,
        refused.reason[:60],
        hour,
    )


def _write(taken: dict[Key, Sighting]) -> None:
    names = ("source", "kind", "instrument_id", "reason", "hour")
    with transaction.atomic():
        Quarantined.objects.bulk_create(
            (
                Quarantined(**dict(zip(names, key, strict=True)), count=0, first_at=seen.first_at)
                for key, seen in sorted(taken.items(), key=lambda pair: pair[0])
            ),
            ignore_conflicts=True,
        )
        for key, seen in sorted(taken.items(), key=lambda pair: pair[0]):
            Quarantined.objects.filter(**dict(zip(names, key, strict=True))).update(
                count=F("count") + seen.count,
                sample=sample_text(seen.sample),
                last_at=seen.last_at,
            )


quarantine = Quarantine()
