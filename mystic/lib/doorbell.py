"""Ring another process to look at a row; a lost ring changes nothing: a sweep finds the row.

With one process the handler is called at once. With Redis the ring crosses to whichever process
answers to the name: `listen` runs in a thread of that process.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

_handlers: dict[str, Callable[[int], None]] = {}


def answer(name: str, handler: Callable[[int], None]) -> None:
    """Let `handler` answer to `name` in this process; it must hand real work to its own thread."""
    _handlers[name] = handler


def ring(name: str, row_id: int, *, redis_url: str = "") -> None:
    """Tell whoever answers to `name` that row `row_id` waits."""
    handler = _handlers.get(name)
    if handler is not None:
        handler(row_id)
    elif redis_url:
        import redis  # half a second that the embedded shape need not spend

        try:
            client = _client(redis_url)
            client.publish(_channel(client) + name, str(row_id))
        except redis.RedisError:
            log.warning(
                "the doorbell %s could not be rung; the sweep will find row %d", name, row_id
            )


def listen(redis_url: str, stop: threading.Event) -> None:
    """Pass rings from Redis to this process's handlers until `stop`; reconnects for ever."""
    import redis

    while not stop.is_set():
        try:
            client = _client(redis_url)
            channel = _channel(client)
            with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                pubsub.psubscribe(channel + "*")
                while not stop.is_set():
                    _pass_on(pubsub.get_message(timeout=1.0), channel)
        except redis.RedisError as fault:
            log.warning("the doorbell lost Redis, trying again: %s", fault)
            stop.wait(1.0)


def _channel(client: Any) -> str:
    """Return the first part of this installation's channels; pub/sub knows no database number."""
    return f"mystic:bell:{client.connection_pool.connection_kwargs.get('db') or 0}:"


def _pass_on(message: dict[str, bytes] | None, channel: str) -> None:
    if message is None:
        return
    name = message["channel"].decode().removeprefix(channel)
    if name in _handlers and message["data"].isdigit():
        _handlers[name](int(message["data"]))


_clients: dict[str, Any] = {}


def _client(redis_url: str) -> Any:
    import redis

    if redis_url not in _clients:
        _clients[redis_url] = redis.Redis.from_url(redis_url, socket_timeout=5)
    return _clients[redis_url]
