"""What is remembered outside of the rows, and how a test begins with none of it.

The hub of one process knows at once; over Redis it knows as soon as it has heard.
"""

import asyncio
import time

import redis
from django.conf import settings
from django.core.cache import cache

from markets import selectors, stored
from markets.circuits import circuits
from markets.hits import hits
from markets.hours import hours
from markets.quotes import store
from markets.services import agreement, blocks, resilience
from markets.services.budgets import budgets_forget
from markets.services.quarantine import quarantine
from markets.streaming.book_stats import stats
from mystic.lib import bus, ratelimit
from mystic.lib.live import hub
from notifications.watch import watch as price_rules
from signals import tasks_ledger
from signals.forecasting.shelf import shelf
from signals.services import evaluation, folder, forecasting, patterns, scoring, voters
from trading import live as trading_live
from trading.making import desk as makers
from trading.watch import watch

PATIENCE_S = 10.0
_wired = {}


def forget():
    """Forget what this process knows; from Redis take only what Mystic put there."""
    _forget_sources()
    _forget_markets()
    evaluation._cache.__init__()
    evaluation._past.forget()
    folder.folder.forget()
    forecasting.forget()
    shelf.clear()
    scoring.ledger.forget()
    voters.records.forget()
    tasks_ledger.ring.forget()
    patterns._series.clear()
    patterns._waiting.clear()
    trading_live._marked_at.clear()
    watch.watched.__init__()
    watch.equities.__init__()
    watch._refused.clear()
    makers.forget()
    price_rules._watched, price_rules._version = {}, None
    _listen_as_wired()
    _empty_cache()


def _forget_sources():
    ratelimit.forget()
    circuits.forget()
    budgets_forget()
    agreement.watch.forget()
    quarantine.forget()
    resilience._read_at_s = resilience._written_at_s = 0.0


def _forget_markets():
    store.__init__()
    stats.__init__()
    hits.forget()
    hours.clear()
    selectors._loaded_ms.clear()
    stored._checked.clear()
    blocks._complete.clear()


def _listen_as_wired():
    """Let nobody listen but whom `mystic.wiring` attached when Django was ready."""
    if not _wired:
        _wired.update({kind: tuple(found) for kind, found in bus._handlers.items()})
    bus._handlers.clear()
    bus._handlers.update({kind: list(found) for kind, found in _wired.items()})


def _empty_cache():
    if not settings.REDIS_URL:
        cache.clear()
        return
    names = ("mystic:*", ":1:*", "celery", "unacked*", "_kombu.*")
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        keys = [key for name in names for key in client.scan_iter(name, count=1000)]
        if keys:
            client.delete(*keys)


def listen():
    """Let this process hear the others, where there is a Redis between them."""
    hub.listen()
    if hub._link is not None:
        assert hub._link.wait_until_listening(PATIENCE_S)


def is_heard(subject, key, payload):
    found = hub.latest(subject)
    return key in found and (payload is None or found[key] == payload)


def newest(subject, key, payload=None):
    """Return the newest payload once it is here; with `payload`, once it is that one."""
    listen()
    end = time.monotonic() + PATIENCE_S
    while not is_heard(subject, key, payload) and time.monotonic() < end:
        time.sleep(0.002)  # noqa: TID251  the listener has a thread of its own
    return hub.latest(subject)[key]


async def say(subject, key, payload):
    """Publish the newest payload and wait until this process has it."""
    hub.publish_latest(subject, key, payload)
    async with asyncio.timeout(PATIENCE_S):
        while not is_heard(subject, key, payload):  # noqa: ASYNC110  the hub has no event for it
            await asyncio.sleep(0.002)
