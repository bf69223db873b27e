"""The WebSocket door: one consumer for every live address, its channels given by the apps.

A channel turns (user, symbol) into hub subjects. A client names channels, never subjects, so that
another user's subject cannot be said.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from mystic.lib import live_rooms
from mystic.lib.live import hub
from mystic.lib.live_client import HIGHEST_HZ, LOWEST_HZ, Client, Payload, as_text, system_message
from mystic.lib.live_limits import Bucket, ErrorCount
from mystic.lib.strict_json import StrictJSONError, loads

MAX_MESSAGE_BYTES = 16 * 1024
MAX_SYMBOLS = 50
BAD_REQUEST, NOT_AUTHENTICATED, FORBIDDEN, NOT_FOUND = 4400, 4401, 4403, 4404
TIMED_OUT, TOO_LARGE, TOO_MANY = 4408, 4413, 4429
FIELDS = {"channel", "symbol", "symbols", "hz", "batch"}
_SUBJECT = re.compile(r"(user|positions|equity|quote|bar|closed|book):.*", re.DOTALL)

type Resolve = Callable[[Any, str], Awaitable[Sequence[str]]]


class UnknownSymbolError(LookupError):
    """Raised by a channel for a symbol that is not watched here."""


@dataclass(frozen=True, slots=True)
class LiveChannel:
    """A name that clients subscribe to, and the subjects that it stands for.

    `resolve(user, symbol)` gives the subjects; `symbol` is empty where `has_symbol` is false.
    """

    name: str
    resolve: Resolve
    has_symbol: bool = False
    is_public: bool = False


class RefusedError(Exception):
    """A message that is answered with an error; `close` also ends the socket."""

    def __init__(self, code: str, detail: str, close: int = 0) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.close = close


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One socket; `channels` are those it may name, `opening` those it gets at once."""

    # No channel layer: the hub carries everything, so no socket needs a mailbox of its own.
    channel_layer_alias = "none"

    def __init__(
        self,
        channels: Sequence[LiveChannel] = (),
        opening: Sequence[str] = (),
        *,
        is_public: bool = True,
    ) -> None:
        super().__init__()
        self.channels = {channel.name: channel for channel in channels}
        self.opening = opening
        self.is_public = is_public
        self.client: Client | None = None
        self.subscriptions: dict[tuple[str, str], tuple[str, ...]] = {}
        self.heartbeat_at = 0.0
        self._pump: asyncio.Task[None] | None = None
        self._errors = ErrorCount(most=3, within_s=10.0)
        self._bucket = Bucket(burst=100, per_second=20.0)

    # Opening and closing.

    async def connect(self) -> None:
        """Accept first, so that a browser can read the code of a refusal."""
        offered = self.scope.get("subprotocols") or []
        await self.accept("mystic" if "mystic" in offered else None)
        refusal = self._refusal()
        if refusal:
            await self.close(refusal)
            return
        self.client = hub.join(self._send_text)
        self._pump = asyncio.ensure_future(self._run(self.client))
        live_rooms.enter(self)
        symbol = self.scope.get("url_route", {}).get("kwargs", {}).get("symbol", "")
        try:
            for name in self.opening:
                await self._subscribe(name, symbol, None)
        except RefusedError as refused:
            refused.close = NOT_FOUND if refused.code == "unknown_symbol" else BAD_REQUEST
            await self.refuse(refused, None)

    def _refusal(self) -> int:
        if self.scope.get("refused"):
            return int(self.scope["refused"])
        if not self.is_public and not self.user.is_authenticated:
            return NOT_AUTHENTICATED
        return 0 if live_rooms.has_room(self.identity.owner) else TOO_MANY

    @property
    def user(self) -> Any:
        return self.scope["user"]

    @property
    def identity(self) -> live_rooms.Identity:
        found: live_rooms.Identity = self.scope["identity"]
        return found

    async def _run(self, client: Client) -> None:
        # A send that fails means that the peer is gone: the server tells `disconnect`.
        with contextlib.suppress(OSError, RuntimeError):
            await client.pump()

    async def _send_text(self, text: str) -> None:
        await self.base_send({"type": "websocket.send", "text": text})

    async def shut(self, code: int) -> None:
        """Close from our side and forget the socket at once."""
        self._leave()
        with contextlib.suppress(OSError, RuntimeError):
            await self.close(code)

    async def disconnect(self, code: int) -> None:
        self._leave()

    def _leave(self) -> None:
        live_rooms.leave(self)
        if self.client is not None:
            hub.leave(self.client)
            self.client = None
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None

    # Messages.

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.client is None:
            return
        self.client.last_sign_at = asyncio.get_running_loop().time()
        ref = None
        try:
            message = self._read(text_data)
            ref = message.get("ref")
            await self._act(message)
        except RefusedError as refused:
            await self.refuse(refused, ref)

    def _read(self, text: str | None) -> Payload:
        if not self._bucket.take():
            raise RefusedError("too_many_messages", "more than 20 messages a second", TOO_MANY)
        if text is None:
            raise RefusedError("text_expected", "send JSON as text frames", BAD_REQUEST)
        if len(text.encode("utf-8", "surrogatepass")) > MAX_MESSAGE_BYTES:
            message = f"a message has at most {MAX_MESSAGE_BYTES} bytes"
            raise RefusedError("too_large", message, TOO_LARGE)
        try:
            found = loads(text, max_bytes=MAX_MESSAGE_BYTES, max_depth=8)
        except StrictJSONError as fault:
            raise RefusedError(fault.code, fault.detail) from None
        unknown = set(found) - {"type", "data", "ref"}
        if unknown or not isinstance(found.get("ref", ""), str | int | None):
            raise RefusedError("unknown_field", 'a message has "type", "data" and "ref" only')
        return found

    async def _act(self, message: Payload) -> None:
        kind, data = message.get("type"), message.get("data", {})
        assert self.client is not None  # noqa: S101  set while the socket is open
        if not isinstance(data, dict):
            raise RefusedError("invalid", '"data" must be an object')
        if kind == "pong":
            self.client.acknowledge()
        elif kind == "ping":
            self.client.reply(system_message("pong", data) | _ref(message))
        elif kind in ("subscribe", "unsubscribe", "request"):
            await self._serve(kind, data, message)
        else:
            wanted = "subscribe, unsubscribe, request, ping or pong"
            raise RefusedError("unknown_type", f'"type" must be {wanted}')

    async def _serve(self, kind: str, data: Payload, message: Payload) -> None:
        channel, symbols = self._wanted(data)
        await self._recheck(channel)
        if kind == "subscribe":
            self._pace(data)
        for symbol in symbols:
            if kind == "subscribe":
                await self._subscribe(channel.name, symbol, message.get("ref"))
            elif kind == "unsubscribe":
                self._unsubscribe(channel.name, symbol, message)
            else:
                await self._snapshot(channel, symbol, message)

    def _wanted(self, data: Payload) -> tuple[LiveChannel, list[str]]:
        unknown = set(data) - FIELDS
        if unknown:
            raise RefusedError("unknown_field", f'"data" has {", ".join(sorted(FIELDS))} only')
        name = data.get("channel")
        if not isinstance(name, str) or name not in self.channels:
            if isinstance(name, str) and _SUBJECT.fullmatch(name):
                raise RefusedError("forbidden", "subjects cannot be named", FORBIDDEN)
            raise RefusedError("unknown_channel", f"channels here: {', '.join(self.channels)}")
        channel = self.channels[name]
        symbols = data.get("symbols", [data["symbol"]] if "symbol" in data else [])
        if not isinstance(symbols, list) or not all(isinstance(s, str) for s in symbols):
            raise RefusedError("invalid", '"symbol" must be text, "symbols" a list of text')
        if not channel.has_symbol:
            return channel, [""]
        if not symbols:
            raise RefusedError("symbol_missing", f"the channel {name} needs a symbol")
        if len(symbols) > MAX_SYMBOLS:
            raise RefusedError("too_many_symbols", f"a socket has at most {MAX_SYMBOLS} symbols")
        return channel, symbols

    async def _recheck(self, channel: LiveChannel) -> None:
        """Look again, for each message, whether this person may still have it."""
        if channel.is_public:
            return
        if not self.user.is_authenticated:
            raise RefusedError("not_authenticated", "log in, or send a token, for this channel")
        if await live_rooms.is_revoked(self):
            raise RefusedError("not_authenticated", "this login has ended", NOT_AUTHENTICATED)

    def _pace(self, data: Payload) -> None:
        hz, is_batched = data.get("hz"), data.get("batch", False)
        assert self.client is not None  # noqa: S101  set while the socket is open
        if not isinstance(is_batched, bool):
            raise RefusedError("invalid", '"batch" must be true or false')
        if hz is not None:
            is_number = isinstance(hz, int | float) and not isinstance(hz, bool)
            if not is_number or not LOWEST_HZ <= hz <= HIGHEST_HZ:
                raise RefusedError("invalid", f'"hz" wants {LOWEST_HZ:.0f} to {HIGHEST_HZ:.0f}')
            self.client.pace(hz)
        self.client.is_batched = self.client.is_batched or is_batched

    async def _subjects(self, name: str, symbol: str) -> tuple[str, ...]:
        try:
            return tuple(await self.channels[name].resolve(self.user, symbol))
        except UnknownSymbolError:
            shown = symbol[:40].encode("ascii", "backslashreplace").decode()
            raise RefusedError("unknown_symbol", f"{shown} is not watched here") from None

    async def _subscribe(self, name: str, symbol: str, ref: Any) -> None:
        subjects = await self._subjects(name, symbol)
        asked = {key[1] for key in self.subscriptions} | {symbol}
        if len(asked) > MAX_SYMBOLS:
            raise RefusedError("too_many_symbols", f"a socket has at most {MAX_SYMBOLS} symbols")
        if self.client is None:
            return
        self.subscriptions[name, symbol] = subjects
        data = {"channel": name, **({"symbol": symbol} if symbol else {})}
        self.client.reply(system_message("subscribed", data) | _ref({"ref": ref}))
        for subject in subjects:
            hub.subscribe(self.client, subject)

    def _unsubscribe(self, name: str, symbol: str, message: Payload) -> None:
        assert self.client is not None  # noqa: S101  set while the socket is open
        subjects = self.subscriptions.pop((name, symbol), ())
        still = {subject for kept in self.subscriptions.values() for subject in kept}
        for subject in set(subjects) - still:
            hub.unsubscribe(self.client, subject)
        data = {"channel": name, **({"symbol": symbol} if symbol else {})}
        self.client.reply(system_message("unsubscribed", data) | _ref(message))

    async def _snapshot(self, channel: LiveChannel, symbol: str, message: Payload) -> None:
        subjects = await self._subjects(channel.name, symbol)
        items = [item for subject in subjects for item in hub.latest(subject).values()]
        data = {"channel": channel.name, "items": items, **({"symbol": symbol} if symbol else {})}
        if self.client is not None:
            self.client.reply(system_message("snapshot", data) | _ref(message))

    async def refuse(self, refused: RefusedError, ref: Any) -> None:
        """Answer with an error; the third in ten seconds ends the socket."""
        if self.client is None:
            return
        said = {"code": refused.code, "detail": refused.detail, "ref": ref}
        text = system_message("error", said) | said
        close = refused.close or (BAD_REQUEST if self._errors.is_too_many() else 0)
        if not close:
            self.client.reply(text)
            return
        # Written past the queue: the socket ends here, and the last word must be this one.
        with contextlib.suppress(OSError, RuntimeError):
            await self._send_text(as_text(text))
        await self.shut(close)


class UnknownAddress(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Close what was opened at an address that does not exist."""

    channel_layer_alias = "none"

    async def connect(self) -> None:
        await self.accept()
        await self.close(NOT_FOUND)


def _ref(message: Payload) -> Payload:
    return {"ref": message["ref"]} if message.get("ref") is not None else {}
