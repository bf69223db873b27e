"""From the gates to the store: what was sealed is written in order, many series at a time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from markets.bars import Filling
from markets.services import candles_store, gap_open, gap_resolve, gap_withdraw
from markets.streaming.writer import Writer
from markets.types import Bar

# Bars of many instruments close within a moment; one transaction takes them all.
GATHER_S = 0.02

type Range = tuple[int, int]


@dataclass(slots=True)
class Note:
    """One thing to write for a series: bars, late bars, or a range that was opened or answered.

    Open gaps that end after `withdrawn` were told by bars that cannot be; they are forgotten.
    """

    instrument_id: int
    timeframe: int
    sealed: Sequence[Bar] = ()
    late: Sequence[Bar] = ()
    opened: Range | None = None
    withdrawn: int | None = None
    answered: Range | None = None
    absent: Sequence[Range] = field(default_factory=tuple)

    @classmethod
    def of_filling(
        cls, instrument_id: int, timeframe: int, filling: Filling, answered: Range
    ) -> "Note":
        return cls(
            instrument_id,
            timeframe,
            sealed=filling.sealed,
            late=filling.older,
            answered=answered,
            absent=filling.absent,
        )


def notes_write(notes: Sequence[Note], *, is_announced: bool = True) -> None:
    """Write all notes in one transaction; a kill leaves all of them or none.

    What is late was sealed before, perhaps by a note of these: it comes after what is sealed, or
    the first word of a bar would be taken for known and never told, and its correction for the
    first word.
    """
    with transaction.atomic():
        for note in notes:
            series = {"instrument_id": note.instrument_id, "timeframe": note.timeframe}
            if note.withdrawn is not None:
                gap_withdraw(**series, after=note.withdrawn)
            if note.opened is not None:
                gap_open(**series, start=note.opened[0], end=note.opened[1])
            if note.answered is not None:
                gap_resolve(
                    **series, start=note.answered[0], end=note.answered[1], absent=note.absent
                )
        candles_store([bar for note in notes for bar in note.sealed], is_announced=is_announced)
        candles_store([bar for note in notes for bar in note.late], is_announced=False)


class Sealing:
    """The queue between the gates and the writer's thread."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._notes: list[Note] = []
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._count_put = 0
        self._count_settled = 0

    def put(self, note: Note) -> None:
        self._notes.append(note)
        self._count_put += 1
        self._wake.set()

    async def run(self) -> None:
        """Write what comes, for ever; a database that is away is waited for, nothing is dropped."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            batch, self._notes = self._notes, []
            try:
                if batch:
                    await self._writer.insist(lambda batch=batch: notes_write(batch))  # type: ignore[misc]
            finally:
                # What could not be written is asked again by its series: nobody waits for it.
                self._count_settled += len(batch)
                settled, self._settled = self._settled, asyncio.Event()
                settled.set()

    async def drained(self) -> None:
        """Wait until everything that was put before this call is written, or given up."""
        count = self._count_put
        while self._count_settled < count:
            await self._settled.wait()
