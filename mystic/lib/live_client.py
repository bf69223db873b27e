"""One open socket as the hub sees it: what waits for it, and how fast it may be told."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings

from mystic.lib.clock import iso, now_ms

EVENTS_PER_CLIENT = 100
DEFAULT_HZ = 10.0
LOWEST_HZ, HIGHEST_HZ = 1.0, 50.0
# Daphne buffers without limit, so the pace is the client's own word: after this much text without
# a `pong` it gets no more, and a heartbeat asks for one each time a quarter of it is used up.
UNACKNOWLEDGED_LIMIT = 4_000_000

# What tells a price: live when it was said, and no longer once it is old.
AGEING = {"market_data", "book", "bar", "position_pnl", "equity"}

type Payload = dict[str, Any]
type Send = Callable[[str], Awaitable[None]]

encode = msgspec.json.Encoder(decimal_format="string").encode


class Message:
    """One payload, serialised at most once however many clients get it."""

    __slots__ = ("_payload", "_text")

    def __init__(self, payload: Payload | None = None, text: str | None = None) -> None:
        self._payload = payload
        self._text = text

    @property
    def payload(self) -> Payload:
        if self._payload is None:
            self._payload = msgspec.json.decode(self._text or "{}")
        return self._payload

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = as_text(self._payload or {})
        return self._text


def aged(message: Message) -> Message:
    """Return the message, marked stale where what it calls live has become old since."""
    payload = message.payload
    if payload.get("type") not in AGEING or payload.get("is_live") is not True:
        return message
    data = payload.get("data", {})
    received_at = payload.get("received_at") or data.get("received_at")
    if received_at is None or _age_ms(received_at) <= settings.ENV["MYSTIC_MAX_QUOTE_AGE_MS"]:
        return message
    marks = {"is_live": False, "stale": True}
    data = {**data, **marks} if "is_live" in data else data
    return Message({**payload, **marks, "data": data})


def _age_ms(received_at: str) -> float:
    return now_ms() - datetime.fromisoformat(received_at).timestamp() * 1000


class Counts:
    """What this process sent, for its metrics; only its loop writes."""

    frames = 0
    resyncs = 0


counts = Counts()


def as_text(payload: Payload) -> str:
    return encode(payload).decode()


def system_message(kind: str, data: Payload, *, source: str = "mystic") -> Payload:
    """Return a message of the platform itself, in the shape that every message has."""
    return {
        "type": kind,
        "data": data,
        "timestamp": iso(now_ms()),
        "source": source,
        "is_live": True,
    }


class Client:
    """One open socket: what it listens to, what waits for it, and how fast it may be told."""

    def __init__(self, send: Send, loop: asyncio.AbstractEventLoop) -> None:
        self.subjects: set[str] = set()
        self.is_batched = False
        self.last_sign_at = loop.time()
        self.unacknowledged = 0
        self._send = send
        self._loop = loop
        self._period_s = 1.0 / DEFAULT_HZ
        self._next_flush_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()
        self._replies: deque[str] = deque(maxlen=EVENTS_PER_CLIENT)
        self._events: deque[Message] = deque()
        self._dirty: dict[tuple[str, str], Message] = {}
        self._dropped = 0
        self._resync_reason = ""
        self._asked_at_bytes = 0

    @property
    def is_paused(self) -> bool:
        """True while the client has not said that it read what it already got."""
        return self.unacknowledged >= UNACKNOWLEDGED_LIMIT

    def pace(self, hz: float) -> None:
        """Flush latest values at `hz`, held within the limits of the hub."""
        self._period_s = 1.0 / min(max(hz, LOWEST_HZ), HIGHEST_HZ)

    def hurry(self) -> None:
        """Let the next values out at once, as after a subscription."""
        self._next_flush_at = 0.0
        self._wake.set()

    def acknowledge(self) -> None:
        self.unacknowledged = self._asked_at_bytes = 0
        self._wake.set()

    def reply(self, payload: Payload) -> None:
        """Queue an answer to the client's own message; it goes before everything else."""
        self._replies.append(as_text(payload))
        self._wake.set()

    def offer_latest(self, subject: str, key: str, message: Message) -> None:
        """Keep the newest value; the first after a quiet period leaves at once."""
        self._dirty[subject, key] = message
        if self._timer is not None or self._wake.is_set():
            return
        if self._loop.time() >= self._next_flush_at:
            self._wake.set()
        else:
            self._timer = self._loop.call_at(self._next_flush_at, self._wake.set)

    def offer_event(self, message: Message) -> None:
        """Queue an event; on overflow drop them all and have the client ask for the state again."""
        if len(self._events) >= EVENTS_PER_CLIENT:
            self._dropped += len(self._events) + 1
            self._events.clear()
            self.ask_resync("overflow")
            return
        self._events.append(message)
        self._wake.set()

    def ask_resync(self, reason: str) -> None:
        self._resync_reason = reason
        self._wake.set()

    def forget_subject(self, subject: str) -> None:
        for pair in [pair for pair in self._dirty if pair[0] == subject]:
            del self._dirty[pair]

    async def pump(self) -> None:
        """Send what waits, until cancelled; the only place that writes to the socket."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            for text in self._take():
                self.unacknowledged += len(text)
                await self._send(text)
                counts.frames += 1
            self._ask_for_pong()

    def _take(self) -> list[str]:
        taken = list(self._replies)
        self._replies.clear()
        if self.is_paused:
            return taken
        if self._resync_reason:
            counts.resyncs += 1
            data = {"reason": self._resync_reason, "dropped": self._dropped}
            taken.append(as_text(system_message("resync", data)))
            self._resync_reason, self._dropped = "", 0
        values = self._take_values() if self._dirty else []
        texts = [message.text for message in (*self._events, *values)]
        self._events.clear()
        if self.is_batched and len(texts) > 1:
            return [*taken, f'{{"type":"batch","data":[{",".join(texts)}]}}']
        return taken + texts

    def _take_values(self) -> list[Message]:
        now = self._loop.time()
        if now < self._next_flush_at - 0.0005:
            if self._timer is None or self._timer.when() <= now:
                self._timer = self._loop.call_at(self._next_flush_at, self._wake.set)
            return []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._next_flush_at = now + self._period_s
        values = list(self._dirty.values())
        self._dirty.clear()
        return values

    def _ask_for_pong(self) -> None:
        if self.unacknowledged - self._asked_at_bytes >= UNACKNOWLEDGED_LIMIT // 4:
            self._asked_at_bytes = self.unacknowledged
            self.reply(system_message("heartbeat", {}))
