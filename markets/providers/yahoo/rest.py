"""Yahoo Finance's unofficial API through a child process: bars, quotes and option chains."""

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

from markets.providers.base import (
    CandleRow,
    InstrumentSpec,
    Priority,
    TickerRow,
    is_official,
    source_name,
)
from markets.providers.names import checked_name, checked_search
from markets.providers.rows import OptionRow
from markets.providers.us_stocks import DAY_S, TICKER
from markets.providers.yahoo import decode
from markets.providers.yahoo.child import Child, Reply
from mystic.lib.clock import now_ms
from mystic.lib.http import (
    Blocked,
    Insecure,
    Malformed,
    RateLimited,
    Refused,
    SourceError,
    Unreachable,
)
from mystic.lib.ratelimit import WeightBudget

INTERVALS = {60: "1m", 120: "2m", 300: "5m", 900: "15m", DAY_S: "1d"}
# How far back bars reach, and how long a span one answer may cover, in days.
REACH_DAYS = {60: 8, 120: 60, 300: 60, 900: 60}
SPAN_DAYS = {60: 7, 120: 59, 300: 59, 900: 59, DAY_S: 20 * 365}
BARS_PAGE = 2_500
QUOTES_PAGE = 50
# No limit is on record; this is slow enough to be left alone, and a 429 silences for long.
EVERY_S = 2
SILENCES_S = (900.0, 1_800.0, 3_600.0)
MARGIN_S = 300
SYMBOL = re.compile(r"\^?[A-Z0-9][A-Z0-9.=-]{0,19}")


def budget_default() -> WeightBudget:
    """Return a budget of one request in two seconds."""
    return WeightBudget(1, window_s=EVERY_S)


def _checked(native_id: str) -> str:
    return checked_name(native_id, SYMBOL, what="symbol of Yahoo", like="AAPL or ^GSPC")


class YahooRest:
    """The request side of Yahoo Finance at any base address; one per event loop."""

    provider = "yahoo"

    def __init__(
        self,
        base_url: str,
        budget: WeightBudget | None = None,
        child: Child | None = None,
        *,
        cache_folder: str = "",
    ) -> None:
        self.source = source_name(self.provider, base_url)
        self.is_official = is_official(self.provider, base_url)
        self.budget = budget or budget_default()
        self._limited = 0
        address = "" if self.is_official else base_url
        self.child = child or Child(address, cache_folder=cache_folder if not address else "")

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self:
        """Return the client that the settings ask for; cookies are kept in the data folder."""
        folder = Path(env["MYSTIC_DATA_DIR"]).resolve() / "yahoo"
        return cls(env["YAHOO_BASE_URL"], cache_folder=str(folder))

    async def aclose(self) -> None:
        await self.child.aclose()

    def native_id(self, symbol: str) -> str:
        """Return Yahoo's name of a symbol: AAPL for AAPL or AAPL/USD, BRK-B for BRK.B."""
        return symbol.partition("/")[0].replace(".", "-")

    async def server_time(self) -> int:
        """Return our own clock, UTC epoch milliseconds: Yahoo tells none."""
        return now_ms()

    async def exchange_info(self, native_ids: Sequence[str]) -> list[InstrumentSpec]:
        """Return the rules and names of those of `native_ids` that Yahoo knows."""
        specs: list[InstrumentSpec] = []
        for page in _pages(native_ids):
            text = await self._quotes(page, Priority.CHART)
            specs.extend(decode.specs_of(text, page))
        return specs

    async def search(self, text: str, *, limit: int = 10) -> list[InstrumentSpec]:
        """Return the stock or fund whose ticker `text` is; else those whose name matches.

        One request finds a ticker; a name needs a search and the rules of what it found.
        """
        ticker = self.native_id(text.strip().upper())
        if TICKER.fullmatch(ticker) and (found := await self._stocks([ticker])):
            return found
        words = checked_search(text)
        params: dict[str, str | int] = {"q": words, "quotesCount": limit, "newsCount": 0}
        answer = await self._get("/v1/finance/search", params, words, Priority.CHART)
        hits = [hit for hit in decode.hits_of(answer) if TICKER.fullmatch(hit)]
        return await self._stocks(hits[:limit]) if hits else []

    async def _stocks(self, native_ids: Sequence[str]) -> list[InstrumentSpec]:
        text = await self._quotes(native_ids, Priority.CHART)
        specs = decode.specs_of(text, native_ids, kinds=decode.STOCK_KINDS)
        return sorted(specs, key=lambda spec: native_ids.index(spec.native_id))

    async def klines(
        self,
        native_id: str,
        timeframe: int,
        start: int | None = None,
        end: int | None = None,
        limit: int = BARS_PAGE,
        *,
        priority: Priority = Priority.CHART,
    ) -> list[CandleRow]:
        """Return closed raw bars with start <= open_time < end (epoch seconds), oldest first.

        Prices are not adjusted for dividends. Nothing beyond Yahoo's reach (8 days of minutes,
        60 days of 5 and 15 minutes) is asked for. One call covers at most 7 days of minutes.

        Raises
        ------
        Refused
            For a timeframe that Yahoo has not on our grid: its hours begin at half past.
        """
        if timeframe not in INTERVALS:
            raise Refused(f"Yahoo has no bars of {timeframe} s on the grid of the clock")
        first, last = _span(timeframe, start, end, limit)
        if first >= last:
            return []
        params: dict[str, str | int] = {
            "period1": first,
            "period2": last,
            "interval": INTERVALS[timeframe],
            "includePrePost": "false",
        }
        what = _checked(native_id)
        text = await self._get(f"/v8/finance/chart/{what}", params, what, priority)
        found = decode.bars_of(text, what, timeframe, now_s=int(time.time()))
        rows = [row for row in found if first <= row.open_time < last]
        return rows[-limit:] if start is None else rows[:limit]

    async def tickers(
        self, native_ids: Sequence[str], *, priority: Priority = Priority.CHART
    ) -> list[TickerRow]:
        """Return the newest prices, fifty symbols a request."""
        rows: list[TickerRow] = []
        for page in _pages(native_ids):
            text = await self._quotes(page, priority)
            rows.extend(decode.tickers_of(text, now_ms=now_ms()))
        wanted = set(native_ids)
        return [row for row in rows if row.native_id in wanted]

    async def option_expiries(self, native_id: str) -> list[date]:
        """Return the days on which options of a stock expire, soonest first."""
        what = _checked(native_id)
        text = await self._get(
            f"/v7/finance/options/{what}", {}, what, Priority.CHART, needs_crumb=True
        )
        return decode.expiries_of(text, what)

    async def option_chain(self, native_id: str, expiry: date) -> list[OptionRow]:
        """Return the contracts of one expiry; Yahoo tells no greeks, and all of it is delayed."""
        what = _checked(native_id)
        stamp = int(datetime(expiry.year, expiry.month, expiry.day, tzinfo=UTC).timestamp())
        text = await self._get(
            f"/v7/finance/options/{what}", {"date": stamp}, what, Priority.CHART, needs_crumb=True
        )
        return decode.contracts_of(text, what, expiry)

    async def _quotes(self, native_ids: Sequence[str], priority: Priority) -> str:
        names = ",".join(_checked(one) for one in native_ids)
        return await self._get(
            "/v7/finance/quote", {"symbols": names}, names[:60], priority, needs_crumb=True
        )

    async def _get(
        self,
        path: str,
        params: Mapping[str, str | int],
        what: str,
        priority: Priority,
        *,
        needs_crumb: bool = False,
    ) -> str:
        """Return the text of a good answer; a worker that ended is asked once more."""
        gate = self.budget.gate(1, priority)
        await gate.admit()
        try:
            reply = await self.child.ask(path, params, needs_crumb=needs_crumb)
        except Unreachable:
            if self.child.pid is not None:
                raise
            await gate.admit()
            reply = await self.child.ask(path, params, needs_crumb=needs_crumb)
        fault = _fault_of(reply, what)
        if isinstance(fault, RateLimited):
            silence_s = SILENCES_S[min(self._limited, len(SILENCES_S) - 1)]
            self._limited += 1
            gate.limited(silence_s, is_ban=False)
            raise RateLimited(str(fault), retry_after_s=silence_s, is_ban=False)
        self._limited = 0 if fault is None else self._limited
        gate.heard(reply.status, {})
        if fault is not None:
            raise fault
        return reply.text


def _pages(native_ids: Sequence[str]) -> list[Sequence[str]]:
    """Return the names in pages; all are judged before the first is asked for."""
    for native_id in native_ids:
        _checked(native_id)
    return [native_ids[at : at + QUOTES_PAGE] for at in range(0, len(native_ids), QUOTES_PAGE)]


def _span(timeframe: int, start: int | None, end: int | None, limit: int) -> tuple[int, int]:
    """Return the range [first, last) of one request, within Yahoo's reach."""
    now_s = int(time.time())
    last = min(end or now_s, now_s)
    longest = SPAN_DAYS[timeframe] * DAY_S
    reach = REACH_DAYS.get(timeframe)
    floor = 0 if reach is None else now_s - reach * DAY_S + MARGIN_S
    if start is not None:
        first = max(start, floor)
        return first, min(last, first + longest)
    # Markets are closed most of the time, so the newest bars are looked for far back.
    wanted = longest if timeframe != DAY_S else min(longest, 2 * limit * DAY_S + 14 * DAY_S)
    return max(last - wanted, floor), last


def _fault_of(reply: Reply, what: str) -> SourceError | None:
    """Return the error that the worker's word stands for, None for a good answer."""
    match reply.fault:
        case "rate_limited":
            return RateLimited(_TOO_MANY, retry_after_s=None, is_ban=False)
        case "insecure":
            return Insecure(f"Yahoo could not prove who it is: {reply.message}")
        case "unreachable":
            return Unreachable(f"Yahoo does not answer: {reply.message}")
        case "failed":
            return Malformed(f"Yahoo's answer about {what} cannot be used: {reply.message}")
    return _fault_of_status(reply, what)


_TOO_MANY = "Yahoo answered 429: too many requests"


def _fault_of_status(reply: Reply, what: str) -> SourceError | None:
    status = reply.status
    if 200 <= status < 300:
        return None
    if status == 429:
        return RateLimited(_TOO_MANY, retry_after_s=None, is_ban=False)
    if status >= 500:
        return Unreachable(f"Yahoo answered {status}")
    refusal = decode.refusal_in(reply.text, what)
    if refusal is not None:
        return refusal
    if status in {401, 403, 451, 999}:
        return Blocked(f"Yahoo answered {status}: it refuses this place or this client")
    return Refused(f"Yahoo answered {status} about {what}", status=status)
