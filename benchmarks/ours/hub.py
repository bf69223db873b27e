"""Mystic's hub, its clients at the default pace, one frame a value."""

import asyncio
from typing import Any

from django.conf import settings

from benchmarks.children import answer
from benchmarks.fan_out import Sink, drive, subscriptions


async def run(seconds: float) -> dict[str, Any]:
    from mystic.lib.live import Hub

    hub, sink = Hub(), Sink()
    hub.attach(asyncio.get_running_loop())

    async def send(text: str) -> None:
        await sink.send({"type": "websocket.send", "text": text})

    pumps = []
    for subjects in subscriptions():
        client = hub.join(send)
        pumps.append(asyncio.ensure_future(client.pump()))
        for subject in subjects:
            hub.subscribe(client, f"quote:{subject}")

    async def publish(subject: int, message: dict[str, Any]) -> None:
        hub.publish_latest(f"quote:{subject}", "quote", message)

    await drive(publish, sink, 0.5)
    found = await drive(publish, sink, seconds)
    for pump in pumps:
        pump.cancel()
    hub.detach()
    return found


def work(seconds: float) -> dict[str, Any]:
    return asyncio.run(run(seconds))


if __name__ == "__main__":
    settings.configure(REDIS_URL="")
    answer(work)
