"""cryptofeed's Binance feed on the flooded socket; its trades are the venue's aggregates."""

import asyncio
import time
from typing import Any

import cryptofeed.feed
from cryptofeed.connection import RestEndpoint, WebsocketEndpoint
from cryptofeed.defines import CANDLES, TICKER, TRADES
from cryptofeed.exchanges import Binance
from cryptofeed.exchanges.binance import Routes

from benchmarks.children import answer


class Unencrypted(cryptofeed.feed.WSAsyncConn):  # type: ignore[misc]  # it has no types
    """It takes encrypted addresses only; on loopback nothing is encrypted for anybody."""

    def __init__(self, address: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(address.replace("ws://", "wss://"), *args, **kwargs)
        self.address = address


cryptofeed.feed.WSAsyncConn = Unencrypted
CHANNELS = {"trade": TRADES, "kline": CANDLES, "bookTicker": TICKER}


async def read(url: str, kind: str, count: int) -> float:
    done, clock = asyncio.Event(), {"left": float(count), "began": 0.0, "spent": 0.0}

    async def take(*_: Any) -> None:
        if not clock["began"]:
            clock["began"] = time.process_time()
        clock["left"] -= 1
        if clock["left"] == 0:
            clock["spent"] = time.process_time() - clock["began"]
            done.set()

    http = url.replace("ws://", "http://")
    Binance.websocket_endpoints = [WebsocketEndpoint(url)]
    Binance.rest_endpoints = [RestEndpoint(http, routes=Routes("/api/v3/exchangeInfo"))]
    feed = Binance(
        symbols=["BTC-USDT"],
        channels=[CHANNELS[kind]],
        callbacks={CHANNELS[kind]: take},
        candle_closed_only=False,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(feed.run(stop))
    waiting = asyncio.create_task(done.wait())
    async with asyncio.timeout(120):
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    stop.set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return count / clock["spent"]


def work(url: str, kind: str, count: int) -> dict[str, Any]:
    return {"rate": asyncio.run(read(url, kind, count))}


if __name__ == "__main__":
    answer(work)
