"""The live hub: one publisher's value reaches every open page, the same text to all, at its pace.

Apps publish from any thread; each web process keeps the newest payload per subject and key and
feeds its sockets from its own event loop. Everything here is display and may be lost: what must
not be lost is a row. A client holds at most one value per (subject, key), a hundred events and
its answers, so that one who never reads costs no memory and delays nobody.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from django.conf import settings

from mystic.lib.live_client import Client, Message, Payload, Send, aged

if TYPE_CHECKING:
    from mystic.lib.live_redis import RedisLink

log = logging.getLogger(__name__)

EVENTS_WAITING = 10_000


class Update(NamedTuple):
    """What a publisher said: a latest value where there is a key, an event where there is none."""

    subject: str
    key: str | None
    message: Message | None


class Hub:
    """The newest payloads of this process and the sockets that want them.

    `publish_*`, `forget` and `latest` may be called from any thread; the rest belongs to the loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[str, dict[str, Message]] = {}
        self._dirty: dict[tuple[str, str], Message] = {}
        self._events: deque[Update] = deque(maxlen=EVENTS_WAITING)
        self._is_woken = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rooms: dict[str, set[Client]] = {}
        self._link: RedisLink | None = None
        self.clients: set[Client] = set()
        self.published = 0

    # Publishers: any thread, never blocking.

    def publish_latest(self, subject: str, key: str, payload: Payload) -> None:
        """Let the newest payload of (subject, key) reach each subscriber at its own pace."""
        self._publish(Update(subject, str(key), Message(payload)))

    def publish_event(self, subject: str, payload: Payload) -> None:
        """Let the payload reach each subscriber, in order, from a bounded queue."""
        self._publish(Update(subject, None, Message(payload)))

    def forget(self, subject: str, key: str) -> None:
        """Drop a value that is no more, such as that of a closed position."""
        self._publish(Update(subject, str(key), None))

    def latest(self, subject: str) -> dict[str, Payload]:
        """Return the newest payload per key."""
        return {key: message.payload for key, message in self.messages(subject).items()}

    def messages(self, subject: str) -> dict[str, Message]:
        """Return what is kept as it may be said now: a kept value is live no longer once old."""
        with self._lock:
            kept = dict(self._latest.get(subject, {}))
        return {key: aged(message) for key, message in kept.items()}

    def _publish(self, update: Update) -> None:
        self.published += 1
        link = self._redis()
        if link is None:
            self.accept((update,))
        elif update.message is None:
            link.send(update.subject, update.key, None)
        elif self._is_sendable(update.message):
            link.send(update.subject, update.key, update.message.text)

    # The process's side: its loop and its link to the other processes.

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve sockets from `loop`; with Redis, begin to hear the other processes."""
        with self._lock:
            self._loop = loop
            self._is_woken = False
        self.listen()

    def detach(self) -> None:
        """Stop serving; publishing stays harmless from here on."""
        with self._lock:
            self._loop = None
            self._dirty.clear()
            self._events.clear()
        self.clients.clear()
        self._rooms.clear()
        if self._link is not None:
            self._link.close()
            self._link = None

    def listen(self) -> None:
        """With Redis, keep `latest` of this process up to date; without, do nothing."""
        link = self._redis()
        if link is not None:
            link.listen(self._heard, self.resync_all)

    def _redis(self) -> "RedisLink | None":
        if not settings.REDIS_URL:
            return None
        # Half a second that the embedded shape need not spend.
        from mystic.lib.live_redis import RedisLink

        with self._lock:
            if self._link is None:
                self._link = RedisLink(settings.REDIS_URL)
            return self._link

    def _heard(self, updates: Iterable[tuple[str, str | None, str | None]]) -> None:
        self.accept(
            Update(subject, key, None if text is None else Message(text=text))
            for subject, key, text in updates
        )

    def accept(self, updates: Iterable[Update]) -> None:
        """Keep what was said and wake the loop once; called from any thread."""
        with self._lock:
            for update in updates:
                self._keep(update)
            loop = self._loop
            if loop is None or self._is_woken or not (self._dirty or self._events):
                return
            self._is_woken = True
        self._call(loop, self._drain)

    def _keep(self, update: Update) -> None:
        subject, key, message = update
        if key is None:
            if self._loop is not None:
                self._events.append(update)
        elif message is None:
            self._latest.get(subject, {}).pop(key, None)
            self._dirty.pop((subject, key), None)
        else:
            self._latest.setdefault(subject, {})[key] = message
            if self._loop is not None:
                self._dirty[subject, key] = message

    def _call(self, loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
        try:
            loop.call_soon_threadsafe(function)
        except RuntimeError:  # the loop was closed under us: there is nobody left to tell
            with self._lock:
                if self._loop is loop:
                    self._loop = None

    def resync_all(self) -> None:
        """Tell every client to ask for its state again; called from any thread."""
        loop = self._loop
        if loop is not None:
            self._call(loop, self._resync)

    # The loop's side.

    def _resync(self) -> None:
        for client in self.clients:
            client.ask_resync("reconnected")

    def join(self, send: Send) -> Client:
        """Add a socket; the caller runs its `pump` and calls `leave` at the end."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self.attach(loop)
        client = Client(send, loop)
        self.clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        for subject in tuple(client.subjects):
            self.unsubscribe(client, subject)
        self.clients.discard(client)

    def subscribe(self, client: Client, subject: str) -> None:
        """Add the subject and let its newest values out at once."""
        client.subjects.add(subject)
        self._rooms.setdefault(subject, set()).add(client)
        for key, message in self.messages(subject).items():
            if self._is_sendable(message):
                client.offer_latest(subject, key, message)
        client.hurry()

    def unsubscribe(self, client: Client, subject: str) -> None:
        client.subjects.discard(subject)
        client.forget_subject(subject)
        room = self._rooms.get(subject)
        if room is not None:
            room.discard(client)
            if not room:
                del self._rooms[subject]

    def _drain(self) -> None:
        with self._lock:
            dirty, self._dirty = self._dirty, {}
            events = list(self._events)
            self._events.clear()
            self._is_woken = False
        for (subject, key), message in dirty.items():
            room = self._rooms.get(subject)
            if room and self._is_sendable(message):
                for client in room:
                    client.offer_latest(subject, key, message)
        for update in events:
            room = self._rooms.get(update.subject)
            if room and update.message is not None and self._is_sendable(update.message):
                for client in room:
                    client.offer_event(update.message)

    def _is_sendable(self, message: Message) -> bool:
        """Serialise once, here, so that a payload that cannot be sent hurts no client."""
        try:
            return bool(message.text)
        except (TypeError, ValueError, msgspec.MsgspecError):
            log.exception("a live payload cannot be written as JSON")
            return False


hub = Hub()
