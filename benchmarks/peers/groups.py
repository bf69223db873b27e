"""Plain Channels: a consumer in a group a subject, `group_send` on the in-memory layer."""

import asyncio
import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.conf import settings

from benchmarks.children import answer
from benchmarks.fan_out import Sink, drive, subscriptions

MEMORY = "channels.layers.InMemoryChannelLayer"


class Listener(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    async def connect(self) -> None:
        await self.accept()
        for subject in self.scope["subjects"]:
            await self.channel_layer.group_add(f"quote-{subject}", self.channel_name)

    async def tick(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])


async def run(seconds: float) -> dict[str, Any]:
    sink = Sink()

    async def listen(subjects: list[int]) -> None:
        opening = [{"type": "websocket.connect"}]

        async def receive() -> dict[str, Any]:
            if not opening:
                await asyncio.Event().wait()
            return opening.pop()

        scope = {"type": "websocket", "subjects": subjects}
        await Listener.as_asgi()(scope, receive, sink.send)

    listeners = [asyncio.ensure_future(listen(subjects)) for subjects in subscriptions()]
    await asyncio.sleep(0.2)
    layer = get_channel_layer()

    async def publish(subject: int, message: dict[str, Any]) -> None:
        # Written once for all, as a careful program would.
        text = json.dumps(message)
        await layer.group_send(f"quote-{subject}", {"type": "tick", "text": text})

    await drive(publish, sink, 0.5)
    found = await drive(publish, sink, seconds)
    for listener in listeners:
        listener.cancel()
    return found


def work(seconds: float) -> dict[str, Any]:
    return asyncio.run(run(seconds))


if __name__ == "__main__":
    settings.configure(CHANNEL_LAYERS={"default": {"BACKEND": MEMORY}})
    answer(work)
