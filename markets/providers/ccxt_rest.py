"""Any exchange that ccxt knows: its words and shapes come from ccxt, its requests from us.

ccxt is imported when the first request is made, in a thread, for it is large. Its own way to the
network is replaced by `mystic.lib.http`, so that time, size, repeats, budgets and errors are those
of every other source.
"""

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from decimal import Decimal
from importlib import import_module
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from markets.providers.base import (
    CandleRow,
    DepthSnapshot,
    InstrumentSpec,
    Levels,
    Status,
    TickerRow,
)
from markets.providers.decimals import places_of, units_of
from markets.providers.names import checked_name
from markets.providers.specs import storable
from mystic.lib.clock import now_ms
from mystic.lib.http import (
    HttpClient,
    Malformed,
    RateLimited,
    Refused,
    SourceError,
    Unreachable,
)
from mystic.lib.provenance import REPLAY_PREFIX
from mystic.lib.ratelimit import Priority, WeightBudget

CANDLES_PAGE = 300
REQUESTS_PER_MINUTE = 60
LARGEST = 1e15
# BTC/USDT; a contract adds what it settles in and when: BTC/USDT:USDT-261225.
PAIR = re.compile(r"\w+(?:[.-]\w+)*/\w+(?:[.-]\w+)*(?::\w+(?:-\w+)*)?")
NAMES = {
    1: "1s",
    60: "1m",
    180: "3m",
    300: "5m",
    900: "15m",
    1800: "30m",
    3600: "1h",
    7200: "2h",
    14400: "4h",
    21600: "6h",
    28800: "8h",
    43200: "12h",
    86400: "1d",
}
# What ccxt's readers stumble over when a body is of another shape.
STUMBLES = (TypeError, KeyError, IndexError, AttributeError, ValueError, ArithmeticError)
_priority: ContextVar[Priority] = ContextVar("priority", default=Priority.CHART)


def budget_default() -> WeightBudget:
    """Return one request a second; ccxt keeps the exchange's own pace besides."""
    return WeightBudget(REQUESTS_PER_MINUTE)


def _check(*native_ids: str) -> None:
    for native_id in native_ids:
        checked_name(native_id, PAIR, what="pair of ccxt", like="BTC/USDT")


def _moved(urls: Any, base_url: str) -> Any:
    """Return ccxt's tree of addresses with every host replaced, paths kept."""
    if isinstance(urls, dict):
        return {name: _moved(one, base_url) for name, one in urls.items()}
    return base_url + urlsplit(urls).path if isinstance(urls, str) else urls


def _class_of(exchange: str) -> type[Any]:
    """Return ccxt's class of an exchange, asking through our client; slow when first called."""
    ccxt: Any = import_module("ccxt.async_support")
    if exchange not in ccxt.exchanges:
        raise Refused(f"ccxt has no exchange {exchange!r}; set CCXT_EXCHANGE to one such as kraken")
    parent: type[Any] = getattr(ccxt, exchange)

    class Asking(parent):  # type: ignore[misc]  # known only when it is imported
        ask_with: HttpClient
        budget: WeightBudget

        async def fetch(
            self, url: str, method: str = "GET", headers: Any = None, body: Any = None
        ) -> Any:
            if method != "GET":
                raise Refused(f"{exchange} wants {method} for this, and only GET is made")
            parts = urlsplit(url)
            path = urlunsplit((*parts[:3], "", ""))
            gate = self.budget.gate(1, _priority.get())
            query = parse_qsl(parts.query, keep_blank_values=True)
            answer = await self.ask_with.get(path, tuple(query), gate=gate)
            text = answer.body.decode(errors="replace")
            told = self.parse_json(text)
            if told is None:
                raise Malformed(f"{path} gave no JSON")
            self.handle_errors(
                answer.status, "", url, method, dict(answer.headers), text, told, headers, body
            )
            return told

    return Asking


class CcxtRest:
    """The request side of one exchange of ccxt; one per event loop. Names are ccxt's: BTC/USDT.

    Parameters
    ----------
    exchange : str
        ccxt's name of the exchange: `kraken`.
    base_url : str
        Another address for all its hosts; empty is its own.
    """

    provider = "ccxt"

    def __init__(
        self,
        exchange: str,
        base_url: str = "",
        budget: WeightBudget | None = None,
        client: HttpClient | None = None,
    ) -> None:
        self.exchange = exchange
        self.is_official = not base_url
        self.source = f"{'' if self.is_official else REPLAY_PREFIX}ccxt-{exchange}"
        self.budget = budget or budget_default()
        self._base_url = base_url.rstrip("/")
        self._client = client or HttpClient("")
        self._made: Any = None
        self._making = asyncio.Lock()

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self:
        return cls(env["CCXT_EXCHANGE"], env["CCXT_BASE_URL"])

    async def aclose(self) -> None:
        await self._client.aclose()

    def native_id(self, symbol: str) -> str:
        """Return the symbol itself: ccxt writes every pair as BTC/USDT."""
        return symbol

    async def server_time(self, *, priority: Priority = Priority.LIVE) -> int:
        """Return the exchange's clock in UTC epoch milliseconds, or ours where it tells none."""
        ex = await self._exchange()
        if ex.has.get("fetchTime") is not True:
            return now_ms()
        told = await self._ask(ex.fetch_time(), priority)
        if not isinstance(told, int) or told <= 0:
            message = f"{self.exchange} told no time"
            raise Malformed(message)
        return told

    async def exchange_info(self, native_ids: Sequence[str]) -> list[InstrumentSpec]:
        """Return the rules of those of `native_ids` that trade on the spot market, or of all."""
        _check(*native_ids)
        ex = await self._exchange()
        markets = await self._ask(ex.load_markets(reload=True), Priority.CHART)
        found = [markets[name] for name in native_ids or markets if name in markets]
        try:
            return storable(_spec(ex, market) for market in found if market.get("spot"))
        except STUMBLES as fault:
            raise self._malformed("rules", fault) from None

    async def klines(
        self,
        native_id: str,
        timeframe: int,
        start: int | None = None,
        end: int | None = None,
        limit: int = CANDLES_PAGE,
        *,
        priority: Priority = Priority.CHART,
    ) -> list[CandleRow]:
        """Return closed bars with start <= open_time < end (epoch seconds), oldest first.

        Raises
        ------
        Refused
            For a timeframe that the exchange does not have.
        """
        _check(native_id)
        ex = await self._exchange()
        name = NAMES.get(timeframe, "")
        if name not in (ex.timeframes or {}):
            raise Refused(f"{self.exchange} has no bars of {timeframe} s")
        now_s = await self.server_time(priority=priority) // 1000
        most = min(limit, CANDLES_PAGE)
        until = min(end or now_s, now_s)
        if start is None and end is None:
            # Without a begin the newest rows come, whatever the exchange's own page is.
            since, most = None, most + 1
        else:
            since = (start if start is not None else until - most * timeframe) * 1000
            if since >= until * 1000:
                return []
        rows = await self._ask(ex.fetch_ohlcv(native_id, name, since, most), priority)
        first = 0 if since is None else since // 1000
        return self._checked(rows, native_id, timeframe, (first, until, now_s))[-most:]

    def _checked(
        self, rows: Any, native_id: str, timeframe: int, span: tuple[int, int, int]
    ) -> list[CandleRow]:
        """Return the closed rows within [first, until); one impossible row condemns the answer."""
        first, until, now_s = span
        bars: dict[int, CandleRow] = {}
        try:
            for open_ms, o, h, low, c, volume in (row[:6] for row in rows):
                open_time = open_ms // 1000
                is_possible = 0 < low <= o <= h < LARGEST and low <= c <= h
                if not (is_possible and 0 <= volume < LARGEST and open_ms > 0):
                    raise Malformed(f"an impossible bar of {native_id} at {open_ms}")
                if open_ms % (timeframe * 1000) or open_time in bars:
                    raise Malformed(f"bars of {native_id} are doubled or off the grid")
                bars[open_time] = CandleRow(open_time, o, h, low, c, volume)
        except STUMBLES as fault:
            raise self._malformed(f"bars of {native_id}", fault) from None
        return [
            bars[time]
            for time in sorted(bars)
            if first <= time < until and time + timeframe <= now_s
        ]

    async def tickers(
        self, native_ids: Sequence[str], *, priority: Priority = Priority.CHART
    ) -> list[TickerRow]:
        """Return the newest prices; in one request where the exchange has it."""
        _check(*native_ids)
        ex = await self._exchange()
        if ex.has.get("fetchTickers") is True:
            told = await self._ask(ex.fetch_tickers(list(native_ids)), priority)
            rows = [told[name] for name in native_ids if name in told]
        else:
            rows = [await self._ask(ex.fetch_ticker(name), priority) for name in native_ids]
        try:
            return [_ticker(row) for row in rows]
        except STUMBLES as fault:
            raise self._malformed("prices", fault) from None

    async def depth(
        self, native_id: str, limit: int = 100, *, priority: Priority = Priority.LIVE
    ) -> DepthSnapshot:
        """Return the order book, best levels first; update id 0 where the exchange has none."""
        _check(native_id)
        ex = await self._exchange()
        book = await self._ask(ex.fetch_order_book(native_id, limit), priority)
        try:
            bids, asks = _levels(book["bids"]), _levels(book["asks"])
            if bids and asks and bids[0][0] >= asks[0][0]:
                raise Malformed(f"the book of {native_id} is crossed")
            if not bids and not asks:
                raise Malformed(f"the book of {native_id} has no level")
            return DepthSnapshot(native_id, int(book.get("nonce") or 0), bids, asks)
        except STUMBLES as fault:
            raise self._malformed(f"book of {native_id}", fault) from None

    async def _exchange(self) -> Any:
        async with self._making:
            if self._made is None:
                kind = await asyncio.to_thread(_class_of, self.exchange)
                self._made = self._make(kind)
        return self._made

    def _make(self, kind: type[Any]) -> Any:
        ex = kind({"asyncio_loop": asyncio.get_running_loop(), "options": {"defaultType": "spot"}})
        ex.ask_with, ex.budget = self._client, self.budget
        # Only the spot market is wanted, and no list of currencies, which often needs a key.
        ex.has["fetchCurrencies"] = False
        wanted = ex.options.get("fetchMarkets")
        if isinstance(wanted, dict) and "types" in wanted:
            wanted["types"] = ["spot"]
        if self._base_url:
            ex.urls["api"] = _moved(ex.urls["api"], self._base_url)
        return ex

    async def _ask(self, call: Any, priority: Priority) -> Any:
        """Return what ccxt made of an answer; its faults become those of every source."""
        ccxt: Any = import_module("ccxt.async_support")
        token = _priority.set(priority)
        try:
            return await call
        except (ccxt.DDoSProtection, ccxt.RateLimitExceeded) as fault:
            self.budget.limited(None, is_ban=False)
            raise RateLimited(_said(fault), retry_after_s=None, is_ban=False) from None
        except ccxt.NetworkError as fault:
            raise Unreachable(_said(fault)) from None
        except (
            ccxt.AuthenticationError,
            ccxt.BadRequest,
            ccxt.NotSupported,
            ccxt.ArgumentsRequired,
        ) as fault:
            raise Refused(_said(fault)) from None
        except ccxt.BaseError as fault:
            raise Malformed(_said(fault)) from None
        except STUMBLES as fault:
            raise self._malformed("answer", fault) from None
        finally:
            _priority.reset(token)

    def _malformed(self, what: str, fault: Exception) -> SourceError:
        if isinstance(fault, SourceError):
            return fault
        return Malformed(f"{what} of {self.exchange}: {type(fault).__name__} {fault!s:.80}")


def _said(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault!s:.200}"


def _number(value: Any) -> float | None:
    """Return a finite positive number, None where ccxt found none."""
    if value is None:
        return None
    number = float(value)
    return number if 0 < number < LARGEST else None


def _levels(rows: Any) -> Levels:
    levels = tuple((float(row[0]), float(row[1])) for row in rows)
    for price, quantity in levels:
        if not (0 < price < LARGEST and 0 <= quantity < LARGEST):
            message = "impossible level"
            raise Malformed(message)
    return levels


def _ticker(row: Mapping[str, Any]) -> TickerRow:
    last = _number(row["last"])
    if last is None:
        raise Malformed(f"the ticker of {row.get('symbol')} has no possible price")
    stamp = row.get("timestamp")
    return TickerRow(
        native_id=row["symbol"],
        last=last,
        bid=_number(row.get("bid")),
        ask=_number(row.get("ask")),
        open_24h=_number(row.get("open")),
        high_24h=_number(row.get("high")),
        low_24h=_number(row.get("low")),
        volume_24h=_number(row.get("baseVolume")),
        quote_volume_24h=_number(row.get("quoteVolume")),
        as_of_ms=int(stamp) if stamp else None,
    )


def _step(ex: Any, value: Any) -> Decimal:
    """Return a grid's step from ccxt's precision: itself, or from its count of places."""
    if value is None or not math.isfinite(value):
        return Decimal(0)
    if ex.precisionMode == import_module("ccxt").DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(value))
    is_step = ex.precisionMode == import_module("ccxt").TICK_SIZE
    return max(Decimal(0), Decimal(repr(value))) if is_step else Decimal(0)


def _least(limits: Mapping[str, Any], name: str) -> Decimal:
    value = (limits.get(name) or {}).get("min")
    return Decimal(repr(value)) if value is not None and 0 < value < LARGEST else Decimal(0)


def _spec(ex: Any, market: Mapping[str, Any]) -> InstrumentSpec:
    """Return a pair's rules in integer units; a rule that is not told rules nothing out."""
    precision, limits = market["precision"], market["limits"]
    tick, step = _step(ex, precision["price"]), _step(ex, precision["amount"])
    base_scale, price_scale = max(8, places_of(step)), max(8, places_of(tick))
    return InstrumentSpec(
        symbol=f"{market['base']}/{market['quote']}",
        native_id=market["symbol"],
        base=market["base"],
        quote=market["quote"],
        base_scale=base_scale,
        quote_scale=8,
        price_scale=price_scale,
        tick=max(1, units_of(tick, price_scale)),
        step=max(1, units_of(step, base_scale)),
        min_quantity=units_of(_least(limits, "amount"), base_scale),
        min_notional=units_of(_least(limits, "cost"), 8),
        status=Status.TRADING if market.get("active") is not False else Status.HALTED,
    )
