"""Massive's REST API: bars, snapshots and option chains of US stocks, raw prices."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from markets.providers.base import (
    CandleRow,
    InstrumentSpec,
    TickerRow,
    is_official,
    source_name,
)
from markets.providers.keyed import KeyedClient, NextMinuteGate
from markets.providers.massive import answers
from markets.providers.rows import NewsRow, OptionRow
from markets.providers.us_stocks import (
    checked_row,
    checked_ticker,
    is_closed,
    open_time,
    ordered,
    rfc3339_ms,
    search_from,
)
from mystic.lib.clock import now_ms
from mystic.lib.http import Malformed, Params, Refused
from mystic.lib.ratelimit import Priority, WeightBudget

# Multiplier, unit, and how many of Massive's base bars one bar is made of.
TIMEFRAMES = {
    60: (1, "minute", 1),
    300: (5, "minute", 5),
    900: (15, "minute", 15),
    1800: (30, "minute", 30),
    3600: (1, "hour", 60),
    86400: (1, "day", 1),
}
BASE_BARS = 50_000
CHAIN_PAGE = 250
REFERENCE_PAGE = 1_000
NEWS_PAGE = 1_000
LARGEST_PAGES = 40
FREE_CALLS = 5
EMBARGO_MS = 15 * 60_000
# A page of 50,000 bars is larger than other answers.
LARGEST_BODY = 16 * 1024 * 1024
SNAPSHOTS = "/v2/snapshot/locale/us/markets/stocks/tickers"


def client_of(base_url: str, key: str, **limits: Any) -> KeyedClient:
    """Return a client that signs in with a bearer key; Massive sends no Retry-After."""
    return KeyedClient(
        base_url,
        secrets={"Authorization": f"Bearer {key}"},
        settings="MASSIVE_API_KEY",
        **{"max_bytes": LARGEST_BODY, **limits},
    )


class MassiveRest:
    """The request side of Massive; one per event loop.

    Parameters
    ----------
    calls_per_minute : int
        What the plan allows; the free plan 5.

    Attributes
    ----------
    is_delayed : bool
        True on the free plan (the end of the day), and once an answer said that it is late.
    detail : str
        What the data are, for provenance.
    """

    provider = "massive"

    def __init__(
        self,
        client: KeyedClient,
        *,
        calls_per_minute: int = FREE_CALLS,
        budget: WeightBudget | None = None,
        wall_ms: Callable[[], int] = now_ms,
    ) -> None:
        self.source = source_name(self.provider, client.base_url)
        self.is_official = is_official(self.provider, client.base_url)
        self.budget = budget or WeightBudget(calls_per_minute)
        self.is_delayed = calls_per_minute <= FREE_CALLS
        self._client = client
        self._wall_ms = wall_ms

    @property
    def detail(self) -> str:
        """What the data are, for provenance."""
        return "late: end of day or 15 minutes, by plan" if self.is_delayed else "all US venues"

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self:
        client = client_of(env["MASSIVE_BASE_URL"], env["MASSIVE_API_KEY"])
        return cls(client, calls_per_minute=env["MASSIVE_CALLS_PER_MINUTE"])

    async def aclose(self) -> None:
        await self._client.aclose()

    def native_id(self, symbol: str) -> str:
        """Return Massive's name of a symbol: AAPL for AAPL/USD."""
        return symbol.removesuffix("/USD")

    async def server_time(self, *, priority: Priority = Priority.LIVE) -> int:
        """Return Massive's clock, UTC epoch milliseconds."""
        told: answers.MarketStatus = await self._get(
            "/v1/marketstatus/now", (), answers.MarketStatus, priority
        )
        return rfc3339_ms(told.serverTime)

    async def exchange_info(self, native_ids: Sequence[str]) -> list[InstrumentSpec]:
        """Return those of `native_ids` that Massive lists, each by a request; all without names."""
        if not native_ids:
            return await self._listed((("limit", REFERENCE_PAGE),), Priority.BACKFILL)
        found: list[answers.Listed] = []
        for native_id in [checked_ticker(one) for one in native_ids]:
            path = f"/v3/reference/tickers/{native_id}"
            try:
                one: answers.OneListed = await self._get(
                    path, (), answers.OneListed, Priority.CHART
                )
            except Refused as refusal:
                if refusal.status != 404:
                    raise
                continue
            found += [one.results] if one.results.ticker == native_id else []
        return answers.specs_of(found)

    async def search(self, text: str, *, limit: int = 20) -> list[InstrumentSpec]:
        """Return stocks whose ticker or name matches, as Massive ranks them, in one request."""
        if not text.strip():
            return []
        params = (("search", text.strip()[:60]), ("limit", min(limit, REFERENCE_PAGE)))
        specs = await self._listed(params, Priority.CHART, pages=1)
        return specs[:limit]

    async def _listed(
        self, params: Params, priority: Priority, *, pages: int = LARGEST_PAGES
    ) -> list[InstrumentSpec]:
        path = "/v3/reference/tickers"
        query: Params = (("market", "stocks"), ("active", "true"), *params)
        found: list[answers.Listed] = []
        for _ in range(pages):
            page: answers.ListedPage = await self._get(path, query, answers.ListedPage, priority)
            found += page.results
            if not page.next_url:
                break
            path, query = self._next(page.next_url)
        return answers.specs_of(found)

    async def klines(
        self,
        native_id: str,
        timeframe: int,
        start: int | None = None,
        end: int | None = None,
        limit: int = 1000,
        *,
        priority: Priority = Priority.CHART,
    ) -> list[CandleRow]:
        """Return closed raw bars with start <= open_time < end (epoch seconds), oldest first.

        Minutes without a trade have no bar; those before and after the session are included. A
        bar is closed when it had ended, by Massive's clock, before the answer was made; 15
        minutes earlier where the answer says that it is late.

        Raises
        ------
        Refused
            For a timeframe that is not asked from Massive, such as four hours.
        PlanLacks
            When the plan does not reach so far back.
        """
        if timeframe not in TIMEFRAMES:
            raise Refused(f"Massive is not asked for bars of {timeframe} s; 60 s is the base")
        multiplier, unit, base_bars = TIMEFRAMES[timeframe]
        most = min(limit, BASE_BARS // base_bars)
        latest_s = self._wall_ms() // 1000 + 60
        end_s = min(end, latest_s) if end is not None else latest_s
        from_s = search_from(end_s, timeframe, most) if start is None else start
        if from_s >= end_s or most < 1:
            return []
        path = (
            f"/v2/aggs/ticker/{checked_ticker(native_id)}/range/{multiplier}/{unit}"
            f"/{from_s * 1000}/{end_s * 1000 - 1}"
        )
        params = (
            ("adjusted", "false"),
            ("sort", "desc" if start is None else "asc"),
            ("limit", most * base_bars),
        )
        bars, known_ms = await self._bars(path, params, most, priority)
        rows = [
            checked_row(open_time(bar.t, timeframe), (bar.o, bar.h, bar.l, bar.c, bar.v), bar.n)
            for bar in bars
            if is_closed(bar.t, timeframe, known_ms)
        ]
        found = ordered(row for row in rows if from_s <= row.open_time < end_s)
        return found[-most:] if start is None else found[:most]

    async def _bars(
        self, path: str, query: Params, most: int, priority: Priority
    ) -> tuple[list[answers.Bar], int]:
        """Return what Massive tells, and up to when it was whole by its own clock.

        A page that is short although more follows is continued: what is missing from an answer
        is taken for absent.
        """
        bars: list[answers.Bar] = []
        moments: list[int | None] = []
        is_late = False
        for _ in range(LARGEST_PAGES):
            page, known_ms = await self._client.get_timed(
                path, query, type=answers.Aggregates, gate=self._gate(priority)
            )
            moments.append(known_ms)
            is_late = is_late or page.status == "DELAYED"
            bars += page.results
            if not page.next_url or len(bars) >= most:
                break
            path, query = self._next(page.next_url)
        told = [moment for moment in moments if moment is not None]
        if len(told) < len(moments):
            longest_ms = int(self._client.total_s * 1000)
            told.append(await self.server_time(priority=priority) - 2 * longest_ms)
        self.is_delayed = self.is_delayed or is_late
        return bars, min(told) - (EMBARGO_MS if is_late else 0)

    async def tickers(self, native_ids: Sequence[str]) -> list[TickerRow]:
        """Return the newest prices in one request; the free plan has none (`PlanLacks`).

        The rolling 24 hours are None: a market with hours has sessions.
        """
        if not native_ids:
            return []
        symbols = ",".join(checked_ticker(one) for one in native_ids)
        told: answers.Snapshots = await self._get(
            SNAPSHOTS, (("tickers", symbols),), answers.Snapshots, Priority.CHART
        )
        self.is_delayed = self.is_delayed or told.status == "DELAYED"
        late = self.is_delayed
        found = (
            answers.ticker_of(one, is_delayed=late)
            for one in told.tickers
            if one.ticker in native_ids
        )
        return [row for row in found if row is not None]

    async def option_expiries(self, native_id: str) -> list[date]:
        """Return the days on which listed options of a stock expire, the next one first.

        Calls are read only, for puts expire on the same days; a page has 1,000 contracts.
        """
        path = "/v3/reference/options/contracts"
        query: Params = (
            ("underlying_ticker", checked_ticker(native_id)),
            ("contract_type", "call"),
            ("expired", "false"),
            ("sort", "expiration_date"),
            ("order", "asc"),
            ("limit", REFERENCE_PAGE),
        )
        days: set[date] = set()
        for _ in range(LARGEST_PAGES):
            page: answers.ContractPage = await self._get(
                path, query, answers.ContractPage, Priority.CHART
            )
            days |= {contract.day for contract in page.results}
            if not page.next_url:
                break
            path, query = self._next(page.next_url)
        return sorted(days)

    async def option_chain(
        self, native_id: str, expiry: date | None = None, *, limit: int = 1000
    ) -> list[OptionRow]:
        """Return the contracts of one expiry, or of all from the nearest on, 250 a request."""
        path = f"/v3/snapshot/options/{checked_ticker(native_id)}"
        today = datetime.fromtimestamp(self._wall_ms() / 1000, tz=UTC).date()
        day = (
            ("expiration_date", expiry.isoformat())
            if expiry
            else ("expiration_date.gte", today.isoformat())
        )
        most = ("limit", min(limit, CHAIN_PAGE))
        query: Params = (day, ("sort", "expiration_date"), ("order", "asc"), most)
        rows: list[OptionRow] = []
        for _ in range(LARGEST_PAGES):
            page: answers.ChainPage = await self._get(
                path, query, answers.ChainPage, Priority.CHART
            )
            found = (answers.option_of(native_id, item) for item in page.results)
            rows += [row for row in found if row and row.expiry == (expiry or row.expiry)]
            if not page.next_url or len(rows) >= limit:
                break
            path, query = self._next(page.next_url)
        return rows[:limit]

    async def news(self, native_ids: Sequence[str], *, limit: int = 50) -> list[NewsRow]:
        """Return the newest articles about a stock, or about all; one request for each name."""
        articles: dict[str, NewsRow] = {}
        for native_id in [checked_ticker(one) for one in native_ids]:
            params = (
                ("ticker", native_id),
                ("order", "desc"),
                ("sort", "published_utc"),
                ("limit", min(limit, NEWS_PAGE)),
            )
            page: answers.NewsPage = await self._get(
                "/v2/reference/news", params, answers.NewsPage, Priority.BACKFILL
            )
            articles |= {one.id: answers.news_of(one) for one in page.results}
        found = [row for row in articles.values() if row.title]
        return sorted(found, key=lambda row: -(row.published_ms or 0))

    def _next(self, next_url: str) -> tuple[str, Params]:
        """Return path and query of the next page; the key stays in the header.

        Raises
        ------
        Malformed
            If the page lies on another host, where our key must not go.
        """
        try:
            told, ours = urlsplit(next_url), urlsplit(self._client.base_url)
            pairs = parse_qsl(told.query, max_num_fields=50)
        except ValueError:
            told, ours, pairs = urlsplit(""), urlsplit(self._client.base_url), []
        prefix = ours.path.rstrip("/")
        is_ours = (told.scheme, told.netloc) == (ours.scheme, ours.netloc)
        if not is_ours or not told.path.startswith(f"{prefix}/v"):
            message = "the next page lies on another host"
            raise Malformed(message)
        query = tuple(pair for pair in pairs if pair[0].lower() != "apikey")
        return told.path.removeprefix(prefix), query

    def _gate(self, priority: Priority) -> NextMinuteGate:
        return NextMinuteGate(self.budget.gate(1, priority))

    async def _get(self, path: str, params: Params, kind: Any, priority: Priority) -> Any:
        return await self._client.get_json(path, params, type=kind, gate=self._gate(priority))
