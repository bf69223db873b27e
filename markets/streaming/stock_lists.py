"""Which stocks each source lists: the primary source's are watched, the others' are aliases."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from markets.asking import SourcePool
from markets.models import Instrument
from markets.providers.base import InstrumentSpec
from markets.selectors import instruments_of
from markets.selectors_streamed import stocks_followed
from markets.services import SourceReport, aliases_write
from markets.services.stocks import stocks_sync
from markets.streaming.board import Board
from markets.streaming.writer import Writer
from mystic.lib.backoff import Backoff
from mystic.lib.http import SourceError
from mystic.lib.provenance import REPLAY_PREFIX

LOOK_EVERY_S = 10.0


class StockLists:
    """Asks sources for their stocks and writes them; asked once a stock, and again hourly.

    Parameters
    ----------
    always : sequence of str
        The symbols of the settings: these are watched, which strategies decide on. Those of
        people's lists are only followed.
    """

    def __init__(
        self, always: Sequence[str], *, pool: SourcePool, board: Board, writer: Writer
    ) -> None:
        self._always = tuple(always)
        self._symbols = self._always
        self._pool = pool
        self._board = board
        self._writer = writer
        self._rows: dict[str, dict[str, Instrument]] = {}
        self._asked: dict[str, set[str]] = {}
        self._named: dict[str, set[int]] = {}

    async def primary(self) -> tuple[str, list[Instrument]]:
        """Return the first source that tells its list, with the instruments that are wanted.

        A source that does not answer now but told its list before keeps its place. While no
        stock is wanted nobody is asked.
        """
        backoff = Backoff(base_s=1.0, cap_s=60.0)
        while True:
            self._symbols = await self._writer.insist(self._wanted)
            if not self._symbols:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            for provider, code in self._pool.codes().items():
                try:
                    rows = await self._told(provider, code)
                except SourceError as fault:
                    self._board.failed(f"{code}:rest", fault)
                    rows = await self._stored(code) if fault.retryable else []
                if rows:
                    self._keep(provider, self._symbols, rows)
                    return provider, rows
            await asyncio.sleep(backoff.next_delay_s())

    def follow(self, provider: str, rows: Sequence[Instrument]) -> None:
        """Take what of the primary source is wanted from now on."""
        self._symbols = tuple(row.symbol for row in rows)
        self._keep(provider, self._symbols, rows)

    async def instruments(self, provider: str) -> list[Instrument]:
        """Return the wanted instruments of a source; of one that is not asked yet, by asking.

        Those of a source that is not the primary one are not watched.
        """
        symbols = self._symbols
        asked = self._asked.get(provider, set())
        if unasked := [symbol for symbol in symbols if symbol not in asked]:
            specs = await self._specs(provider, unasked)
            rows = await self._written(provider, specs, is_primary=False)
            self._keep(provider, unasked, rows)
        known = self._rows[provider]
        return [known[symbol] for symbol in symbols if symbol in known]

    async def natives(
        self, provider: str, symbols: Sequence[str], *, like: Mapping[str, Instrument]
    ) -> dict[str, str]:
        """Return the symbols by a source's own names, of those with the same currency as `like`."""
        rows = await self.instruments(provider)
        same = [row for row in rows if row.symbol in like and like[row.symbol].quote == row.quote]
        named = self._named.setdefault(provider, set())
        names = {like[row.symbol].pk: row.native_id for row in same}
        if new := {key: name for key, name in names.items() if key not in named}:
            code = self._pool.codes()[provider]
            await self._writer.insist(lambda: aliases_write(source=code, native_ids=new))
            named.update(new)
        wanted = set(symbols)
        return {row.native_id: row.symbol for row in same if row.symbol in wanted}

    def weighed(self, report: SourceReport, provider: str) -> SourceReport:
        """Return a report with the state of the source's budget."""
        budget = self._pool.rest(provider).budget
        return replace(report, weight_used=budget.used, weight_limit=budget.limit)

    def _keep(self, provider: str, asked: Sequence[str], rows: Sequence[Instrument]) -> None:
        self._asked.setdefault(provider, set()).update(asked)
        self._rows.setdefault(provider, {}).update({row.symbol: row for row in rows})

    def _wanted(self) -> tuple[str, ...]:
        """Return the symbols of the settings and of everybody's list, whatever source's it is."""
        is_replay = any(code.startswith(REPLAY_PREFIX) for code in self._pool.codes().values())
        return tuple(stocks_followed(self._always, is_replay=is_replay))

    async def _told(self, provider: str, code: str) -> list[Instrument]:
        """Return what a source tells of the wanted stocks, written as those of the primary one.

        It is not asked again for stocks of lists that it told before: some sources want a
        request for each. Without any stock in the settings it is, to learn whether it answers.
        """
        listed = [symbol for symbol in self._symbols if symbol not in self._always]
        known = await self._writer.insist(lambda: instruments_of(code, listed))
        gone = Instrument.Status.DELISTED
        known = [row for row in known if self._always and row.status != gone]
        names = {row.symbol for row in known}
        unasked = [symbol for symbol in self._symbols if symbol not in names]
        rows = await self._written(provider, await self._specs(provider, unasked), is_primary=True)
        return [*rows, *known] if rows else []

    async def _specs(self, provider: str, symbols: Sequence[str]) -> dict[str, InstrumentSpec]:
        """Return what a source says of these stocks, by our symbol, in our order."""
        rest = self._pool.rest(provider)
        names = {rest.native_id(symbol): symbol for symbol in symbols}
        told = {spec.native_id: spec for spec in await rest.exchange_info(list(names))}
        missing = [symbol for native, symbol in names.items() if native not in told]
        detail = f"does not know {', '.join(missing)}" if missing else ""
        self._board.heard(f"{self._pool.codes()[provider]}:rest", detail)
        return {symbol: told[native] for native, symbol in names.items() if native in told}

    async def _written(
        self, provider: str, specs: Mapping[str, InstrumentSpec], *, is_primary: bool
    ) -> list[Instrument]:
        code, always = self._pool.codes()[provider], self._always
        watched = {key: spec for key, spec in specs.items() if is_primary and key in always}
        others = {key: spec for key, spec in specs.items() if key not in watched}

        def write() -> list[Instrument]:
            rows = stocks_sync(watched, venue_code=code, is_watched=True)
            return [*rows, *stocks_sync(others, venue_code=code, is_watched=False)]

        return await self._writer.insist(write)

    async def _stored(self, code: str) -> list[Instrument]:
        """Return the stocks of a source that told its list before, when it was the primary one."""
        symbols = self._symbols
        rows = await self._writer.insist(lambda: instruments_of(code, symbols))
        has_told = any(row.is_watched for row in rows) or not self._always
        return rows if has_told else []
