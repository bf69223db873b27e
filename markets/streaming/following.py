"""What is streamed follows what is watched: a change of anybody's list takes effect in seconds."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from markets.models import Instrument
from markets.providers.base import MarketStream
from markets.quotes import store
from markets.selectors import instruments_of
from markets.selectors_streamed import symbols_streamed
from markets.streaming.books import Books
from markets.streaming.feed import Feed
from markets.streaming.series import SeriesKeeper
from markets.streaming.writer import Writer

log = logging.getLogger(__name__)

FOLLOW_EVERY_S = 10.0


class Following:
    """The instruments of the first source that are streamed now, by symbol.

    Parameters
    ----------
    names : callable
        Return the stream's names of what gives quotes and bars of these native ids.
    """

    def __init__(
        self,
        code: str,
        *,
        writer: Writer,
        keeper: SeriesKeeper,
        feed: Feed,
        books: Books,
        names: Callable[[Sequence[str], int], Sequence[str]],
    ) -> None:
        self.instruments: dict[str, Instrument] = {}
        self._code = code
        self._always: tuple[str, ...] = ()
        self._writer = writer
        self._keeper = keeper
        self._feed = feed
        self._books = books
        self._names = names

    def begin(self, instruments: Sequence[Instrument]) -> None:
        """Take what is always streamed, whoever watches it."""
        self._always = tuple(row.symbol for row in instruments)
        self._take(instruments)
        self._keeper.add(instruments)

    async def run(self, stream: MarketStream) -> None:
        """Look for ever at what is watched."""
        while True:
            await self.look(stream)
            await asyncio.sleep(FOLLOW_EVERY_S)

    async def look(self, stream: MarketStream) -> None:
        """Begin and end what the watch lists changed since the last look."""
        rows = await self._writer.insist(self._wanted)
        before = self.instruments
        after = {row.symbol: row for row in rows}
        if after.keys() == before.keys():
            return
        gone = [row for symbol, row in before.items() if symbol not in after]
        added = [row for symbol, row in after.items() if symbol not in before]
        log.info("watched from now on: +%s -%s", _named(added), _named(gone))
        self._take(rows)
        self._keeper.add(added)
        native_ids = [row.native_id for row in rows]
        await stream.set_streams(self._names(native_ids, self._keeper.timeframe))
        for row in gone:
            self._keeper.remove(row.pk)
            self._books.remove(row.pk)
            store.drop(row.pk)

    def _wanted(self) -> list[Instrument]:
        return instruments_of(self._code, symbols_streamed(self._code, self._always))

    def _take(self, instruments: Sequence[Instrument]) -> None:
        self.instruments = {row.symbol: row for row in instruments}
        self._feed.instruments = {row.native_id: row for row in instruments}


def _named(rows: Sequence[Instrument]) -> str:
    return ",".join(row.symbol for row in rows) or "nothing"
