"""The strategies folder, followed while the platform runs: a changed file counts without a restart.

Every process that evaluates or shows strategies reads the folder for itself; what a file gave, or
why it gave nothing, stands in its `StrategyFile` row.
"""

import logging
import threading
import time
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from signals.models import StrategyFile
from signals.services.strategies import strategies_sync
from signals.strategies.base import Strategy
from signals.strategies.folder import FileRead, Signature, read_file, signature
from signals.strategies.registry import BUILT_IN, offer

log = logging.getLogger(__name__)

# A folder is looked at so often at most.
LOOK_EVERY_S = 0.2


class Folder:
    """What this process knows of the strategies folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Know nothing: the next look reads every file."""
        self._seen: Signature | None = None
        self._written: Signature | None = None
        self._looked_at_s = float("-inf")
        self._good: dict[str, tuple[type[Strategy], ...]] = {}
        self._read: dict[str, tuple[tuple[str, int, int], FileRead]] = {}
        offer(())

    def refresh(self, path: Path, *, now_s: float) -> None:
        """Read what changed since the last look."""
        with self._lock:
            if now_s - self._looked_at_s < LOOK_EVERY_S:
                return
            self._looked_at_s = now_s
            found = signature(path)
            if found == self._seen:
                return
            names = {place[0] for place in found}
            self._good = {name: kept for name, kept in self._good.items() if name in names}
            self._read = {name: kept for name, kept in self._read.items() if name in names}
            for place in found:
                self._one(path, place)
            offer(cls for name in sorted(self._good) for cls in self._good[name])
            self._seen = found

    def unwritten(self) -> tuple[Signature, list[FileRead]] | None:
        """Return what was read and has no rows yet: this process may have read it for a page."""
        with self._lock:
            if self._seen is None or self._seen == self._written:
                return None
            return self._seen, [self._read[name][1] for name, *_ in self._seen]

    def written(self, found: Signature) -> None:
        """Note that what was read then has its rows."""
        self._written = found

    def _one(self, path: Path, place: tuple[str, int, int]) -> None:
        """Read one file unless it is as it was; a broken one leaves its last good classes."""
        name = place[0]
        kept = self._read.get(name)
        if kept is not None and kept[0] == place and not kept[1].error:
            return
        others = [cls for other, held in self._good.items() if other != name for cls in held]
        found = read_file(path / name, {cls.__name__ for cls in (*BUILT_IN, *others)})
        self._read[name] = (place, found)
        if not found.error:
            self._good[name] = found.classes


folder = Folder()


def folder_read() -> None:
    """Know the classes that are in the folder now, to show them; rows are left to who evaluates."""
    if settings.MYSTIC_STRATEGIES_DIR:
        folder.refresh(Path(settings.MYSTIC_STRATEGIES_DIR), now_s=time.monotonic())


def folder_refresh() -> bool:
    """Follow the strategies folder; tell whether it changed.

    Where it did, every class has its shared row in its present version, and the replaced versions
    are switched off: their deployments ask to be changed over, and begin on paper.
    """
    path = settings.MYSTIC_STRATEGIES_DIR
    if not path:
        return False
    folder.refresh(Path(path), now_s=time.monotonic())
    waiting = folder.unwritten()
    if waiting is None:
        return False
    found, reads = waiting
    with transaction.atomic():
        _files_write(reads)
        strategies_sync()
    folder.written(found)
    return True


def _files_write(reads: list[FileRead]) -> None:
    known = {row.name: row for row in StrategyFile.objects.all()}
    for one in reads:
        row = known.pop(one.name, None)
        if row is not None and (row.digest, row.error) == (one.digest, one.error):
            continue
        row = row or StrategyFile(name=one.name)
        row.digest, row.error, row.read_at = one.digest, one.error, timezone.now()
        if not one.error:
            row.class_names = [cls.__name__ for cls in one.classes]
        row.save()
        if one.error:
            log.warning("a strategy file was not taken: %s: %s", one.name, one.error)
    StrategyFile.objects.filter(pk__in=[row.pk for row in known.values()]).delete()
