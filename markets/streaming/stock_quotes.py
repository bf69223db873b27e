"""The prices of stocks: polled from one source after another where no stream brings them."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markets.asking import NoSource, SourcePool
from markets.models import Instrument
from markets.providers.base import MarketStream, StreamState, TickerRow
from markets.quality import Refusals, quote_fault
from markets.quotes import store
from markets.services.quarantine import quarantine
from markets.sessions import Calendar
from markets.streaming.board import Board
from markets.streaming.stock_feed import quote_polled, tell, tell_last
from markets.streaming.stock_lists import StockLists
from markets.streaming.stock_rest import HoursRest, wall_s
from mystic.lib.backoff import Backoff
from mystic.lib.http import Malformed, SourceError

log = logging.getLogger(__name__)

# How often prices are polled while the market is open and no stream brings them.
POLL_S: Mapping[str, float] = {"yahoo": 15.0, "massive": 15.0}
POLL_OTHER_S = 5.0
CLOSED_LOOK_S = 20.0
# A stock that the stream is silent about for so long is polled.
SILENT_MS = 60_000
# The last prices of a session are polled once it is over for so long.
AFTER_CLOSE_S = 60


class StockQuotes:
    """Polls while the market is open, and once after it closed.

    Parameters
    ----------
    codes : mapping
        The venue codes of the sources that are on, by provider, the first choice first.
    rest : callable
        Gives a provider's request side, which learns how far its data are.
    poll_s : float, optional
        How often to poll; by default as the source that serves allows.
    """

    def __init__(
        self,
        *,
        pool: SourcePool,
        codes: Mapping[str, str],
        lists: StockLists,
        board: Board,
        calendar: Callable[[], Calendar],
        rest: Callable[[str], HoursRest],
        on_progress: Callable[[str], None],
        poll_s: float | None = None,
    ) -> None:
        self._pool = pool
        self._codes = codes
        self._lists = lists
        self._board = board
        self._calendar = calendar
        self._rest = rest
        self._on_progress = on_progress
        self._poll_s = poll_s
        self._primary = ""
        self._instruments: Mapping[str, Instrument] = {}
        self._stream: MarketStream | None = None
        self._polled_session: int | None = None
        self.served_by = ""
        self.refusals = Refusals("stocks", quarantine.note)
        self.counts = dict.fromkeys(("polls", "quotes", "one_sided"), 0)

    def begin(
        self, primary: str, instruments: Mapping[str, Instrument], stream: MarketStream | None
    ) -> None:
        """Take what is watched: the primary source's instruments by symbol, and its stream."""
        self._primary, self._instruments, self._stream = primary, instruments, stream
        self._polled_session = None

    def follow(self, instruments: Mapping[str, Instrument]) -> None:
        """Poll these stocks from now on, each once at least, though the market be closed."""
        is_more = instruments.keys() - self._instruments.keys()
        self._instruments = instruments
        self._polled_session = None if is_more else self._polled_session

    @property
    def replaced_by(self) -> str:
        """The provider that serves instead of the primary one; empty while none does."""
        return self.served_by if self.served_by != self._primary else ""

    def counters(self) -> dict[str, int]:
        return {**self.counts, **self.refusals.as_dict()}

    async def run(self) -> None:
        """Poll what no stream brings: while the market is open, and once after it closed."""
        backoff = Backoff(base_s=2.0, cap_s=60.0)
        while True:
            wanted = self._unheard()
            if not wanted:
                await asyncio.sleep(self._pause_s())
                continue
            try:
                await self._poll(wanted)
            except NoSource as fault:
                self._on_progress(f"stocks: no source answers ({fault})")
                await asyncio.sleep(backoff.next_delay_s())
                continue
            backoff.succeeded()
            await asyncio.sleep(self._pause_s())

    def _pause_s(self) -> float:
        if self._poll_s is not None:
            return self._poll_s
        if not self._calendar().is_open(wall_s()):
            return CLOSED_LOOK_S
        provider = self.served_by or self._primary
        return POLL_S.get(provider, POLL_OTHER_S)

    def _unheard(self) -> list[str]:
        """Return the symbols whose prices are to be polled now."""
        now = wall_s()
        last = self._calendar().last_begun(now)
        if not self._calendar().is_open(now) and last is not None:
            is_over = now >= last.closes_at + AFTER_CLOSE_S
            return self._symbols() if is_over and self._polled_session != last.opens_at else []
        if self._stream is None or self._stream.state is not StreamState.LIVE:
            return self._symbols()
        return [symbol for symbol, row in self._instruments.items() if self._is_silent(row)]

    def _symbols(self) -> list[str]:
        return list(self._instruments)

    def _is_silent(self, row: Instrument) -> bool:
        quote = store.latest(row.pk)
        return quote is None or store.age_ms(quote) > SILENT_MS

    async def _poll(self, symbols: Sequence[str]) -> None:
        began = wall_s()
        self.counts["polls"] += 1
        told = await self._pool.ask("tickers", lambda rest: self._asked(rest, symbols))
        provider = next(name for name, code in self._codes.items() if code == told.source)
        self._handed_over(provider, is_fallback=provider != self._primary)
        for symbol, row in told.value.items():
            self._take(symbol, row, told.source, is_official=told.is_official)
        last = self._calendar().last_begun(began)
        if not self._calendar().is_open(began) and last is not None:
            self._polled_session = last.opens_at

    async def _asked(self, inner: Any, symbols: Sequence[str]) -> dict[str, TickerRow]:
        """Return one source's prices by symbol; the board hears how that went."""
        provider = next(n for n in self._codes if self._pool.rest(n) is inner)
        name = f"{self._codes[provider]}:rest"
        try:
            natives = await self._lists.natives(provider, symbols, like=self._instruments)
            rows: list[TickerRow] = await inner.tickers(list(natives))
            if not rows:
                message = f"{self._codes[provider]} has no prices of these stocks"
                raise Malformed(message)
        except SourceError as fault:
            self._board.failed(name, fault)
            raise
        self._board.heard(name)
        times = [row.as_of_ms for row in rows if row.as_of_ms is not None]
        self._rest(provider).heard(max(times, default=0) // 1000)
        return {natives[row.native_id]: row for row in rows if row.native_id in natives}

    def _take(self, symbol: str, row: TickerRow, source: str, *, is_official: bool) -> None:
        instrument = self._instruments.get(symbol)
        if instrument is None:
            return  # it was taken off the last list meanwhile
        quote = quote_polled(instrument.pk, row, source=source, is_official=is_official)
        if quote is None:
            self.counts["one_sided"] += 1
            tell_last(instrument.pk, row, source=source, is_official=is_official)
            return
        fault = quote_fault(quote.bid, quote.bid_size, quote.ask, quote.ask_size)
        if fault is not None:
            self.refusals.add(fault, kind="quote", instrument_id=instrument.pk, sample=row)
        elif tell(quote):
            self.counts["quotes"] += 1

    def _handed_over(self, provider: str, *, is_fallback: bool) -> None:
        before, self.served_by = self.served_by, provider
        if provider == before:
            return
        code = self._codes[provider]
        if is_fallback:
            first = self._codes[self._primary]
            log.warning("%s gives the quotes of stocks while %s does not", code, first)
            self._on_progress(f"stocks: {code} gives the quotes while {first} does not answer")
