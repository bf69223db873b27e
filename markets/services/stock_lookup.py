"""Look a stock up at the sources of stocks: a person asks, and the catalogue learns."""

import asyncio
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.core.cache import cache

from markets.asking import NoSource, SourcePool, Told
from markets.models import Instrument, Venue
from markets.providers.base import InstrumentSpec
from markets.providers.names import checked_search
from markets.providers.us_stocks import TICKER
from markets.selectors_search import stock_venue
from markets.services.catalogue import aliases_write
from markets.services.resilience import after_work, before_work
from markets.services.stocks import stock_symbol, stocks_add
from mystic.lib.clock import now_ms
from mystic.lib.http import Refused

WITHIN_S = 10.0
MOST_FOUND = 10
PER_MINUTE = 6
WAIT_TURN_S = 3.0
CURRENCY = "USD"
# A source may need a child process of its own, so one look-up runs at a time in a process.
_turn = threading.Lock()


class TooManyLookups(Exception):  # noqa: N818  said to the person as it is
    """Raised when a person asks too often, or while others are asking."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The stocks that a source knows, now in the catalogue; `source` is its venue code."""

    stocks: list[Instrument]
    source: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a source told, by our symbol; `specs` in the words of the venue that is followed."""

    venue_code: str
    specs: dict[str, InstrumentSpec]
    native_ids: dict[str, str]
    source: str


def stocks_look_up(text: str, *, user_id: int) -> LookedUp:
    """Ask the sources of stocks, in their order, for a ticker or a name; keep what is found.

    The stocks become instruments of the source that is followed, and are not watched.

    Raises
    ------
    Refused
        If `text` is neither a ticker nor a name; nobody is asked.
    TooManyLookups
        If this person asked too often, or others are asking just now.
    NoSource
        If no source answered in time; the sentence says for each why.
    """
    words = checked_search(text)
    _count(user_id)
    listed = set(Venue.objects.exclude(listed_at=None).values_list("code", flat=True))
    home = stock_venue()
    if not _turn.acquire(timeout=WAIT_TURN_S):
        message = "another look-up is under way; ask again in some seconds"
        raise TooManyLookups(message)
    try:
        before_work()
        # A loop of its own: the process's main loop serves pages and must not wait for parsing.
        answer = asyncio.run(_ask(words, listed=listed, home=home))
        after_work()
    finally:
        _turn.release()
    rows = stocks_add(answer.specs, venue_code=answer.venue_code)
    if answer.venue_code != answer.source:
        names = {row.pk: answer.native_ids[row.symbol] for row in rows}
        aliases_write(source=answer.source, native_ids=names)
    return LookedUp(rows, answer.source)


def _count(user_id: int) -> None:
    """Count a person's look-ups in this minute of the clock."""
    key = f"stock-lookup:{user_id}:{now_ms() // 60_000}"
    cache.add(key, 0, timeout=120)
    if cache.incr(key) > PER_MINUTE:
        raise TooManyLookups(f"you asked {PER_MINUTE} times in this minute; ask again in the next")


async def _ask(words: str, *, listed: Collection[str], home: str) -> _Answer:
    pool = SourcePool(settings.ENV["MYSTIC_STOCK_SOURCES"])
    try:
        async with asyncio.timeout(WITHIN_S):
            told = await pool.ask("search", lambda rest: _asked(rest, words, listed))
        return _answer(pool, told, home)
    except TimeoutError:
        raise NoSource(f"none answered within {WITHIN_S:.0f} s") from None
    finally:
        await pool.aclose()


async def _asked(rest: Any, words: str, listed: Collection[str]) -> list[InstrumentSpec]:
    """Return what one source knows; one whose whole list is stored is asked for a ticker only."""
    ticker = words.upper().replace("-", ".")
    is_ticker = TICKER.fullmatch(ticker) is not None
    if rest.source not in listed and hasattr(rest, "search"):
        found: list[InstrumentSpec] = await rest.search(words, limit=MOST_FOUND)
        return found
    if is_ticker:
        told: list[InstrumentSpec] = await rest.exchange_info([rest.native_id(ticker)])
        return told
    if rest.source in listed:
        return []
    message = "it can be asked for a ticker only, such as AAPL"
    raise Refused(message)


def _answer(pool: SourcePool, told: Told[list[InstrumentSpec]], home: str) -> _Answer:
    """Return an answer in the words of the venue `home`, or of the source itself without one."""
    specs = {
        stock_symbol(spec): spec
        for spec in told.value
        if spec.quote == CURRENCY and TICKER.fullmatch(spec.base)
    }
    native_ids = {symbol: spec.native_id for symbol, spec in specs.items()}
    providers = {code: provider for provider, code in pool.codes().items()}
    if home in providers and home != told.source:
        rest = pool.rest(providers[home])
        specs = {
            symbol: replace(spec, native_id=rest.native_id(symbol))
            for symbol, spec in specs.items()
        }
    return _Answer(home or told.source, specs, native_ids, told.source)
