"""python-binance's multiplexed socket on the flooded server; it gives plain dictionaries."""

import asyncio
import time
from typing import Any

from binance import AsyncClient, BinanceSocketManager

from benchmarks.children import answer

STREAMS = {"trade": "trade", "kline": "kline_1m", "bookTicker": "bookTicker"}


async def read(url: str, kind: str, count: int) -> float:
    client = AsyncClient()
    sockets = BinanceSocketManager(client, max_queue_size=count + 10)
    sockets.STREAM_URL = f"{url}/"
    async with asyncio.timeout(120):
        async with sockets.multiplex_socket([f"btcusdt@{STREAMS[kind]}"]) as socket:
            await socket.recv()
            began = time.process_time()
            for _ in range(count - 1):
                await socket.recv()
            spent = time.process_time() - began
    await client.close_connection()
    return count / spent


def work(url: str, kind: str, count: int) -> dict[str, Any]:
    return {"rate": asyncio.run(read(url, kind, count))}


if __name__ == "__main__":
    answer(work)
