"""Carry live updates between processes: batches over one Redis channel, the newest in one hash.

A batch leaves every 20 ms, so the broker sees fifty messages a second however fast the market is.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import redis

from mystic.lib.backoff import Backoff

log = logging.getLogger(__name__)

BATCH_EVERY_S = 0.02
WAITING_EVENTS = 10_000
GONE = b"null"
KEPT_FOR_S = 7 * 24 * 3600

type Item = tuple[str, str | None, msgspec.Raw]
type Heard = Callable[[Sequence[tuple[str, str | None, str | None]]], None]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Item]).decode


class RedisLink:
    """Ear and mouth of one process; `send` never blocks and never raises for a lost Redis."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        # Pub/sub ignores the database number, so the number is part of the name.
        number = self._client.connection_pool.connection_kwargs.get("db") or 0
        self.channel = f"mystic:live:{number}"
        self.kept = "mystic:live:latest"
        self._lock = threading.Lock()
        self._values: dict[tuple[str, str], str | None] = {}
        self._events: deque[tuple[str, str | None]] = deque(maxlen=WAITING_EVENTS)
        self._ring = threading.Event()
        self._stop = threading.Event()
        self._speaker: threading.Thread | None = None
        self._listener: threading.Thread | None = None
        self._is_listening = threading.Event()

    def send(self, subject: str, key: str | None, text: str | None) -> None:
        """Queue an update for the next batch; a newer value replaces one that waits."""
        with self._lock:
            if key is None:
                self._events.append((subject, text))
            else:
                self._values[subject, key] = text
            # A forked worker has this object without its thread.
            if self._speaker is None or not self._speaker.is_alive():
                self._speaker = self._start("live-speaker", self._speak)
        self._ring.set()

    def listen(self, heard: Heard, resync: Callable[[], None]) -> None:
        """Hand what other processes said to `heard`; `resync` is called after a lost link."""
        with self._lock:
            if self._listener is None or not self._listener.is_alive():
                self._listener = self._start("live-listener", lambda: self._hear(heard, resync))

    def wait_until_listening(self, timeout_s: float) -> bool:
        return self._is_listening.wait(timeout_s)

    def close(self) -> None:
        self._stop.set()
        self._ring.set()

    def _start(self, name: str, target: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=target, name=f"{name}-{os.getpid()}", daemon=True)
        thread.start()
        return thread

    def _speak(self) -> None:
        backoff = Backoff(base_s=0.1, cap_s=5.0)
        while not self._stop.is_set():
            self._ring.wait()
            self._stop.wait(BATCH_EVERY_S)
            self._ring.clear()
            try:
                self._publish_batch()
                backoff.succeeded()
            except (redis.RedisError, OSError) as fault:
                log.warning("live updates cannot reach Redis, trying again: %s", fault)
                self._stop.wait(backoff.next_delay_s())

    def _publish_batch(self) -> None:
        with self._lock:
            values, self._values = self._values, {}
            events = list(self._events)
            self._events.clear()
        if not values and not events:
            return
        items: list[Item] = [(*pair, _raw(text)) for pair, text in values.items()]
        items += [(subject, None, _raw(text)) for subject, text in events]
        pipe = self._client.pipeline(transaction=False)
        pipe.publish(self.channel, _encode(items))
        kept = {f"{s}|{k}": text for (s, k), text in values.items() if text is not None}
        gone = [f"{s}|{k}" for (s, k), text in values.items() if text is None]
        if kept:
            pipe.hset(self.kept, mapping=kept)  # type: ignore[arg-type]
            pipe.expire(self.kept, KEPT_FOR_S)
        if gone:
            pipe.hdel(self.kept, *gone)
        pipe.execute()

    def _hear(self, heard: Heard, resync: Callable[[], None]) -> None:
        backoff = Backoff(base_s=0.2, cap_s=5.0)
        while not self._stop.is_set():
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
                    pubsub.subscribe(self.channel)
                    heard(self._load_kept())
                    if backoff.failures:
                        resync()
                    backoff.succeeded()
                    self._is_listening.set()
                    while not self._stop.is_set():
                        self._pass_on(pubsub.get_message(timeout=0.5), heard)
            except (redis.RedisError, OSError) as fault:
                self._is_listening.clear()
                log.warning("live updates lost Redis, trying again: %s", fault)
                self._stop.wait(backoff.next_delay_s())

    def _load_kept(self) -> list[tuple[str, str | None, str | None]]:
        kept: Any = self._client.hgetall(self.kept)
        found: list[tuple[str, str | None, str | None]] = []
        for name, text in kept.items():
            subject, _, key = name.decode().rpartition("|")
            found.append((subject, key, text.decode()))
        return found

    def _pass_on(self, message: dict[str, Any] | None, heard: Heard) -> None:
        if message is None or self._stop.is_set():
            return
        try:
            items = _decode(message["data"])
        except (msgspec.MsgspecError, TypeError):
            log.warning("a live batch that is not ours was ignored")
            return
        heard([(subject, key, _text(bytes(raw))) for subject, key, raw in items])


def _raw(text: str | None) -> msgspec.Raw:
    return msgspec.Raw(GONE if text is None else text.encode())


def _text(raw: bytes) -> str | None:
    return None if raw == GONE else raw.decode()
