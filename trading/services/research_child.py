"""Begin processes that do research, so many at a time on a machine, and tell how far they are."""

import logging
import os
import threading
from typing import IO

from django.conf import settings
from django.db import connection

from mystic.lib.bus import publish
from mystic.lib.children import child_begin
from mystic.lib.slots import slot_take
from trading.events import ResearchChanged
from trading.models import BacktestRun, Sweep
from trading.models.research import Research
from trading.services.research_runs import runs_lapsed

log = logging.getLogger(__name__)

SLOT = "research"
LOOK_EVERY_S = 1.0
WORKING = (Research.State.WAITING, Research.State.RUNNING)
KINDS: tuple[tuple[str, type[Research]], ...] = (("backtest", BacktestRun), ("sweep", Sweep))


def processes_allowed() -> int:
    """Return how many processes of research this machine may have."""
    asked: int = settings.ENV["MYSTIC_RESEARCH_PROCESSES"]
    return asked or max(1, (os.cpu_count() or 1) - 1)


def slot_claim() -> IO[str] | None:
    """Return a free slot of this machine, None where enough processes run."""
    return slot_take(settings.DATA_DIR, SLOT, processes_allowed())


def research_begin() -> int:
    """Begin as many processes as there is work for and slots are free; return how many."""
    begun = 0
    for _ in range(_wanted()):
        slot = slot_claim()
        if slot is None:
            break
        with slot:
            try:
                # The child holds the slot from here on: the lock belongs to the open file.
                child_begin(
                    ("research_worker", "--child"),
                    name="research-watch",
                    ended=_ended,
                    kept_files=(slot.fileno(),),
                )
            except OSError as fault:
                log.warning("no process could be begun for research: %s", fault)
                break
        begun += 1
    if begun:
        progress.follow()
    return begun


def research_sweep() -> None:
    """Let what lost its process wait again, and begin what waits."""
    runs_lapsed()
    research_begin()


def _wanted() -> int:
    """Return how many processes would find work: one a run; as many as allowed for a sweep."""
    waiting = BacktestRun.objects.filter(state=Research.State.WAITING).count()
    if Sweep.objects.filter(state__in=WORKING).exists():
        waiting += processes_allowed()
    return min(waiting, processes_allowed())


def _ended(code: int | None) -> None:
    """Look once more after a process ended: work may have come in its last moment."""
    if code:
        log.warning("a process of research ended with code %s", code)
        runs_lapsed()
        return
    if BacktestRun.objects.filter(state=Research.State.WAITING).exists():
        research_begin()


class Progress:
    """Tells the pages how far research is, for as long as any is at work.

    The processes that do it write rows only; this one, which began them, looks and publishes.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._is_following = False
        self._told: dict[tuple[str, int], tuple[str, float, str]] = {}

    def follow(self) -> None:
        with self._turn:
            if self._is_following:
                return
            self._is_following = True
        threading.Thread(target=self._follow, name="research-progress", daemon=True).start()

    def _follow(self) -> None:
        pause = threading.Event()
        try:
            while self.look():
                pause.wait(LOOK_EVERY_S)
        except Exception:
            log.exception("the progress of research is not told any more")
        finally:
            with self._turn:
                self._is_following = False
            connection.close()

    def look(self) -> bool:
        """Publish what changed; tell whether anything is still at work."""
        found = {
            (kind, row.pk): row
            for kind, model in KINDS
            for row in model.objects.filter(state__in=WORKING)  # type: ignore[attr-defined]
        }
        for kind, model in KINDS:
            gone = [pk for name, pk in self._told if name == kind and (kind, pk) not in found]
            rows = model.objects.filter(pk__in=gone)  # type: ignore[attr-defined]
            found |= {(kind, row.pk): row for row in rows}
        for (kind, pk), row in found.items():
            now = (row.state, row.progress, row.stage)
            if self._told.get((kind, pk)) == now:
                continue
            self._told[kind, pk] = now
            publish(ResearchChanged(kind, pk, row.owner_id, *now))
            if row.is_ended:
                del self._told[kind, pk]
        return any(not row.is_ended for row in found.values())


progress = Progress()
