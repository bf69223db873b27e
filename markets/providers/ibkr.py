"""Interactive Brokers through a gateway of your own: experimental, read only, never an order.

`IbkrRest` speaks to the small protocol `Gateway`; `IbAsyncGateway` fills it with the optional
package `ib_async`, which is imported when it is first asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from math import ceil
from typing import Any, Self

from markets.providers.base import CandleRow, InstrumentSpec, Status, TickerRow
from markets.providers.ibkr_gateway import (
    DAY_BARS,
    Gateway,
    GatewayBar,
    GatewayStock,
    IbAsyncGateway,
)
from markets.providers.us_stocks import (
    DAY_S,
    LARGEST,
    checked_row,
    checked_ticker,
    in_range,
    ordered,
    price,
    stock_spec,
)
from mystic.lib.http import Malformed, Refused
from mystic.lib.ratelimit import Priority, WeightBudget

TIMEFRAMES = {
    60: "1 min",
    300: "5 mins",
    900: "15 mins",
    1800: "30 mins",
    3600: "1 hour",
    DAY_S: DAY_BARS,
}
BARS_PAGE = 1_000
# Sixty requests for history in ten minutes are allowed; we take half of that.
WEIGHT_PER_MINUTE = 60
HISTORY_WEIGHT = 20


class IbkrRest:
    """The request side of Interactive Brokers; one per event loop.

    Attributes
    ----------
    is_official : bool
        False: whose machine the gateway is cannot be proved, so nothing of it counts as live.
    is_delayed : bool
        Whether the last quotes were late: the account has no subscription to live ones.
    """

    provider = "ibkr"
    source = "ibkr"
    is_official = False
    detail = "a gateway of your own; bars adjusted for splits"

    def __init__(self, gateway: Gateway, *, budget: WeightBudget | None = None) -> None:
        self.budget = budget or WeightBudget(WEIGHT_PER_MINUTE)
        self.is_delayed = True
        self._gateway = gateway

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self:
        gateway = IbAsyncGateway(env["IBKR_HOST"], env["IBKR_PORT"], env["IBKR_CLIENT_ID"])
        return cls(gateway)

    async def aclose(self) -> None:
        await self._gateway.aclose()

    def native_id(self, symbol: str) -> str:
        """Return the ticker of a symbol: AAPL for AAPL/USD."""
        return symbol.removesuffix("/USD")

    async def server_time(self, *, priority: Priority = Priority.LIVE) -> int:
        """Return the gateway's clock, UTC epoch milliseconds."""
        await self.budget.acquire(1, priority)
        return in_range(await self._gateway.clock() * 1000)

    async def exchange_info(self, native_ids: Sequence[str]) -> list[InstrumentSpec]:
        """Return those of `native_ids` that are US stocks; whole shares, cents."""
        found = []
        for native_id in native_ids:
            checked_ticker(native_id)
            await self.budget.acquire(1, Priority.CHART)
            found.append(await self._gateway.stock(native_id))
        return _specs(stock for stock in found if stock is not None)

    async def search(self, text: str, *, limit: int = 20) -> list[InstrumentSpec]:
        """Return US stocks whose ticker or name matches."""
        if not text.strip():
            return []
        await self.budget.acquire(1, Priority.CHART)
        return _specs(await self._gateway.search(text.strip()[:40]))[:limit]

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
        """Return closed bars with start <= open_time < end (epoch seconds), oldest first.

        A bar is closed when it had ended by the clock that was asked before. Prices are adjusted
        for splits; the gateway has no raw ones.

        Raises
        ------
        Refused
            For a timeframe that is not asked for, or an unknown stock.
        PlanLacks
            When the account has no subscription to these data.
        """
        if timeframe not in TIMEFRAMES:
            raise Refused(f"Interactive Brokers is not asked for bars of {timeframe} s")
        checked_ticker(native_id)
        known_s = await self.server_time(priority=priority) // 1000
        most = min(limit, BARS_PAGE)
        end_s = min(end or known_s, known_s)
        if start is not None:
            end_s = min(end_s, start + most * timeframe)
        span_s = end_s - start if start is not None else 3 * most * timeframe + 4 * DAY_S
        if span_s <= 0 or most < 1:
            return []
        await self.budget.acquire(HISTORY_WEIGHT, priority)
        given = await self._gateway.bars(
            native_id, TIMEFRAMES[timeframe], _duration(span_s, timeframe), end_s
        )
        rows = ordered(
            _row(bar, timeframe)
            for bar in given
            if bar.start + timeframe <= known_s and (start or 0) <= bar.start < end_s
        )
        return rows[-most:] if start is None else rows[:most]

    async def tickers(self, native_ids: Sequence[str]) -> list[TickerRow]:
        """Return the newest prices; a stock without a last price is left out."""
        for native_id in native_ids:
            checked_ticker(native_id)
        if not native_ids:
            return []
        await self.budget.acquire(len(native_ids), Priority.CHART)
        quotes = await self._gateway.quotes(native_ids)
        self.is_delayed = any(quote.is_delayed for quote in quotes)
        return [
            TickerRow(
                native_id=quote.ticker,
                last=last,
                bid=price(quote.bid),
                ask=price(quote.ask),
                open_24h=None,
                high_24h=None,
                low_24h=None,
                volume_24h=None,
                quote_volume_24h=None,
                as_of_ms=quote.as_of_ms,
                is_delayed=quote.is_delayed,
            )
            for quote in quotes
            if (last := price(quote.last)) is not None
        ]


def _specs(stocks: Iterable[GatewayStock]) -> list[InstrumentSpec]:
    found = []
    for stock in stocks:
        with suppress(Refused):
            ticker = checked_ticker(stock.ticker)
            is_ours = stock.currency == "USD"
            found += [stock_spec(ticker, stock.name, Status.TRADING)] if is_ours else []
    return found


def _row(bar: GatewayBar, timeframe: int) -> CandleRow:
    if bar.start % timeframe or not 0 < bar.start < LARGEST:
        raise Malformed(f"a bar of {timeframe} s begins at {bar.start}, off the grid")
    values = (bar.open, bar.high, bar.low, bar.close, bar.volume)
    return checked_row(bar.start, values, max(bar.trades, -1))


def _duration(span_s: int, timeframe: int) -> str:
    """Return a span in the gateway's words: seconds up to a day, then days, then years."""
    if timeframe < DAY_S and span_s <= DAY_S:
        return f"{max(span_s, 60)} S"
    days = ceil(span_s / DAY_S)
    return f"{days} D" if days <= 365 else f"{ceil(days / 365)} Y"
