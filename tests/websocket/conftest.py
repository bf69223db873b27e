"""Sockets on the real ASGI application, and the pairs that they ask for."""

import asyncio
import json

import pytest
from channels.testing import WebsocketCommunicator

from markets.models import Instrument, Venue
from mystic.asgi import application
from mystic.lib import live_rooms
from mystic.lib.live import hub
from mystic.models import ApiToken
from tests.memory import listen

HOST = "localhost:8000"
ORIGIN = f"http://{HOST}"


class Socket(WebsocketCommunicator):
    """A client with headers of its own, that reads JSON and knows how it was closed."""

    def __init__(self, path, *, headers=None, subprotocols=None):
        given = {"host": HOST, "origin": ORIGIN} | (headers or {})
        raw = [(k.encode(), v.encode()) for k, v in given.items() if v is not None]
        super().__init__(application, path, headers=raw, subprotocols=subprotocols)
        self.scope["client"] = ["203.0.113.9", 1]

    async def say(self, kind, ref=None, **data):
        message = {"type": kind, "data": data}
        await self.send_to(text_data=json.dumps(message | ({"ref": ref} if ref else {})))

    async def hear(self, within_s=2.0):
        return json.loads(await self.receive_from(timeout=within_s))

    async def hear_kind(self, kind, within_s=2.0):
        async with asyncio.timeout(within_s):
            while True:
                message = await self.hear(within_s)
                if message["type"] == kind:
                    return message

    async def closed(self, within_s=2.0):
        """Return the close code, reading past what was said before."""
        async with asyncio.timeout(within_s):
            while True:
                output = await self.receive_output(timeout=within_s)
                if output["type"] == "websocket.close":
                    return output.get("code")


@pytest.fixture
def open_socket():
    """Run a scenario on its own loop; every socket it opened is closed at the end."""
    opened = []

    async def open_one(path="/ws", **kwargs):
        socket = Socket(path, **kwargs)
        is_accepted, protocol = await socket.connect(timeout=5)
        opened.append(socket)
        socket.protocol = protocol
        return socket if is_accepted else None

    def run(scenario):
        async def whole():
            await asyncio.to_thread(listen)
            try:
                await asyncio.wait_for(scenario(open_one), 30)
            finally:
                for socket in opened:
                    await socket.disconnect()
                hub.detach()
                live_rooms.sockets.clear()
                live_rooms._owners.clear()

        asyncio.run(whole())

    return run


@pytest.fixture
def pairs(transactional_db):
    venue = Venue.objects.create(code="binance", name="Binance")
    return [
        Instrument.objects.create(
            venue=venue,
            symbol=f"{base}/USDT",
            native_id=f"{base}USDT",
            base=base,
            quote="USDT",
            is_watched=True,
        )
        for base in ("BTC", "ETH")
    ]


@pytest.fixture
def token_of(transactional_db):
    def issue(user, scope=ApiToken.Scope.READ, **fields):
        return ApiToken.issue(user=user, name="test", scope=scope, **fields)[1]

    return issue


@pytest.fixture
def cookie_of(client):
    def log_in(user):
        client.force_login(user)
        return {"cookie": f"sessionid={client.cookies['sessionid'].value}"}

    return log_in
