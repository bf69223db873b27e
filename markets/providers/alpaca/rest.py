"""Alpaca's REST API: bars, quotes and option chains of US stocks, raw prices."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from markets.providers.alpaca import answers
from markets.providers.base import (
    CandleRow,
    InstrumentSpec,
    TickerRow,
    is_official,
    source_name,
)
from markets.providers.keyed import KeyedClient, reset_wait_s
from markets.providers.rows import NewsRow, OptionRow
from markets.providers.us_stocks import (
    checked_ticker,
    is_closed,
    open_time,
    ordered,
    rfc3339_ms,
    search_from,
)
from mystic.lib.clock import now_ms
from mystic.lib.http import Params, Refused, SourceError
from mystic.lib.ratelimit import Priority, WeightBudget

logger = logging.getLogger(__name__)

TIMEFRAMES = {
    60: "1Min",
    300: "5Min",
    900: "15Min",
    1800: "30Min",
    3600: "1Hour",
    86400: "1Day",
}
BARS_PAGE = 10_000
CHAIN_PAGE = 1_000
CONTRACTS_PAGE = 10_000
NEWS_PAGE = 50
LARGEST_PAGES = 50
REQUESTS_PER_MINUTE = 150
# A list of all assets is larger than other answers.
LARGEST_BODY = 32 * 1024 * 1024
EMBARGO_MS = 15 * 60_000
LONGEST_OPTION = timedelta(days=3 * 366)
SETTINGS = "ALPACA_API_KEY and ALPACA_API_SECRET (ALPACA_API_URL for a live key)"
DETAILS = {
    "iex": "IEX: real time, but one venue with a few percent of the US volume",
    "sip": "SIP: all US venues",
    "delayed_sip": "SIP: all US venues, 15 minutes late",
}


def client_of(base_url: str, key: str, secret: str, **limits: Any) -> KeyedClient:
    """Return a client that signs in with the two headers of Alpaca."""
    return KeyedClient(
        base_url,
        secrets={"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret},
        settings=SETTINGS,
        wait_s=reset_wait_s,
        **{"max_bytes": LARGEST_BODY, **limits},
    )


class AlpacaRest:
    """The request side of Alpaca; one per event loop.

    Parameters
    ----------
    data, account : KeyedClient
        Of the data address, and of the account address that knows assets, contracts and the clock.
    feed : str
        `iex` (one venue), `sip` (all, paid) or `delayed_sip` (all, 15 minutes late).

    Attributes
    ----------
    is_delayed : bool
        Whether prices are late by the nature of the feed.
    detail : str
        What the feed covers, for provenance.
    """

    provider = "alpaca"

    def __init__(
        self,
        data: KeyedClient,
        account: KeyedClient,
        *,
        feed: str = "iex",
        budget: WeightBudget | None = None,
        wall_ms: Callable[[], int] = now_ms,
    ) -> None:
        # One address that is not Alpaca's own makes everything a replay.
        urls = (data.base_url, account.base_url)
        self.is_official = all(is_official(self.provider, url) for url in urls)
        self.source = max((source_name(self.provider, url) for url in urls), key=len)
        self.budget = budget or WeightBudget(REQUESTS_PER_MINUTE)
        self.feed = feed
        self.is_delayed = feed == "delayed_sip"
        self.detail = DETAILS.get(feed, feed)
        self._options_feed = "opra" if feed == "sip" else "indicative"
        self._data = data
        self._account = account
        self._wall_ms = wall_ms

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self:
        key, secret = env["ALPACA_API_KEY"], env["ALPACA_API_SECRET"]
        return cls(
            client_of(env["ALPACA_DATA_URL"], key, secret),
            client_of(env["ALPACA_API_URL"], key, secret),
            feed=env["ALPACA_FEED"],
        )

    async def aclose(self) -> None:
        await self._data.aclose()
        await self._account.aclose()

    def native_id(self, symbol: str) -> str:
        """Return Alpaca's name of a symbol: AAPL for AAPL/USD."""
        return symbol.removesuffix("/USD")

    async def server_time(self, *, priority: Priority = Priority.LIVE) -> int:
        """Return Alpaca's clock, UTC epoch milliseconds."""
        told: answers.Clock = await self._get(
            self._account, "/v2/clock", (), answers.Clock, priority
        )
        return rfc3339_ms(told.timestamp)

    async def exchange_info(self, native_ids: Sequence[str]) -> list[InstrumentSpec]:
        """Return the rules of those of `native_ids` that Alpaca knows; of all without names."""
        if not native_ids:
            return await self._listed(Priority.BACKFILL)
        checked = [checked_ticker(native_id) for native_id in native_ids]
        found = [await self._asset(ticker) for ticker in checked]
        return answers.specs_of([asset for asset in found if asset is not None])

    async def _listed(self, priority: Priority) -> list[InstrumentSpec]:
        params = (("status", "active"), ("asset_class", "us_equity"))
        assets: list[answers.Asset] = await self._get(
            self._account, "/v2/assets", params, list[answers.Asset], priority
        )
        return answers.specs_of(assets)

    async def _asset(self, native_id: str) -> answers.Asset | None:
        path = f"/v2/assets/{native_id}"
        try:
            asset: answers.Asset = await self._get(
                self._account, path, (), answers.Asset, Priority.CHART
            )
        except Refused as refusal:
            if refusal.status != 404:
                raise
            return None
        return asset if asset.symbol == native_id else None

    async def search(self, text: str, *, limit: int = 20) -> list[InstrumentSpec]:
        """Return stocks whose ticker begins with `text` or whose name holds it, best first.

        Alpaca has no search: the whole list is asked for, so look in the stored catalogue first.
        """
        wanted = text.strip().casefold()
        if not wanted:
            return []
        found = [
            (spec.base.casefold() != wanted, not is_prefix, len(spec.base), spec.base, spec)
            for spec in await self._listed(Priority.CHART)
            for is_prefix in [spec.base.casefold().startswith(wanted)]
            if is_prefix or wanted in spec.name.casefold()
        ]
        return [one[-1] for one in sorted(found, key=lambda one: one[:-1])[:limit]]

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

        At most 10,000 rows come back. Minutes without a trade on the feed have no bar. A bar is
        closed when it had ended, by Alpaca's clock, before the answer was made; on a feed that is
        15 minutes late, 15 minutes earlier.

        Raises
        ------
        Refused
            For a timeframe that is not asked from Alpaca, such as four hours.
        PlanLacks
            When the plan has no such feed.
        """
        if timeframe not in TIMEFRAMES:
            raise Refused(f"Alpaca is not asked for bars of {timeframe} s; 60 s is the base")
        most = min(limit, BARS_PAGE)
        latest_s = self._wall_ms() // 1000 + 60
        if self.is_delayed:
            latest_s -= EMBARGO_MS // 1000 + 120
        end_s = min(end, latest_s) if end is not None else latest_s
        from_s = search_from(end_s, timeframe, most) if start is None else start
        if from_s >= end_s or most < 1:
            return []
        params = (
            ("symbols", checked_ticker(native_id)),
            ("timeframe", TIMEFRAMES[timeframe]),
            ("start", _rfc3339(from_s)),
            ("end", _rfc3339(end_s - 1)),
            ("limit", most),
            ("adjustment", "raw"),
            ("feed", "sip" if self.is_delayed else self.feed),
            ("sort", "desc" if start is None else "asc"),
        )
        bars, known_ms = await self._bars(native_id, params, most, priority)
        known_ms -= EMBARGO_MS if self.is_delayed else 0
        rows = [
            answers.row_of(bar, open_time(begin_ms, timeframe))
            for bar in bars
            for begin_ms in [rfc3339_ms(bar.t)]
            if is_closed(begin_ms, timeframe, known_ms)
        ]
        return ordered(row for row in rows if from_s <= row.open_time < end_s)

    async def _bars(
        self, native_id: str, params: Params, most: int, priority: Priority
    ) -> tuple[list[answers.Bar], int]:
        """Return what Alpaca tells, and up to when it was whole by its own clock.

        A page that is short although more follows is continued: what is missing from an answer
        is taken for absent.
        """
        bars: list[answers.Bar] = []
        asked, moments = params, []
        for _ in range(LARGEST_PAGES):
            page, known_ms = await self._data.get_timed(
                "/v2/stocks/bars",
                asked,
                type=answers.BarPage,
                gate=self.budget.gate(1, priority),
            )
            moments.append(known_ms)
            bars += page.bars.get(native_id, [])
            if not page.next_page_token or len(bars) >= most:
                break
            asked = (*params, ("page_token", page.next_page_token))
        told = [moment for moment in moments if moment is not None]
        if len(told) < len(moments):
            told.append(await self._time_before(priority))
        return bars[:most], min(told)

    async def _time_before(self, priority: Priority) -> int:
        """Return Alpaca's clock less the longest time that a request may have taken."""
        longest_ms = int(self._data.total_s * 1000)
        return await self.server_time(priority=priority) - 2 * longest_ms

    async def tickers(self, native_ids: Sequence[str]) -> list[TickerRow]:
        """Return the newest prices in one request.

        `as_of_ms` is the older of trade and quote; a stock without a trade is left out. The
        rolling 24 hours are None: a market with hours has sessions.
        """
        if not native_ids:
            return []
        symbols = ",".join(checked_ticker(one) for one in native_ids)
        params = (("symbols", symbols), ("feed", self.feed))
        told: dict[str, answers.Snapshot] = await self._get(
            self._data,
            "/v2/stocks/snapshots",
            params,
            dict[str, answers.Snapshot],
            Priority.CHART,
        )
        late = self.is_delayed
        rows = (
            answers.ticker_of(one, told[one], is_delayed=late) for one in native_ids if one in told
        )
        return [row for row in rows if row is not None]

    async def option_expiries(self, native_id: str) -> list[date]:
        """Return the days on which listed options of a stock expire, the next one first."""
        contracts = await self._contracts(native_id, None, kind="call")
        return sorted({contract.day for contract in contracts})

    async def option_chain(
        self, native_id: str, expiry: date | None = None, *, limit: int = CHAIN_PAGE
    ) -> list[OptionRow]:
        """Return the contracts of one expiry, or of all, with greeks where Alpaca has them.

        Alpaca tells open interest elsewhere; where that request fails it stays None.
        """
        params: list[tuple[str, str | int]] = [
            ("feed", self._options_feed),
            ("limit", min(limit, CHAIN_PAGE)),
        ]
        params += [("expiration_date", expiry.isoformat())] if expiry else []
        path = f"/v1beta1/options/snapshots/{checked_ticker(native_id)}"
        is_delayed = self._options_feed == "indicative"
        rows: list[OptionRow] = []
        interest = await self._open_interest(native_id, expiry)
        for _ in range(LARGEST_PAGES):
            page: answers.ChainPage = await self._get(
                self._data, path, tuple(params), answers.ChainPage, Priority.CHART
            )
            for symbol, snapshot in page.snapshots.items():
                told = interest.get(symbol)
                row = answers.option_of(symbol, native_id, snapshot, told, is_delayed=is_delayed)
                rows += [row] if row is not None else []
            if not page.next_page_token or len(rows) >= limit:
                break
            params = [p for p in params if p[0] != "page_token"]
            params.append(("page_token", page.next_page_token))
        return rows[:limit]

    async def _open_interest(self, native_id: str, expiry: date | None) -> dict[str, int]:
        try:
            contracts = await self._contracts(native_id, expiry)
        except SourceError as fault:
            logger.info("open interest is missing", extra={"of": native_id, "why": str(fault)})
            return {}
        return {c.symbol: c.interest for c in contracts if c.interest is not None}

    async def _contracts(
        self, native_id: str, expiry: date | None, *, kind: str = ""
    ) -> list[answers.Contract]:
        """Return the listed contracts; without dates Alpaca would tell only the next week's."""
        today = datetime.fromtimestamp(self._wall_ms() / 1000, tz=UTC).date()
        first, last = expiry or today, expiry or today + LONGEST_OPTION
        params: list[tuple[str, str | int]] = [
            ("underlying_symbols", checked_ticker(native_id)),
            ("expiration_date_gte", first.isoformat()),
            ("expiration_date_lte", last.isoformat()),
            ("limit", CONTRACTS_PAGE),
        ]
        params += [("type", kind)] if kind else []
        found: list[answers.Contract] = []
        for _ in range(LARGEST_PAGES):
            page: answers.ContractPage = await self._get(
                self._account,
                "/v2/options/contracts",
                tuple(params),
                answers.ContractPage,
                Priority.CHART,
            )
            found += page.option_contracts
            if not page.next_page_token:
                break
            params = [p for p in params if p[0] != "page_token"]
            params.append(("page_token", page.next_page_token))
        return found

    async def news(self, native_ids: Sequence[str], *, limit: int = NEWS_PAGE) -> list[NewsRow]:
        """Return the newest articles about these stocks, newest first, in one request."""
        if not native_ids:
            return []
        symbols = ",".join(checked_ticker(one) for one in native_ids)
        params = (("symbols", symbols), ("limit", min(limit, NEWS_PAGE)), ("sort", "desc"))
        page: answers.NewsPage = await self._get(
            self._data, "/v1beta1/news", params, answers.NewsPage, Priority.CHART
        )
        return [row for row in map(answers.news_of, page.news) if row.title]

    async def _get(
        self, client: KeyedClient, path: str, params: Params, kind: Any, priority: Priority
    ) -> Any:
        return await client.get_json(path, params, type=kind, gate=self.budget.gate(1, priority))


def _rfc3339(second: int) -> str:
    return datetime.fromtimestamp(second, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
