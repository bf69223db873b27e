"""Fetch the history once, without any stream: of the watch list, or years of named pairs."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from markets.asking import SourcePool
from markets.models import Instrument
from markets.providers.table import PROVIDERS, Gives
from markets.registry import first_source
from markets.selectors import instruments_of
from markets.services.catalogue import catalogue_add
from markets.streaming.deep import DeepBackfill, PairProgress, tell
from markets.streaming.lease import Lease
from markets.streaming.remembering import recall, remember
from markets.streaming.session import Plan, Session
from markets.streaming.writer import Writer

# What a source's module may call the most bars that one answer brings; else so few are asked.
PAGE_NAMES = ("KLINES_PAGE", "CANDLES_PAGE", "BARS_PAGE")
LEAST_PAGE = 300
# A page is one transaction: a larger one would make orders wait.
LARGEST_PAGE = 1_000


class SourceOff(ValueError):  # noqa: N818  the policy is the name
    """The source cannot be asked; the sentence says why."""


async def backfill_deep(
    *,
    provider: str,
    symbols: Sequence[str],
    timeframe: int,
    since: int,
    until: int,
    on_progress: Callable[[list[str]], None],
    every_s: float,
    env: Mapping[str, Any],
) -> list[PairProgress]:
    """Fetch what is missing of [since, until) from one source, and return how each pair ended.

    The streamer may run beside it: nothing of its lease, its sockets or its share of the budget
    is touched, and what both fetch is the same.

    Raises
    ------
    SourceOff
        If the source is off, gives no bars, or knows none of the symbols.
    """
    pool, writer = SourcePool([provider], env=env), Writer()
    try:
        if Gives.BARS not in PROVIDERS[provider].gives:
            raise SourceOff(f"{provider} gives no bars")
        if pool.off():
            raise SourceOff(f"{provider} is off: {pool.off()[provider]}")
        rest, code = pool.rest(provider), pool.codes()[provider]
        instruments = await _instruments(rest, code, symbols, writer)
        module = import_module(type(rest).__module__)
        pages = [getattr(module, name) for name in PAGE_NAMES if hasattr(module, name)]
        page = min(LARGEST_PAGE, *pages) if pages else LEAST_PAGE
        work = DeepBackfill(rest=rest, source=code, timeframe=timeframe, page=page, writer=writer)
        teller = asyncio.create_task(tell(work, on_progress, every_s), name="progress")
        try:
            await work.run(instruments, since, until)
        finally:
            teller.cancel()
            with suppress(asyncio.CancelledError):
                await teller
        return work.progress
    finally:
        await pool.aclose()
        await writer.close()


async def _instruments(
    rest: Any, code: str, symbols: Sequence[str], writer: Writer
) -> list[Instrument]:
    """Return the instruments of these symbols; the source is asked for those not known yet."""
    found = await writer.insist(lambda: instruments_of(code, symbols))
    unknown = [one for one in symbols if one not in {row.symbol for row in found}]
    if unknown:
        specs = await rest.exchange_info([rest.native_id(symbol) for symbol in unknown])
        added = await writer.insist(lambda: catalogue_add(specs, venue_code=code))
        found += [row for row in added if row.symbol in unknown]
    missing = sorted(set(symbols) - {row.symbol for row in found})
    if missing:
        raise SourceOff(f"{code} does not know {', '.join(missing)}")
    return found


async def backfill(plan: Plan, *, on_progress: Callable[[str], None], within_s: float) -> None:
    """Fill the store from REST until every series of the plan is complete.

    A streamer that is active back-fills by itself, so this waits for its lease like another one.

    Raises
    ------
    TimeoutError
        If that took longer than `within_s`; what was stored stays, another run goes on from there.
    """
    writer = Writer()
    lease = Lease(writer, on_waiting=on_progress)
    try:
        async with asyncio.timeout(within_s):
            await lease.acquire()
            await recall(writer)
            session = Session(plan, first=first_source(), writer=writer, on_progress=on_progress)
            work = asyncio.create_task(session.run(is_streaming=False), name="session")
            books = asyncio.create_task(remember(writer), name="budgets and breakers")
            hold = asyncio.create_task(lease.hold(), name="lease")
            done = asyncio.create_task(session.history.completed(), name="history")
            try:
                await asyncio.wait({work, hold, done}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (done, work, hold, books):
                    task.cancel()
                await asyncio.gather(done, work, hold, books, return_exceptions=True)
    finally:
        await lease.release()
        await writer.close()
