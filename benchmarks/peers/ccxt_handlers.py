"""ccxt.pro: a frame's bytes through its client and its handler, as `watch_*` does."""

import asyncio
import time
from typing import Any

import ccxt.pro
from aiohttp import WSMessage, WSMsgType
from ccxt.async_support.base.ws.client import Client

from benchmarks.children import answer
from benchmarks.inputs import frames

# One pair as the venue's exchangeInfo gives it.
PAIR = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1e6", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    ],
    "permissions": ["SPOT"],
}


def ignore(*_: Any) -> None:
    """Take what the client tells about its connection."""


async def handle(kind: str, count: int) -> float:
    exchange = ccxt.pro.binance()
    exchange.options |= {"crossMarginPairsData": [], "isolatedMarginPairsData": []}
    exchange.set_markets([exchange.parse_market(PAIR)])
    url = exchange.urls["api"]["ws"]["spot"] + "/0"
    client = Client(url, exchange.handle_message, ignore, ignore, ignore)
    messages = [WSMessage(WSMsgType.TEXT, raw.decode(), None) for raw in frames(kind, count)]
    began = time.process_time()
    for message in messages:
        client.handle_message(message)
    spent = time.process_time() - began
    seen = {"trade": exchange.trades, "kline": exchange.ohlcvs, "bookTicker": exchange.bidsasks}
    if "BTC/USDT" not in seen[kind]:
        raise RuntimeError(f"ccxt.pro did not take the {kind} frames")
    await exchange.close()
    return count / spent


def work(kind: str, count: int) -> dict[str, Any]:
    return {"rate": asyncio.run(handle(kind, count))}


if __name__ == "__main__":
    answer(work)
