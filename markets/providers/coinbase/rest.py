"""Coinbase's public REST API: bars, product rules and prices for the fallback."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import msgspec

from markets.providers.base import (
    CandleRow,
    DepthSnapshot,
    InstrumentSpec,
    Levels,
    Status,
    TickerRow,
    is_official,
    source_name,
)
from markets.providers.coinbase.jwt import Key, TokenAuth
from markets.providers.decimals import decimal_of, places_of, units_of
from markets.providers.names import check_pairs
from markets.providers.specs import storable
from mystic.lib.http import HttpClient, Malformed, Params, Refused
from mystic.lib.ratelimit import Priority, WeightBudget

GRANULARITIES = {
    60: "ONE_MINUTE",
    300: "FIVE_MINUTE",
    900: "FIFTEEN_MINUTE",
    1800: "THIRTY_MINUTE",
    3600: "ONE_HOUR",
    7200: "TWO_HOUR",
    21600: "SIX_HOUR",
    86400: "ONE_DAY",
}
CANDLES_PAGE = 300
REQUESTS_PER_MINUTE = 300
LARGEST = 1e15


class _Time(msgspec.Struct):
    epochMillis: int  # noqa: N815  the venue's name


class _Candle(msgspec.Struct):
    start: int
    low: float
    high: float
    open: float
    close: float
    volume: float


class _Candles(msgspec.Struct):
    candles: list[_Candle]


class _Product(msgspec.Struct):
    product_id: str
    base_currency_id: str
    quote_currency_id: str
    base_increment: str
    quote_increment: str
    base_min_size: str = "0"
    quote_min_size: str = "0"
    price_increment: str = ""
    status: str = ""
    trading_disabled: bool = False
    is_disabled: bool = False
    cancel_only: bool = False
    view_only: bool = False


class _Price(msgspec.Struct):
    product_id: str
    price: str = ""


class _Prices(msgspec.Struct):
    products: list[_Price]


class _Level(msgspec.Struct, gc=False):
    price: float
    size: float


class _Pricebook(msgspec.Struct):
    product_id: str
    bids: list[_Level]
    asks: list[_Level]


class _Book(msgspec.Struct):
    pricebook: _Pricebook


class _Products(msgspec.Struct):
    products: list[_Product]


class _TickerTrade(msgspec.Struct):
    price: float


class _Ticker(msgspec.Struct):
    trades: list[_TickerTrade]
    best_bid: str = ""
    best_ask: str = ""


def budget_default() -> WeightBudget:
    """Return a budget of five public requests a second, each of weight one."""
    return WeightBudget(REQUESTS_PER_MINUTE)


def _status(product: _Product) -> Status:
    if product.status == "delisted":
        return Status.DELISTED
    is_closed = (
        product.trading_disabled
        or product.is_disabled
        or product.cancel_only
        or product.view_only
        or product.status != "online"
    )
    return Status.HALTED if is_closed else Status.TRADING


def _spec(product: _Product) -> InstrumentSpec:
    """Return a product's rules in integer units."""

    def read(field: str) -> Any:
        return decimal_of(getattr(product, field), f"{product.product_id} {field}")

    step, quote_step = read("base_increment"), read("quote_increment")
    tick = read("price_increment") if product.price_increment else quote_step
    base_scale = max(8, places_of(step))
    quote_scale = max(8, places_of(quote_step))
    price_scale = max(8, places_of(tick))
    return InstrumentSpec(
        symbol=f"{product.base_currency_id}/{product.quote_currency_id}",
        native_id=product.product_id,
        base=product.base_currency_id,
        quote=product.quote_currency_id,
        base_scale=base_scale,
        quote_scale=quote_scale,
        price_scale=price_scale,
        tick=max(1, units_of(tick, price_scale)),
        step=max(1, units_of(step, base_scale)),
        min_quantity=units_of(read("base_min_size"), base_scale),
        min_notional=units_of(read("quote_min_size"), quote_scale),
        status=_status(product),
    )


def _price(text: str) -> float | None:
    """Return a price, None for the empty text that Coinbase writes where it has none."""
    if not text:
        return None
    value = float(decimal_of(text, "price"))
    return value if 0 < value < LARGEST else None


def _check(*native_ids: str) -> None:
    check_pairs(native_ids, what="pair of Coinbase", like="BTC-USDT")


def _last(native_id: str, price: float) -> TickerRow:
    nothing = (None,) * 8
    return TickerRow(native_id, price, *nothing)


def _levels(rows: Sequence[_Level]) -> Levels:
    for row in rows:
        if not (0 < row.price < LARGEST and 0 <= row.size < LARGEST):
            message = "impossible level"
            raise Malformed(message)
    return tuple((row.price, row.size) for row in rows)


def _row(candle: _Candle) -> CandleRow:
    o, h, low, c = candle.open, candle.high, candle.low, candle.close
    is_possible = 0 < low <= o <= h < LARGEST and low <= c <= h and 0 <= candle.volume < LARGEST
    if not is_possible:
        raise Malformed(f"an impossible bar at {candle.start}")
    return CandleRow(candle.start, o, h, low, c, candle.volume)


class CoinbaseRest:
    """The request side of Coinbase at any base address; one per event loop."""

    provider = "coinbase"

    def __init__(
        self,
        base_url: str,
        budget: WeightBudget | None = None,
        client: HttpClient | None = None,
    ) -> None:
        self.source = source_name(self.provider, base_url)
        self.is_official = is_official(self.provider, base_url)
        self.budget = budget or budget_default()
        self._client = client or HttpClient(base_url)

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self:
        """Return the client of the settings; with a key its requests are signed."""
        key, url = Key.from_settings(env), env["COINBASE_REST_URL"]
        return cls(url, client=HttpClient(url, auth=None if key is None else TokenAuth(key)))

    async def aclose(self) -> None:
        await self._client.aclose()

    def native_id(self, symbol: str) -> str:
        """Return Coinbase's name of a symbol: BTC-USDT for BTC/USDT, never its USD pair."""
        return symbol.replace("/", "-")

    async def server_time(self, *, priority: Priority = Priority.LIVE) -> int:
        """Return Coinbase's clock, UTC epoch milliseconds."""
        told: _Time = await self._get("/time", (), _Time, priority)
        return told.epochMillis

    async def exchange_info(self, native_ids: Sequence[str]) -> list[InstrumentSpec]:
        """Return the rules of those of `native_ids` that Coinbase knows."""
        _check(*native_ids)
        params = tuple(("product_ids", native_id) for native_id in native_ids)
        answer: _Products = await self._get("/market/products", params, _Products, Priority.CHART)
        wanted = set(native_ids)
        return storable(_spec(one) for one in answer.products if one.product_id in wanted)

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

        At most 300 rows come back; buckets without trades are missing in Coinbase's answer.

        Raises
        ------
        Refused
            For a timeframe that Coinbase does not have, such as four hours.
        """
        if timeframe not in GRANULARITIES:
            raise Refused(f"Coinbase has no bars of {timeframe} s")
        _check(native_id)
        now_s = await self.server_time(priority=priority) // 1000
        most = min(limit, CANDLES_PAGE)
        end = min(end or now_s, now_s)
        first = start if start is not None else end - most * timeframe
        last = min(end, first + most * timeframe)
        if first >= last:
            return []
        params = (
            ("start", first),
            ("end", last),
            ("granularity", GRANULARITIES[timeframe]),
            ("limit", most),
        )
        path = f"/market/products/{native_id}/candles"
        answer: _Candles = await self._get(path, params, _Candles, priority)
        return self._checked(answer.candles, timeframe, first, last, now_s)

    def _checked(
        self, candles: list[_Candle], timeframe: int, first: int, last: int, now_s: int
    ) -> list[CandleRow]:
        """Return the closed rows in ascending order; a misplaced one condemns the answer."""
        rows = [
            _row(candle)
            for candle in sorted(candles, key=lambda c: c.start)
            if first <= candle.start < last and candle.start + timeframe <= now_s
        ]
        times = [row.open_time for row in rows]
        if len(set(times)) != len(times) or any(t % timeframe for t in times):
            message = "bars are doubled or off the grid"
            raise Malformed(message)
        return rows

    async def tickers(self, native_ids: Sequence[str]) -> list[TickerRow]:
        """Return the newest prices, one request for each product."""
        _check(*native_ids)
        return [await self._one_ticker(native_id) for native_id in native_ids]

    async def _one_ticker(self, native_id: str) -> TickerRow:
        path = f"/market/products/{native_id}/ticker"
        told: _Ticker = await self._get(path, (("limit", 1),), _Ticker, Priority.CHART)
        if not told.trades or not 0 < told.trades[0].price < LARGEST:
            raise Malformed(f"the ticker of {native_id} has no possible price")
        return TickerRow(
            native_id=native_id,
            last=told.trades[0].price,
            bid=_price(told.best_bid),
            ask=_price(told.best_ask),
            open_24h=None,
            high_24h=None,
            low_24h=None,
            volume_24h=None,
            quote_volume_24h=None,
            as_of_ms=None,
        )

    async def prices(
        self, native_ids: Sequence[str], *, priority: Priority = Priority.CHART
    ) -> list[TickerRow]:
        """Return the last prices of many products in one request, without bid and ask."""
        _check(*native_ids)
        params = tuple(("product_ids", native_id) for native_id in native_ids)
        told: _Prices = await self._get("/market/products", params, _Prices, priority)
        wanted = set(native_ids)
        found = [(p.product_id, _price(p.price)) for p in told.products if p.product_id in wanted]
        return [_last(native_id, price) for native_id, price in found if price is not None]

    async def depth(
        self, native_id: str, limit: int = 100, *, priority: Priority = Priority.LIVE
    ) -> DepthSnapshot:
        """Return the order book, best levels first; Coinbase's REST book has no update id."""
        _check(native_id)
        params = (("product_id", native_id), ("limit", limit))
        told: _Book = await self._get("/market/product_book", params, _Book, priority)
        book = told.pricebook
        if book.product_id != native_id:
            raise Malformed(f"asked for the book of {native_id}, got that of {book.product_id}")
        bids, asks = _levels(book.bids), _levels(book.asks)
        if bids and asks and bids[0][0] >= asks[0][0]:
            raise Malformed(f"the book of {native_id} is crossed")
        return DepthSnapshot(native_id, 0, bids, asks)

    async def _get(self, path: str, params: Params, kind: Any, priority: Priority) -> Any:
        return await self._client.get_json(
            path, params, type=kind, gate=self.budget.gate(1, priority)
        )
