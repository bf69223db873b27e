"""Which stocks the desk follows: a change of anybody's list takes effect in seconds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from markets.models import Instrument
from markets.quotes import store
from markets.selectors import instruments_of
from markets.selectors_streamed import stocks_followed
from markets.services.watchlists import watch_hand_over
from markets.streaming.writer import Writer

log = logging.getLogger(__name__)

FOLLOW_EVERY_S = 10.0


class NothingFollowedError(Exception):
    """Raised when the last stock left the last list: the desk waits for the next one."""


class StockFollowing:
    """The stocks of the primary source that are followed now, by symbol.

    Parameters
    ----------
    always : sequence of str
        The symbols of the settings, which come first.
    on_change : callable
        Hears of all instruments, of those that are new and of those that are gone.
    """

    def __init__(
        self,
        always: Sequence[str],
        *,
        writer: Writer,
        on_change: Callable[
            [Sequence[Instrument], Sequence[Instrument], Sequence[Instrument]], Awaitable[None]
        ],
    ) -> None:
        self.instruments: dict[str, Instrument] = {}
        self._always = tuple(always)
        self._writer = writer
        self._on_change = on_change
        self._code = ""
        self._told: tuple[str, ...] = ()

    def begin(self, code: str, instruments: Sequence[Instrument]) -> None:
        """Take what the primary source, with this venue code, told of its stocks."""
        self._code = code
        self._told = tuple(row.symbol for row in instruments if row.symbol in self._always)
        self.instruments = {row.symbol: row for row in instruments}

    async def run(self) -> None:
        """Look for ever at what is listed."""
        while True:
            await self.look()
            await asyncio.sleep(FOLLOW_EVERY_S)

    async def look(self) -> None:
        """Begin and end what the lists changed since the last look.

        Raises
        ------
        NothingFollowedError
            When no stock is left.
        """
        rows = await self._writer.insist(self._wanted)
        if not rows:
            message = "no stock is on any list"
            raise NothingFollowedError(message)
        before, after = self.instruments, {row.symbol: row for row in rows}
        if after.keys() == before.keys():
            return
        added = [row for symbol, row in after.items() if symbol not in before]
        gone = [row for symbol, row in before.items() if symbol not in after]
        log.info("stocks followed from now on: +%s -%s", _named(added), _named(gone))
        self.instruments = after
        store.put_symbols({row.pk: row.symbol for row in added})
        await self._on_change(rows, added, gone)
        for row in gone:
            store.drop(row.pk)

    def _wanted(self) -> list[Instrument]:
        watch_hand_over(venue_code=self._code)
        return instruments_of(self._code, stocks_followed(self._told, venue_code=self._code))


def _named(rows: Sequence[Instrument]) -> str:
    return ",".join(row.symbol for row in rows) or "nothing"
