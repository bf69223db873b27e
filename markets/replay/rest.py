"""The REST side of the replayed venue: Binance's paths, weights, rows and error bodies."""

import time
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from markets.providers.binance.decode import SECONDS
from markets.providers.binance.rest import depth_weight, ticker_weight
from markets.replay.market import Board, plain

WEIGHT_LIMIT = 6000
Query = dict[str, str]


class RestError(Exception):
    """A refusal with the venue's status and code."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Rest:
    """Answers one GET at the venue's present moment.

    Parameters
    ----------
    boards : callable
        Returns the symbols by their names.
    now_ms : callable
        Returns the venue's clock.
    """

    def __init__(self, boards: Callable[[], dict[str, Board]], now_ms: Callable[[], int]) -> None:
        self._boards = boards
        self._now_ms = now_ms
        self._minute = 0
        self._used = 0
        self._routes: dict[str, tuple[Callable[[Query], int], Callable[[Query], Any]]] = {
            "/api/v3/ping": (lambda _: 1, lambda _: {}),
            "/api/v3/time": (lambda _: 1, lambda _: {"serverTime": now_ms()}),
            "/api/v3/exchangeInfo": (lambda _: 20, self._exchange_info),
            "/api/v3/klines": (lambda _: 2, self._klines),
            "/api/v3/uiKlines": (lambda _: 2, self._klines),
            "/api/v3/depth": (lambda q: depth_weight(_whole(q, "limit", 100, 5000)), self._depth),
            "/api/v3/ticker/24hr": (self._weigh_tickers, self._day_tickers),
            "/api/v3/ticker/price": (lambda _: 2, self._prices),
            "/api/v3/ticker/bookTicker": (lambda _: 2, self._book_tickers),
        }

    def answer(self, target: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body for a request target such as `/api/v3/time`."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        try:
            weigh, act = self._route(parts.path)
            headers = self._charge(weigh(query))
            return 200, headers, msgspec.json.encode(act(query))
        except RestError as refusal:
            headers = self._charge(0) if refusal.status != 429 else self._full()
            told = {"code": refusal.code, "msg": str(refusal)}
            return refusal.status, headers, msgspec.json.encode(told)

    def _route(self, path: str) -> tuple[Callable[[Query], int], Callable[[Query], Any]]:
        if path not in self._routes:
            raise RestError(404, -1000, f"{path} is not part of this replay.")
        return self._routes[path]

    def _charge(self, weight: int) -> dict[str, str]:
        """Count the weight in our own minute, as the venue counts it by its clock."""
        minute = int(time.time() // 60)
        if minute != self._minute:
            self._minute, self._used = minute, 0
        if self._used + weight > WEIGHT_LIMIT:
            raise RestError(429, -1003, "Too much request weight used; stop until Retry-After.")
        self._used += weight
        return {"X-MBX-USED-WEIGHT-1M": str(self._used)}

    def _full(self) -> dict[str, str]:
        wait_s = 60 - int(time.time()) % 60
        return {"X-MBX-USED-WEIGHT-1M": str(self._used), "Retry-After": str(wait_s)}

    def _board(self, query: Query) -> Board:
        symbol = query.get("symbol")
        if symbol is None:
            raise RestError(400, -1102, "Mandatory parameter 'symbol' was not sent.")
        return self._known(symbol)

    def _known(self, symbol: str) -> Board:
        board = self._boards().get(symbol)
        if board is None:
            raise RestError(400, -1121, "Invalid symbol.")
        return board

    def _asked(self, query: Query) -> list[Board]:
        """Return the boards that `symbol`, `symbols` or neither asks for."""
        if "symbol" in query:
            return [self._board(query)]
        if "symbols" not in query:
            return list(self._boards().values())
        try:
            symbols = msgspec.json.decode(query["symbols"], type=list[str])
        except msgspec.DecodeError:
            raise RestError(
                400, -1100, "Illegal characters found in parameter 'symbols'."
            ) from None
        return [self._known(symbol) for symbol in symbols]

    def _shaped(self, query: Query, rows: list[dict[str, Any]]) -> Any:
        return rows[0] if "symbol" in query else rows

    def _exchange_info(self, query: Query) -> Any:
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        return {
            "timezone": "UTC",
            "serverTime": self._now_ms(),
            "rateLimits": [{**limit, "limit": WEIGHT_LIMIT}],
            "exchangeFilters": [],
            "symbols": [board.info() for board in self._asked(query)],
        }

    def _klines(self, query: Query) -> Any:
        board = self._board(query)
        seconds = SECONDS.get(query.get("interval", ""))
        limit = _whole(query, "limit", 500, 1000)
        start, end = _moment(query, "startTime"), _moment(query, "endTime")
        rows = None
        if seconds is not None:
            rows = board.klines(seconds, start, end, limit, self._now_ms())
        if rows is None:
            raise RestError(400, -1120, "Invalid interval.")
        return rows

    def _depth(self, query: Query) -> Any:
        book = self._board(query).depth(_whole(query, "limit", 100, 5000))
        if book is None:
            raise RestError(503, -1001, "The recording holds no book at this moment.")
        return book

    def _weigh_tickers(self, query: Query) -> int:
        return ticker_weight(len(self._asked(query)))

    def _day_tickers(self, query: Query) -> Any:
        now_ms = self._now_ms()
        rows = [row for board in self._asked(query) if (row := _day_ticker(board, now_ms))]
        if not rows and "symbol" in query:
            raise RestError(503, -1001, "The recording holds no price at this moment.")
        return self._shaped(query, rows)

    def _prices(self, query: Query) -> Any:
        rows = [
            {"symbol": board.native_id, "price": board.last()}
            for board in self._asked(query)
            if board.last() is not None
        ]
        if not rows and "symbol" in query:
            raise RestError(503, -1001, "The recording holds no price at this moment.")
        return self._shaped(query, rows)

    def _book_tickers(self, query: Query) -> Any:
        names = ("bidPrice", "bidQty", "askPrice", "askQty")
        rows = [
            {"symbol": board.native_id, **dict(zip(names, best, strict=True))}
            for board in self._asked(query)
            if (best := board.best()) is not None
        ]
        if not rows and "symbol" in query:
            raise RestError(503, -1001, "The recording holds no quote at this moment.")
        return self._shaped(query, rows)


def _whole(query: Query, name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise RestError(400, -1100, f"Illegal characters found in parameter '{name}'.")
    return min(int(text), most)


def _moment(query: Query, name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        raise RestError(400, -1100, f"Illegal characters found in parameter '{name}'.")
    return int(text)


def _day_ticker(board: Board, now_ms: int) -> dict[str, Any] | None:
    """Return the rolling day as far as the recording knows it, None without a price."""
    last = board.last()
    if last is None:
        return None
    rows = board.day(now_ms)
    best = board.best() or ("0", "0", "0", "0")
    first = rows[0][1] if rows else last
    change = Decimal(last) - Decimal(first)
    volume = sum((Decimal(row[5]) for row in rows), Decimal(0))
    money = sum((Decimal(row[7]) for row in rows), Decimal(0))
    try:
        percent, average = change / Decimal(first) * 100, money / volume
    except (InvalidOperation, ZeroDivisionError):
        percent, average = change / Decimal(first) * 100, Decimal(last)
    return {
        "symbol": board.native_id,
        "priceChange": plain(change),
        "priceChangePercent": f"{percent:.3f}",
        "weightedAvgPrice": f"{average:.8f}",
        "prevClosePrice": first,
        "lastPrice": last,
        "lastQty": "0",
        "bidPrice": best[0],
        "bidQty": best[1],
        "askPrice": best[2],
        "askQty": best[3],
        "openPrice": first,
        "highPrice": max((row[2] for row in rows), key=Decimal, default=last),
        "lowPrice": min((row[3] for row in rows), key=Decimal, default=last),
        "volume": plain(volume),
        "quoteVolume": plain(money),
        "openTime": rows[0][0] if rows else now_ms,
        "closeTime": now_ms,
        "firstId": -1,
        "lastId": -1,
        "count": sum(row[8] for row in rows),
    }
