"""The plain way: the venue's frames to Channels groups, a consumer in each group, on daphne.

`VENUE_STREAM` is the address of the combined stream, `VENUE_SYMBOLS` the native names.
"""

import asyncio
import json
import os
from typing import Any

import aiohttp
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter
from django.conf import settings

settings.configure(
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
    ASGI_APPLICATION="benchmarks.peers.channels_app.application",
)
SYMBOLS = os.environ["VENUE_SYMBOLS"].split(",")
STREAMS = ("bookTicker", "trade", "depth@100ms", "kline_1m")
feeds: list[asyncio.Task[None]] = []


async def feed() -> None:
    """Read every frame, pass the quotes on."""
    layer = get_channel_layer()
    wanted = [f"{symbol.lower()}@{stream}" for symbol in SYMBOLS for stream in STREAMS]
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(os.environ["VENUE_STREAM"]) as socket,
    ):
        await socket.send_json({"method": "SUBSCRIBE", "params": wanted, "id": 1})
        async for message in socket:
            frame = json.loads(message.data)
            if frame.get("stream", "").endswith("@bookTicker"):
                text = json.dumps({"type": "market_data", "data": payload(frame["data"])})
                group = f"quote-{frame['data']['s']}"
                await layer.group_send(group, {"type": "tick", "text": text})


def payload(quote: dict[str, str]) -> dict[str, Any]:
    return {
        "symbol": quote["s"],
        "bid": float(quote["b"]),
        "bid_size": float(quote["B"]),
        "ask": float(quote["a"]),
        "ask_size": float(quote["A"]),
    }


class Page(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    async def connect(self) -> None:
        await self.accept()
        for symbol in SYMBOLS:
            await self.channel_layer.group_add(f"quote-{symbol}", self.channel_name)
        if not feeds:
            feeds.append(asyncio.ensure_future(feed()))

    async def tick(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])


application = ProtocolTypeRouter({"websocket": Page.as_asgi()})
