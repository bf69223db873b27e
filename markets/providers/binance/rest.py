"""Binance's public REST API: each request pays its weight, each answer is checked."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

import msgspec

from markets.providers.base import (
    CandleRow,
    DepthSnapshot,
    InstrumentSpec,
    Levels,
    Status,
    TickerRow,
    TradeRow,
    is_official,
    source_name,
)
from markets.providers.binance.decode import (
    INTERVALS,
    LARGEST,
    Absolute,
    FrameError,
    Positive,
    Stamp,
    check_bar,
    check_levels,
)
from markets.providers.decimals import decimal_of, places_of, units_of
from markets.providers.names import check_pairs
from markets.providers.specs import storable
from mystic.lib.http import HttpClient, Malformed, Params, Refused
from mystic.lib.ratelimit import Priority, WeightBudget

USED_WEIGHT_HEADER = "x-mbx-used-weight-1m"
DEFAULT_WEIGHT_PER_MINUTE = 3000
UNKNOWN_SYMBOL = -1121
KLINES_PAGE = 1000
TRADES_PAGE = 1000
STATUSES = {"TRADING": Status.TRADING}
KlineRow = tuple[int, float, float, float, float, float, int, float, int, float, float, Any]


Places = Annotated[int, msgspec.Meta(ge=0, le=18)]


class _Time(msgspec.Struct):
    serverTime: int  # noqa: N815  the venue's name


class _Symbol(msgspec.Struct):
    symbol: str
    status: str
    baseAsset: str  # noqa: N815
    quoteAsset: str  # noqa: N815
    baseAssetPrecision: Places = 8  # noqa: N815
    quoteAssetPrecision: Places = 8  # noqa: N815
    filters: list[dict[str, Any]] = []


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


class _Ticker(msgspec.Struct):
    symbol: str
    lastPrice: Positive  # noqa: N815
    bidPrice: Absolute  # noqa: N815
    askPrice: Absolute  # noqa: N815
    openPrice: Absolute  # noqa: N815
    highPrice: Absolute  # noqa: N815
    lowPrice: Absolute  # noqa: N815
    volume: Absolute
    quoteVolume: Absolute  # noqa: N815
    closeTime: Stamp  # noqa: N815


class _AggTrade(msgspec.Struct, gc=False):
    a: int
    p: float
    q: float
    T: int
    m: bool


class _Depth(msgspec.Struct):
    lastUpdateId: int  # noqa: N815
    bids: Levels
    asks: Levels


def budget_default() -> WeightBudget:
    """Return a budget of half of what Binance allows one address."""
    return WeightBudget(DEFAULT_WEIGHT_PER_MINUTE, used_header=USED_WEIGHT_HEADER)


def depth_weight(limit: int) -> int:
    for most, weight in ((100, 5), (500, 25), (1000, 50)):
        if limit <= most:
            return weight
    return 250


def ticker_weight(symbols: int) -> int:
    for most, weight in ((20, 2), (100, 40)):
        if symbols <= most:
            return weight
    return 80


def _spec(symbol: _Symbol) -> InstrumentSpec:
    """Return a pair's rules in integer units; a filter that is not there rules nothing out."""
    filters = {str(f.get("filterType")): f for f in symbol.filters}

    def read(name: str, field: str) -> Any:
        about = f"{symbol.symbol} {name} {field}"
        return decimal_of(filters.get(name, {}).get(field, "0"), about)

    tick, step = read("PRICE_FILTER", "tickSize"), read("LOT_SIZE", "stepSize")
    notional = max(read("NOTIONAL", "minNotional"), read("MIN_NOTIONAL", "minNotional"))
    base_scale = max(symbol.baseAssetPrecision, places_of(step))
    price_scale = max(8, places_of(tick))
    return InstrumentSpec(
        symbol=f"{symbol.baseAsset}/{symbol.quoteAsset}",
        native_id=symbol.symbol,
        base=symbol.baseAsset,
        quote=symbol.quoteAsset,
        base_scale=base_scale,
        quote_scale=symbol.quoteAssetPrecision,
        price_scale=price_scale,
        tick=max(1, units_of(tick, price_scale)),
        step=max(1, units_of(step, base_scale)),
        min_quantity=units_of(read("LOT_SIZE", "minQty"), base_scale),
        min_notional=units_of(notional, symbol.quoteAssetPrecision),
        status=STATUSES.get(symbol.status, Status.HALTED),
    )


def _ticker(row: _Ticker) -> TickerRow:
    return TickerRow(
        native_id=row.symbol,
        last=row.lastPrice,
        bid=row.bidPrice or None,
        ask=row.askPrice or None,
        open_24h=row.openPrice,
        high_24h=row.highPrice,
        low_24h=row.lowPrice,
        volume_24h=row.volume,
        quote_volume_24h=row.quoteVolume,
        as_of_ms=row.closeTime,
    )


def _check(*native_ids: str) -> None:
    check_pairs(native_ids, what="pair of Binance", like="BTCUSDT")


def _json_list(native_ids: Sequence[str]) -> str:
    return msgspec.json.encode(list(native_ids)).decode()


class BinanceRest:
    """The request side of Binance at any base address; one per event loop."""

    provider = "binance"

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
        self._known_past_ms = 0

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self:
        return cls(env["BINANCE_REST_URL"])

    async def aclose(self) -> None:
        await self._client.aclose()

    def native_id(self, symbol: str) -> str:
        """Return Binance's name of a symbol: BTCUSDT for BTC/USDT."""
        return symbol.replace("/", "")

    async def server_time(self, *, priority: Priority = Priority.LIVE) -> int:
        """Return Binance's clock, UTC epoch milliseconds."""
        told: _Time = await self._get("/api/v3/time", (), _Time, 1, priority)
        self._known_past_ms = told.serverTime
        return told.serverTime

    async def exchange_info(self, native_ids: Sequence[str]) -> list[InstrumentSpec]:
        """Return the rules of those of `native_ids` that Binance knows.

        One unknown name makes Binance refuse the whole list, so then each is asked alone.
        """
        _check(*native_ids)
        try:
            return await self._exchange_info(native_ids)
        except Refused as refusal:
            if refusal.code != UNKNOWN_SYMBOL:
                raise
        specs: list[InstrumentSpec] = []
        for native_id in native_ids if len(native_ids) > 1 else ():
            specs += await self.exchange_info([native_id])
        return specs

    async def _exchange_info(self, native_ids: Sequence[str]) -> list[InstrumentSpec]:
        # Without names the whole list of the spot market comes.
        whole = (("permissions", "SPOT"), ("showPermissionSets", "false"))
        params = (("symbols", _json_list(native_ids)),) if native_ids else whole
        info: _ExchangeInfo = await self._get(
            "/api/v3/exchangeInfo", params, _ExchangeInfo, 20, Priority.CHART
        )
        return storable(_spec(symbol) for symbol in info.symbols)

    async def klines(
        self,
        native_id: str,
        timeframe: int,
        start: int | None = None,
        end: int | None = None,
        limit: int = KLINES_PAGE,
        *,
        priority: Priority = Priority.CHART,
    ) -> list[CandleRow]:
        """Return closed bars with start <= open_time < end (epoch seconds), oldest first.

        A bar is closed when its end lies before the time that Binance told before it was asked
        for the bars; our own clock plays no part.

        Raises
        ------
        Refused
            For a timeframe that Binance does not have.
        """
        if timeframe not in INTERVALS:
            raise Refused(f"Binance has no bars of {timeframe} s")
        _check(native_id)
        params: list[tuple[str, str | int]] = [
            ("symbol", native_id),
            ("interval", INTERVALS[timeframe]),
            ("limit", min(limit, KLINES_PAGE)),
        ]
        params += [("startTime", start * 1000)] if start is not None else []
        params += [("endTime", end * 1000 - 1)] if end is not None else []
        if end is None or end * 1000 > self._known_past_ms:
            await self.server_time(priority=priority)
        rows: list[KlineRow] = await self._get(
            "/api/v3/klines", tuple(params), list[KlineRow], 2, priority
        )
        return self._checked(rows, native_id, timeframe, start, end)

    def _checked(
        self,
        rows: list[KlineRow],
        native_id: str,
        timeframe: int,
        start: int | None,
        end: int | None,
    ) -> list[CandleRow]:
        """Return the closed rows in seconds; a single impossible one condemns the answer."""
        bars: list[CandleRow] = []
        last_ms = -1
        for row in rows:
            open_ms, close_ms = row[0], row[6]
            if close_ms >= self._known_past_ms:
                continue
            is_placed = open_ms > last_ms and open_ms % (timeframe * 1000) == 0
            is_inside = (start is None or open_ms >= start * 1000) and (
                end is None or open_ms < end * 1000
            )
            if not (is_placed and is_inside):
                raise Malformed(f"bars of {native_id}: {open_ms} is out of place")
            try:
                check_bar(*row[1:6])
            except FrameError as fault:
                raise Malformed(f"bars of {native_id}: {fault} at {open_ms}") from None
            last_ms = open_ms
            bars.append(CandleRow(open_ms // 1000, *row[1:6], trades=row[8]))
        return bars

    async def tickers(self, native_ids: Sequence[str]) -> list[TickerRow]:
        """Return the newest prices and the rolling 24 hours."""
        _check(*native_ids)
        params = (("symbols", _json_list(native_ids)),)
        weight = ticker_weight(len(native_ids))
        rows: list[_Ticker] = await self._get(
            "/api/v3/ticker/24hr", params, list[_Ticker], weight, Priority.CHART
        )
        return [_ticker(row) for row in rows]

    async def agg_trades(
        self,
        native_id: str,
        start_ms: int | None = None,
        end_ms: int | None = None,
        *,
        from_id: int | None = None,
        limit: int = TRADES_PAGE,
        priority: Priority = Priority.BACKFILL,
    ) -> list[TradeRow]:
        """Return trades of one price and side joined, oldest first: start <= time < end.

        With `from_id` the page begins at that joined trade, whatever its time.
        """
        _check(native_id)
        params: list[tuple[str, str | int]] = [("symbol", native_id), ("limit", limit)]
        params += [("fromId", from_id)] if from_id is not None else []
        params += [("startTime", start_ms)] if start_ms is not None else []
        params += [("endTime", end_ms - 1)] if end_ms is not None else []
        rows: list[_AggTrade] = await self._get(
            "/api/v3/aggTrades", tuple(params), list[_AggTrade], 4, priority
        )
        last = -1
        for row in rows:
            is_possible = 0 < row.p < LARGEST and 0 < row.q < LARGEST and row.T > 0
            if not is_possible or row.a <= last:
                raise Malformed(f"trades of {native_id}: {row.a} cannot be")
            last = row.a
        return [TradeRow(row.a, row.p, row.q, row.m, row.T) for row in rows]

    async def depth(self, native_id: str, limit: int = 1000) -> DepthSnapshot:
        """Return the order book, best levels first."""
        _check(native_id)
        params = (("symbol", native_id), ("limit", limit))
        book: _Depth = await self._get(
            "/api/v3/depth", params, _Depth, depth_weight(limit), Priority.LIVE
        )
        try:
            check_levels(book.bids)
            check_levels(book.asks)
        except FrameError as fault:
            raise Malformed(f"book of {native_id}: {fault}") from None
        if book.bids and book.asks and book.bids[0][0] >= book.asks[0][0]:
            raise Malformed(f"book of {native_id} is crossed")
        return DepthSnapshot(native_id, book.lastUpdateId, book.bids, book.asks)

    async def _get(
        self, path: str, params: Params, kind: Any, weight: int, priority: Priority
    ) -> Any:
        gate = self.budget.gate(weight, priority)
        return await self._client.get_json(path, params, type=kind, gate=gate)
