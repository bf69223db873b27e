"""A ring reaches the process that answers, over memory and over Redis."""

import os
import queue
import threading

import pytest
import redis

from mystic.lib import doorbell

REDIS_URL = os.environ.get("REDIS_URL", "")


@pytest.fixture
def heard():
    rings: queue.Queue[int] = queue.Queue()
    doorbell.answer("test-bell", rings.put)
    yield rings
    doorbell._handlers.pop("test-bell")


def test_in_one_process_the_handler_is_called_at_once(heard):
    doorbell.ring("test-bell", 7)
    assert heard.get_nowait() == 7


def test_a_ring_nobody_answers_is_no_fault():
    doorbell.ring("nobody", 7)


def test_a_ring_without_redis_is_logged_and_lost(caplog):
    doorbell.ring("nobody", 7, redis_url="redis://127.0.0.1:1/0")
    assert "the sweep will find row 7" in caplog.text


@pytest.mark.skipif(not REDIS_URL, reason="needs REDIS_URL")
def test_over_redis_the_listening_process_is_rung_and_no_other_installation(heard):
    stop = threading.Event()
    listener = threading.Thread(target=doorbell.listen, args=(REDIS_URL, stop))
    listener.start()
    client = redis.Redis.from_url(REDIS_URL)
    number = client.connection_pool.connection_kwargs.get("db") or 0
    try:
        for _ in range(100):
            if client.publish(f"mystic:bell:{number}:test-bell", "12"):
                break
            stop.wait(0.05)
        assert client.publish(f"mystic:bell:{number + 1}:test-bell", "13") == 0
        assert client.publish(f"mystic:bell:{number}:test-bell", "14") == 1
        assert [heard.get(timeout=5), heard.get(timeout=5)] == [12, 14]
    finally:
        stop.set()
        listener.join(5)
