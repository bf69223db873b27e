"""Mystic's stream: socket, decoder and the values handed over, per second of processor time."""

import asyncio
import time
from typing import Any

from benchmarks.children import answer
from markets.providers.base import StreamState
from markets.providers.binance.stream import BinanceStream

STREAMS = {"trade": "trade", "kline": "kline_1m", "bookTicker": "bookTicker"}


class Counted:
    """A handler that only counts."""

    def __init__(self, wanted: int) -> None:
        self.left = wanted
        self.done = asyncio.Event()
        self.began = 0.0
        self.spent = 0.0

    def _take(self, _: Any) -> None:
        self.left -= 1
        if self.left == 0:
            self.spent = time.process_time() - self.began
            self.done.set()

    on_kline = on_book_ticker = on_trade = on_depth = _take

    def on_connected(self, *, is_overlap: bool) -> None:
        self.began = time.process_time()

    def on_state(self, state: StreamState, reason: str) -> None:
        del state, reason


async def read(url: str, kind: str, count: int) -> float:
    handler = Counted(count)
    stream = BinanceStream(url, [f"btcusdt@{STREAMS[kind]}"], handler)
    task = asyncio.create_task(stream.run())
    async with asyncio.timeout(60):
        await handler.done.wait()
    await stream.stop()
    await task
    return count / handler.spent


def work(url: str, kind: str, count: int) -> dict[str, Any]:
    return {"rate": asyncio.run(read(url, kind, count))}


if __name__ == "__main__":
    answer(work)
