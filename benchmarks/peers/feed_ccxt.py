"""ccxt.pro's `watch_*` on the flooded socket."""

import asyncio
import time
from typing import Any

import ccxt.pro

from benchmarks.children import answer

HANDLERS = {"trade": "handle_trade", "kline": "handle_ohlcv", "bookTicker": "handle_bids_asks"}


def counting(kind: str, count: int) -> tuple[Any, asyncio.Event, dict[str, float]]:
    done, clock = asyncio.Event(), {"left": float(count), "began": 0.0, "spent": 0.0}

    class Counting(ccxt.pro.binance):  # type: ignore[misc]  # ccxt has no types
        def take(self, client: Any, message: Any) -> None:
            if not clock["began"]:
                clock["began"] = time.process_time()
            getattr(ccxt.pro.binance, HANDLERS[kind])(self, client, message)
            clock["left"] -= 1
            if clock["left"] == 0:
                clock["spent"] = time.process_time() - clock["began"]
                done.set()

    setattr(Counting, HANDLERS[kind], Counting.take)
    return Counting(), done, clock


async def read(url: str, kind: str, count: int) -> float:
    exchange, done, clock = counting(kind, count)
    http = url.replace("ws://", "http://")
    exchange.urls["api"]["public"] = f"{http}/api/v3"
    exchange.urls["api"]["ws"]["spot"] = f"{url}/ws"
    exchange.options |= {
        "fetchMargins": False,
        "fetchMarkets": {"types": ["spot"]},
        "fetchCurrencies": False,
        "crossMarginPairsData": [],
        "isolatedMarginPairsData": [],
    }
    exchange.has["fetchCurrencies"] = False
    await exchange.load_markets()
    watch = {
        "trade": lambda: exchange.watch_trades_for_symbols(["BTC/USDT"]),
        "kline": lambda: exchange.watch_ohlcv_for_symbols([["BTC/USDT", "1m"]]),
        "bookTicker": lambda: exchange.watch_bids_asks(["BTC/USDT"]),
    }[kind]

    async def keep() -> None:
        while not done.is_set():
            await watch()  # type: ignore[no-untyped-call]  # ccxt has no types

    task = asyncio.create_task(keep())
    async with asyncio.timeout(120):
        await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await exchange.close()
    return count / clock["spent"]


def work(url: str, kind: str, count: int) -> dict[str, Any]:
    return {"rate": asyncio.run(read(url, kind, count))}


if __name__ == "__main__":
    answer(work)
