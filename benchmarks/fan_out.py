"""The load of the fan-out benchmark, the same for both: who listens to what, what is said."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

CLIENTS, SUBJECTS, EACH, RATE_HZ = 200, 50, 5, 10
SLICES = 5  # a fifth of the subjects speaks every 20 ms


class Sink:
    """Where a server would write to its sockets: counts what it is given."""

    def __init__(self) -> None:
        self.deliveries = 0
        self.size = 0

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            self.deliveries += 1
            self.size += len(message["text"])


def subscriptions() -> list[list[int]]:
    """Return the subjects of each client."""
    chooser = random.Random(1)
    return [chooser.sample(range(SUBJECTS), EACH) for _ in range(CLIENTS)]


def payload(subject: int, number: int) -> dict[str, Any]:
    return {
        "type": "market_data",
        "data": {"symbol": f"SYM{subject}/USDT", "bid": 100.0 + number, "ask": 100.5 + number},
        "timestamp": "2026-01-01T00:00:00.000Z",
        "source": "replay:binance",
        "is_live": False,
    }


async def drive(
    publish: Callable[[int, dict[str, Any]], Awaitable[None]], sink: Sink, seconds: float
) -> dict[str, Any]:
    """Speak for `seconds`; return the processor time of each delivery in microseconds."""
    number = 0
    first, began, spent = sink.deliveries, time.monotonic(), time.process_time()
    while time.monotonic() - began < seconds:
        for subject in range(number % SLICES, SUBJECTS, SLICES):
            await publish(subject, payload(subject, number))
        number += 1
        due = began + number / (RATE_HZ * SLICES)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    spent = time.process_time() - spent
    deliveries = sink.deliveries - first
    return {
        "us": 1e6 * spent / deliveries,
        "per_second": deliveries / (time.monotonic() - began),
        "cpu": spent / (time.monotonic() - began),
    }
