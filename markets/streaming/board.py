"""The state of every source, kept in memory and written about once a second while it changes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.utils import timezone

from markets.models import SourceState
from markets.providers.base import MarketStream
from markets.services import SourceReport, source_state_write
from markets.streaming.writer import Writer
from mystic.lib.clock import from_ms, monotonic_ms, now_ms
from mystic.lib.http import Blocked, RateLimited, SourceError

State = SourceState.State
WRITE_EVERY_S = 1.0


@dataclass(slots=True)
class Entry:
    """What is known of one source now; `counters` are read when the row is written."""

    report: SourceReport
    counters: list[Callable[[], dict[str, int]]] = field(default_factory=list)
    probe: Callable[[SourceReport], SourceReport] | None = None


class Board:
    """Collects how each source does; its owner calls `write` in a loop."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._entries: dict[str, Entry] = {}
        self._written: dict[str, SourceReport] = {}

    def add(
        self,
        source: str,
        *,
        is_official: bool,
        counters: Callable[[], dict[str, int]] | None = None,
        probe: Callable[[SourceReport], SourceReport] | None = None,
    ) -> None:
        """Begin to report a source; `probe` may fill in figures when the row is written."""
        report = SourceReport(source, State.CONNECTING, is_official=is_official)
        self._entries[source] = Entry(report, [counters] if counters else [], probe)

    def state(self, source: str) -> str:
        return self._entries[source].report.state

    def report(self, source: str) -> SourceReport:
        return self._entries[source].report

    def tell(self, source: str, state: str, detail: str) -> None:
        """Note a source's state with the sentence that explains it."""
        entry = self._entries[source]
        entry.report = replace(entry.report, state=str(state), detail=detail)

    def heard(self, source: str, detail: str = "") -> None:
        """Note that the source answered."""
        entry = self._entries[source]
        entry.report = replace(
            entry.report,
            state=State.LIVE,
            detail=detail,
            last_message_at=timezone.now(),
            blocked_until=None,
        )

    def failed(self, source: str, fault: SourceError) -> None:
        """Note why a source did not answer, and until when it wants silence."""
        entry = self._entries[source]
        state, until = State.DOWN, entry.report.blocked_until
        if isinstance(fault, RateLimited):
            state = State.BLOCKED
            until = _later(fault.retry_after_s) or until
        elif isinstance(fault, Blocked):
            state = State.BLOCKED
        entry.report = replace(
            entry.report,
            state=state,
            detail=str(fault),
            last_error=str(fault),
            last_error_at=timezone.now(),
            blocked_until=until,
        )

    def tell_all_off(self) -> None:
        for source in self._entries:
            self.tell(source, State.OFF, "the streamer was stopped")

    def with_arrival(self, report: SourceReport, stream: MarketStream | None) -> SourceReport:
        """Return the report with the wall time of the stream's newest valid frame."""
        if stream is None or stream.last_message_mono_ms is None:
            return report
        age_ms = monotonic_ms() - stream.last_message_mono_ms
        # Whole seconds: a row is not written again for a few milliseconds.
        at = from_ms((now_ms() - age_ms) // 1000 * 1000)
        return replace(report, last_message_at=at)

    async def write(self) -> None:
        """Write the rows of sources that changed since the last call."""
        changed = []
        for source, entry in self._entries.items():
            report = self._filled(entry)
            if report != self._written.get(source):
                changed.append(report)
                self._written[source] = report
        if changed:
            await self._writer.insist(lambda: source_state_write(changed))

    async def run(self) -> None:
        while True:
            await self.write()
            await asyncio.sleep(WRITE_EVERY_S)

    def _filled(self, entry: Entry) -> SourceReport:
        counters: dict[str, int] = {}
        for read in entry.counters:
            counters |= read()
        report = replace(entry.report, counters=counters)
        return report if entry.probe is None else entry.probe(report)


def _later(seconds: float | None) -> datetime | None:
    if seconds is None:
        return None
    return from_ms(now_ms() + int(seconds * 1000))
