"""A typed in-process event bus: an app publishes, `mystic.wiring` decides who listens."""

import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

type Handler[E] = Callable[[E], None]

_handlers: dict[type, list[Handler[Any]]] = {}


def subscribe[E](kind: type[E], handler: Handler[E]) -> None:
    """Call `handler` with every event of exactly this kind, in the order of subscription."""
    listeners = _handlers.setdefault(kind, [])
    if handler not in listeners:
        listeners.append(handler)


def unsubscribe[E](kind: type[E], handler: Handler[E]) -> None:
    if handler in _handlers.get(kind, []):
        _handlers[kind].remove(handler)


def publish(event: object) -> None:
    """Hand the event to each listener; one that fails is logged and never stops the others.

    The publisher's work is already committed, so a listener's fault is the listener's: what must
    happen has a row, and a sweep rings again.
    """
    for handler in tuple(_handlers.get(type(event), ())):
        try:
            handler(event)
        except Exception:
            log.exception("a listener of %s failed", type(event).__name__)
