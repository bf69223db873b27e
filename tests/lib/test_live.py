"""The live hub: threads, conflation, leading edge, a client that never reads, Redis."""

import asyncio
import json
import threading
import time

import pytest
import redis

from mystic.lib.clock import iso, now_ms
from mystic.lib.live import Hub
from mystic.lib.live_client import EVENTS_PER_CLIENT, UNACKNOWLEDGED_LIMIT
from tests.workers import redis_url

REDIS_URL = redis_url()


@pytest.fixture(autouse=True)
def in_memory(settings):
    """The hub of one process, whatever the run has; the tests over Redis set its address."""
    settings.REDIS_URL = ""


def quote(n, **extra):
    return {"type": "market_data", "data": {"n": n, **extra}, "source": "binance", "is_live": True}


async def until(condition, within_s=20.0):
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  the hub has no event for a test to wait for
            await asyncio.sleep(0.002)


class Page:
    """One open page: remembers each frame with the time at which it came."""

    def __init__(self, hub, hz=10.0):
        self.texts, self.times = [], []
        self.gate = asyncio.Event()
        self.gate.set()
        self.client = hub.join(self.take)
        self.client.pace(hz)
        self.pump = asyncio.ensure_future(self.client.pump())

    async def take(self, text):
        await self.gate.wait()
        self.texts.append(text)
        self.times.append(time.monotonic())

    @property
    def frames(self):
        return [json.loads(text) for text in self.texts]

    def numbers(self):
        return [frame["data"].get("n") for frame in self.frames]

    async def until(self, count, within_s=20.0):
        await until(lambda: len(self.texts) >= count, within_s)


def run(scenario):
    async def whole():
        hub = Hub()
        hub.attach(asyncio.get_running_loop())
        try:
            await scenario(hub)
        finally:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            hub.detach()

    asyncio.run(whole())


def test_a_value_reaches_its_subscribers_only():
    async def scenario(hub):
        one, other = Page(hub), Page(hub)
        hub.subscribe(one.client, "quote:1")
        hub.subscribe(other.client, "quote:2")
        hub.publish_latest("quote:1", "quote", quote(7))
        await one.until(1)
        await asyncio.sleep(0.15)
        assert one.frames == [quote(7)]
        assert other.frames == []

    run(scenario)


def test_publishing_from_many_threads_loses_no_event_and_keeps_each_threads_order():
    async def scenario(hub):
        page = Page(hub, hz=50)
        hub.subscribe(page.client, "signals")

        def publish(name):
            for n in range(20):
                hub.publish_event("signals", quote(n, thread=name))
                time.sleep(0.001)  # noqa: TID251  a thread of its own

        threads = [threading.Thread(target=publish, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        await page.until(80)
        by_thread = {name: [] for name in range(4)}
        for frame in page.frames:
            by_thread[frame["data"]["thread"]].append(frame["data"]["n"])
        assert by_thread == {name: list(range(20)) for name in range(4)}

    run(scenario)


def test_first_value_after_quiet_leaves_at_once_and_the_rest_is_conflated():
    async def scenario(hub):
        page = Page(hub, hz=5)
        hub.subscribe(page.client, "quote:1")
        await asyncio.sleep(0.01)
        began = time.monotonic()
        for n in range(100):
            hub.publish_latest("quote:1", "quote", quote(n))
            await asyncio.sleep(0.005)
        await until(lambda: page.numbers()[-1] == 99)
        assert page.numbers()[0] == 0
        assert page.numbers() == sorted(page.numbers())
        took = time.monotonic() - began
        assert 3 <= len(page.texts) <= took * 5 + 2
        gaps = [b - a for a, b in zip(page.times, page.times[1:], strict=False)]
        assert min(gaps) > 0.1

    run(scenario)


def test_each_client_is_fed_at_its_own_rate():
    async def scenario(hub):
        slow, fast = Page(hub, hz=2), Page(hub, hz=50)
        for page in (slow, fast):
            hub.subscribe(page.client, "quote:1")
        began = time.monotonic()
        for n in range(100):
            hub.publish_latest("quote:1", "quote", quote(n))
            await asyncio.sleep(0.01)
        await until(lambda: slow.numbers()[-1] == fast.numbers()[-1] == 99)
        assert 2 <= len(slow.texts) <= (time.monotonic() - began) * 2 + 2
        assert len(fast.texts) >= 10

    run(scenario)


def test_one_text_object_is_shared_by_all():
    async def scenario(hub):
        pages = [Page(hub) for _ in range(20)]
        for page in pages:
            hub.subscribe(page.client, "quote:1")
        hub.publish_latest("quote:1", "quote", quote(1))
        for page in pages:
            await page.until(1)
        assert len({id(page.texts[0]) for page in pages}) == 1

    run(scenario)


def test_subscribing_brings_the_newest_value_at_once():
    async def scenario(hub):
        hub.publish_latest("quote:1", "quote", quote(1))
        hub.publish_latest("quote:1", "quote", quote(2))
        assert hub.latest("quote:1") == {"quote": quote(2)}
        page = Page(hub)
        hub.subscribe(page.client, "quote:1")
        await page.until(1, within_s=0.1)
        assert page.numbers() == [2]

    run(scenario)


def test_a_client_that_never_reads_holds_nobody_back_and_stays_bounded():
    async def scenario(hub):
        stuck, good = Page(hub, hz=50), Page(hub, hz=50)
        stuck.gate.clear()
        for page in (stuck, good):
            hub.subscribe(page.client, "quote:1")
            hub.subscribe(page.client, "signals")
        for n in range(300):
            hub.publish_latest("quote:1", "quote", quote(n))
            hub.publish_event("signals", quote(n, kind="event"))
            await asyncio.sleep(0.001)

        def events_of(page):
            return [f["data"]["n"] for f in page.frames if f["data"].get("kind") == "event"]

        await until(lambda: len(events_of(good)) == 300)
        events = events_of(good)
        assert events == list(range(300))
        assert stuck.texts == []
        assert len(stuck.client._dirty) <= 1
        assert len(stuck.client._events) <= EVENTS_PER_CLIENT
        stuck.gate.set()
        await until(lambda: 299 in stuck.numbers())
        resync = [f for f in stuck.frames if f["type"] == "resync"]
        assert len(resync) == 1
        assert resync[0]["data"]["reason"] == "overflow"
        told = [f["data"]["n"] for f in stuck.frames if f["data"].get("kind") == "event"]
        assert len(told) + resync[0]["data"]["dropped"] == 300
        assert stuck.numbers()[-1] == 299

    run(scenario)


def test_no_more_is_sent_to_a_client_that_does_not_say_it_reads():
    async def scenario(hub):
        page = Page(hub, hz=50)
        hub.subscribe(page.client, "quote:1")
        big = "x" * 500_000
        for n in range(12):
            hub.publish_latest("quote:1", "quote", quote(n, big=big))
            await until(lambda n=n: page.client.is_paused or n in page.numbers())
            await asyncio.sleep(0.03)
        values = [f for f in page.frames if f["type"] == "market_data"]
        asked = [f for f in page.frames if f["type"] == "heartbeat"]
        assert page.client.is_paused
        assert UNACKNOWLEDGED_LIMIT <= sum(map(len, page.texts)) < UNACKNOWLEDGED_LIMIT + 600_000
        assert len(values) == 8
        assert len(asked) >= 3
        page.client.acknowledge()
        await until(lambda: 11 in page.numbers())

    run(scenario)


def test_batched_clients_get_one_frame_per_flush():
    async def scenario(hub):
        for n in range(5):
            hub.publish_latest(f"quote:{n}", "quote", quote(n))
        page = Page(hub)
        page.client.is_batched = True
        for n in range(5):
            hub.subscribe(page.client, f"quote:{n}")
        await page.until(1)
        (frame,) = page.frames
        assert frame == {"type": "batch", "data": [quote(n) for n in range(5)]}

    run(scenario)


def test_unsubscribed_and_left_clients_get_nothing():
    async def scenario(hub):
        page, gone = Page(hub), Page(hub)
        for each in (page, gone):
            hub.subscribe(each.client, "quote:1")
        hub.unsubscribe(page.client, "quote:1")
        hub.leave(gone.client)
        hub.publish_latest("quote:1", "quote", quote(1))
        await asyncio.sleep(0.05)
        assert page.texts == gone.texts == []
        assert hub._rooms == {}
        assert hub.clients == {page.client}

    run(scenario)


def test_a_payload_that_is_not_json_hurts_nobody():
    async def scenario(hub):
        page = Page(hub)
        hub.subscribe(page.client, "quote:1")
        hub.publish_latest("quote:1", "bad", {"type": "x", "data": {"n": object()}})
        hub.publish_latest("quote:1", "quote", quote(1))
        await page.until(1)
        assert page.numbers() == [1]

    run(scenario)


def test_publishing_after_shutdown_is_harmless():
    hub = Hub()
    loop = asyncio.new_event_loop()
    hub.attach(loop)
    loop.close()
    hub.publish_latest("quote:1", "quote", quote(1))
    hub.publish_event("signals", quote(2))
    hub.detach()
    hub.publish_latest("quote:1", "quote", quote(3))
    hub.publish_event("signals", quote(4))
    assert hub.latest("quote:1") == {"quote": quote(3)}
    assert len(hub._events) == len(hub._dirty) == 0


def test_a_forgotten_value_is_gone():
    hub = Hub()
    hub.publish_latest("positions:1", "9", quote(1))
    hub.forget("positions:1", "9")
    assert hub.latest("positions:1") == {}


def _redis_or_skip():
    client = redis.Redis.from_url(REDIS_URL, socket_connect_timeout=0.5)
    try:
        client.ping()
    except redis.RedisError:
        pytest.skip("no Redis here")
    client.delete("mystic:live:latest")
    return client


async def _listening(hub):
    return await asyncio.to_thread(hub._link.wait_until_listening, 3.0)


def test_another_process_is_heard_over_redis(settings):
    _redis_or_skip()
    settings.REDIS_URL = REDIS_URL

    async def scenario(hub):
        streamer, late = Hub(), Hub()
        page = Page(hub, hz=50)
        hub.subscribe(page.client, "quote:1")
        hub.subscribe(page.client, "signals")
        assert await _listening(hub)
        for n in range(5):
            streamer.publish_latest("quote:1", "quote", quote(n))
        for n in range(5):
            streamer.publish_event("signals", quote(n, kind="event"))
        await page.until(6)
        events = [f["data"]["n"] for f in page.frames if f["data"].get("kind") == "event"]
        assert events == list(range(5))
        assert hub.latest("quote:1") == {"quote": quote(4)}
        late.listen()
        assert await _listening(late)
        assert late.latest("quote:1") == {"quote": quote(4)}
        streamer.forget("quote:1", "quote")
        await until(lambda: not hub.latest("quote:1"))
        late.detach()
        streamer.detach()

    run(scenario)


def test_a_cut_from_redis_makes_clients_ask_again(settings):
    client = _redis_or_skip()
    settings.REDIS_URL = REDIS_URL

    async def scenario(hub):
        page = Page(hub, hz=50)
        hub.subscribe(page.client, "signals")
        assert await _listening(hub)
        number = REDIS_URL.rpartition("/")[2]
        for line in client.client_list(_type="pubsub"):
            if line["db"] == number:
                client.client_kill_filter(_id=line["id"])
        await page.until(1, within_s=5)
        assert page.frames[0]["type"] == "resync"
        streamer = Hub()
        streamer.publish_event("signals", quote(1))
        await page.until(2)
        assert page.numbers()[-1] == 1
        streamer.detach()

    run(scenario)


def test_a_kept_value_is_live_no_longer_once_it_is_old():
    hub = Hub()
    now = now_ms()
    for key, age_ms in (("fresh", 0), ("old", 60_000)):
        marks = {"is_live": True, "received_at": iso(now - age_ms)}
        hub.publish_latest("quote:1", key, quote(1, **marks))
    hub.publish_latest("system", "binance", quote(2) | {"type": "source"})
    kept = hub.latest("quote:1")
    assert kept["fresh"]["is_live"] is kept["fresh"]["data"]["is_live"] is True
    assert "stale" not in kept["fresh"]
    assert kept["old"]["is_live"] is kept["old"]["data"]["is_live"] is False
    assert kept["old"]["stale"] is kept["old"]["data"]["stale"] is True
    assert hub.latest("system")["binance"]["is_live"] is True
    assert '"is_live":false' in hub.messages("quote:1")["old"].text
