"""The way to Interactive Brokers: what is asked of a gateway, and the package that asks it."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import import_module
from math import isfinite
from typing import Any, Protocol

from markets.providers.keyed import PlanLacks
from markets.providers.us_stocks import LARGEST
from mystic.lib.http import Malformed, RateLimited, Refused, SourceError, Unreachable

CONNECT_S = 8.0
REQUEST_S = 30.0
PACING_S = 60.0
DAY_BARS = "1 day"
LIVE_PORTS = {7496: 7497, 4001: 4002}
MISSING = "the package ib_async is missing: install it with `pip install ib_async`"
LIVE = 1


@dataclass(frozen=True, slots=True)
class GatewayBar:
    """A bar as the gateway gives it: `start` in UTC epoch seconds; midnight UTC for a day."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int


@dataclass(frozen=True, slots=True)
class GatewayQuote:
    """The newest prices; None where the gateway has none. `as_of_ms` is the last trade's time."""

    ticker: str
    last: float | None
    bid: float | None
    ask: float | None
    as_of_ms: int | None
    is_delayed: bool


@dataclass(frozen=True, slots=True)
class GatewayStock:
    """A US stock as the gateway lists it."""

    ticker: str
    name: str
    currency: str


class Gateway(Protocol):
    """What is asked from Interactive Brokers; every method may raise `SourceError`."""

    async def clock(self) -> int:
        """Return its clock, UTC epoch seconds."""

    async def stock(self, ticker: str) -> GatewayStock | None:
        """Return a stock that it knows."""

    async def search(self, text: str) -> list[GatewayStock]:
        """Return stocks whose ticker or name matches."""

    async def bars(self, ticker: str, size: str, duration: str, end_s: int) -> list[GatewayBar]:
        """Return the bars of `duration` before `end_s`."""

    async def quotes(self, tickers: Sequence[str]) -> list[GatewayQuote]:
        """Return the newest prices, late where live ones are not subscribed to."""

    async def aclose(self) -> None:
        """Leave."""


class IbAsyncGateway:
    """`Gateway` by the package `ib_async`, connected when first asked, for reading only."""

    def __init__(self, host: str, port: int, client_id: int) -> None:
        self._address = (host, port, client_id)
        self._ib: Any = None
        self._connecting = asyncio.Lock()

    async def clock(self) -> int:
        ib = await self._connected()
        moment: datetime = await self._answer(ib.reqCurrentTimeAsync())
        return int(moment.timestamp())

    async def stock(self, ticker: str) -> GatewayStock | None:
        ib = await self._connected()
        try:
            found = await self._answer(ib.reqContractDetailsAsync(self._contract(ticker)))
        except Refused:
            return None
        for one in found:
            return GatewayStock(_plain(one.contract.symbol), one.longName, one.contract.currency)
        return None

    async def search(self, text: str) -> list[GatewayStock]:
        ib = await self._connected()
        found = await self._answer(ib.reqMatchingSymbolsAsync(text))
        contracts = [one.contract for one in found or () if one.contract.secType == "STK"]
        return [
            GatewayStock(_plain(one.symbol), getattr(one, "description", ""), one.currency)
            for one in contracts
        ]

    async def bars(self, ticker: str, size: str, duration: str, end_s: int) -> list[GatewayBar]:
        ib = await self._connected()
        asked = ib.reqHistoricalDataAsync(
            self._contract(ticker),
            endDateTime=datetime.fromtimestamp(end_s, tz=UTC),
            durationStr=duration,
            barSizeSetting=size,
            whatToShow="TRADES",
            useRTH=size == DAY_BARS,
            formatDate=2,
            timeout=0,
        )
        return [
            GatewayBar(
                second_of(b.date), b.open, b.high, b.low, b.close, float(b.volume), int(b.barCount)
            )
            for b in await self._answer(asked)
        ]

    async def quotes(self, tickers: Sequence[str]) -> list[GatewayQuote]:
        ib = await self._connected()
        ib.reqMarketDataType(3)  # live where subscribed, else late
        contracts = [self._contract(ticker) for ticker in tickers]
        found = await self._answer(ib.reqTickersAsync(*contracts))
        return [
            GatewayQuote(
                ticker,
                _number(one.last),
                _number(one.bid),
                _number(one.ask),
                int(one.lastTimestamp.timestamp() * 1000) if one.lastTimestamp else None,
                is_delayed=one.marketDataType != LIVE,
            )
            for ticker, one in zip(tickers, found, strict=True)
        ]

    async def aclose(self) -> None:
        if self._ib is not None:
            self._ib.disconnect()
            self._ib = None

    async def _connected(self) -> Any:
        """Return the connection, made anew where it was lost.

        Raises
        ------
        Refused
            If the package is missing or the port is that of a live account.
        Unreachable
            If no gateway answers.
        """
        host, port, client_id = self._address
        if port in LIVE_PORTS:
            message = f"port {port} is the live account's; set IBKR_PORT to {LIVE_PORTS[port]}"
            raise Refused(message)
        async with self._connecting:
            if self._ib is None or not self._ib.isConnected():
                ib = _package().IB()
                ib.RaiseRequestErrors = True
                try:
                    await ib.connectAsync(
                        host, port, clientId=client_id, timeout=CONNECT_S, readonly=True
                    )
                except (OSError, TimeoutError, asyncio.CancelledError) as fault:
                    ib.disconnect()
                    if isinstance(fault, asyncio.CancelledError):
                        raise
                    message = f"no gateway answers at {host}:{port}: {type(fault).__name__}"
                    raise Unreachable(message) from None
                self._ib = ib
            return self._ib

    async def _answer[T](self, asked: Awaitable[T]) -> T:
        """Wait for an answer and give its error the name that says what to do."""
        try:
            async with asyncio.timeout(REQUEST_S):
                return await asked
        except TimeoutError:
            raise Unreachable(f"the gateway gave no answer in {REQUEST_S:g} s") from None
        except OSError as fault:
            raise Unreachable(f"the gateway is gone: {type(fault).__name__}") from None
        except _package().RequestError as fault:
            raise error_of(fault.code, fault.message) from None

    def _contract(self, ticker: str) -> Any:
        return _package().Stock(ticker.replace(".", " "), "SMART", "USD")


def error_of(code: int, message: str) -> SourceError:
    """Return the error that a code of the gateway stands for."""
    told = f"Interactive Brokers: {message[:200]} ({code})"
    if code == 162 and "pacing" in message.lower():
        return RateLimited(told, retry_after_s=PACING_S, is_ban=False)
    if code in {354, 420, 10089, 10090, 10168, 10197}:
        return PlanLacks(told)
    if code in {502, 503, 504, 1100, 1300}:
        return Unreachable(told)
    return Refused(told, code=code)


def _package() -> Any:
    try:
        return import_module("ib_async")
    except ImportError:
        raise Refused(MISSING) from None


def second_of(moment: Any) -> int:
    """Return a bar's start: a moment with a zone, or a day, which is keyed by its date."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            message = "a bar's time has no zone"
            raise Malformed(message)
        return int(moment.timestamp())
    if isinstance(moment, date):
        return int(datetime(moment.year, moment.month, moment.day, tzinfo=UTC).timestamp())
    raise Malformed(f"a bar's time is {str(moment)[:40]!r}")


def _number(value: float) -> float | None:
    """Return a price; the gateway writes NaN, -1 or the largest number where it has none."""
    return value if isfinite(value) and 0 < value < LARGEST else None


def _plain(symbol: str) -> str:
    return symbol.replace(" ", ".")
