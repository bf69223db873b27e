"""From frames to the hub: decoder, books, every wired listener, one page that hears it all."""

import asyncio
import functools
import random
import time
from typing import Any

from benchmarks import inputs
from benchmarks.children import answer
from benchmarks.ours import platform

platform.start()

from markets.providers.base import (  # noqa: E402
    BookTickerEvent,
    DepthEvent,
    DepthSnapshot,
    KlineEvent,
    TradeEvent,
)
from markets.providers.binance.decode import decode  # noqa: E402
from markets.providers.supervised import received_now  # noqa: E402
from markets.quotes import store  # noqa: E402
from markets.streaming.books import Books  # noqa: E402
from markets.streaming.feed import Feed  # noqa: E402
from markets.streaming.venue_clock import VenueClock  # noqa: E402
from mystic.lib.live import hub  # noqa: E402

# Nine quotes, six trades, three changes of the book and two bars in twenty.
MIX = "qtqdqtkqtqdtqqktqdqt"
BATCH = 200
LEVELS = 8
MID = 1_000.0


instruments = functools.cache(platform.instruments)


class Snapshots:
    """The request of a book: a thousand levels a side, before the first change."""

    async def depth(self, native_id: str, limit: int = 1_000) -> DepthSnapshot:
        bids = tuple((round(MID - 0.01 * n, 2), 1.0) for n in range(1, limit + 1))
        asks = tuple((round(MID + 0.01 * n, 2), 1.0) for n in range(1, limit + 1))
        return DepthSnapshot(native_id, 1, bids, asks)


def frames(natives: list[str], count: int) -> list[bytes]:
    """Return the mix for these pairs, one after another; no bar of it closes."""
    chance, made = random.Random(1), []
    updates = dict.fromkeys(natives, 1)
    now_ms = time.time_ns() // 1_000_000
    for number in range(count):
        native, at_ms = chance.choice(natives), now_ms + number // 20
        price = round(MID + chance.uniform(-1, 1), 2)
        match MIX[number % len(MIX)]:
            case "q":
                frame = inputs.book_ticker(native, number, price, price + 0.01, chance.random())
            case "t":
                frame = inputs.trade(native, number, at_ms, price, chance.random())
            case "d":
                updates[native] += 1
                bids, asks = (
                    [
                        (round(MID + sign * 0.01 * chance.randint(1, 900), 2), chance.random())
                        for _ in range(LEVELS)
                    ]
                    for sign in (-1, 1)
                )
                frame = inputs.depth(native, at_ms, (updates[native],) * 2, bids, asks)
            case _:
                bar = {"t": at_ms // 60_000 * 60, "o": MID, "v": 3.0, "c": price}
                bar |= {"h": max(MID, price), "l": min(MID, price)}
                frame = inputs.kline(native, at_ms, bar, is_closed=False)
        made.append(frame)
    return made


async def run(pairs: dict[str, Any], count: int) -> dict[str, Any]:
    books = Books(Snapshots(), source="replay:load", is_official=False)
    keeper: Any = None  # no bar closes
    feed = Feed(
        pairs,
        source="replay:load",
        is_official=False,
        clock=VenueClock(60),
        keeper=keeper,
        books=books,
        on_state=lambda state, reason: None,
    )
    takers: dict[type, Any] = {
        BookTickerEvent: feed.on_book_ticker,
        TradeEvent: feed.on_trade,
        DepthEvent: feed.on_depth,
        KlineEvent: feed.on_kline,
    }
    hub.attach(asyncio.get_running_loop())
    heard = 0

    async def send(text: str) -> None:
        nonlocal heard
        heard += len(text)

    page = hub.join(send)
    for one in pairs.values():
        for kind in ("quote", "book", "bar"):
            hub.subscribe(page, f"{kind}:{one.pk}")
    pump = asyncio.ensure_future(page.pump())
    raw = frames(list(pairs), count)
    before, began = hub.published, time.process_time()
    for first in range(0, count, BATCH):
        for line in raw[first : first + BATCH]:
            event = decode(line, *received_now())
            takers[type(event)](event)
        await asyncio.sleep(0)
    spent = time.process_time() - began
    told = hub.published - before
    await asyncio.sleep(0.2)
    pump.cancel()
    await books.stop()
    hub.detach()
    counters = feed.counters()
    if told < 0.5 * count or not heard or counters["books_synced"] != len(pairs):
        raise RuntimeError(f"the frames did not reach the hub: {told} told, {counters}")
    return {"rate": count / spent, "told": told / spent}


def work(count: int) -> dict[str, Any]:
    store.is_local = True
    return asyncio.run(run({one.native_id: one for one in instruments()}, count))


if __name__ == "__main__":
    answer(work)
