"""One streamer is active; another takes over when it is gone, dead or silent."""

import socket

import pytest

from markets.models import Candle, StreamLease
from markets.services import lease_claim, lease_release, lease_renew
from markets.streaming import lease as lease_module
from tests.markets.scripted import Market, streaming, until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_lease_has_one_holder():
    assert lease_claim(name="m", holder="a")
    assert not lease_claim(name="m", holder="b")
    assert lease_claim(name="m", holder="a")
    assert lease_renew(name="m", holder="a")
    assert not lease_renew(name="m", holder="b")
    lease_release(name="m", holder="b")
    assert StreamLease.objects.get().holder == "a"
    lease_release(name="m", holder="a")
    assert lease_claim(name="m", holder="b")
    assert not lease_renew(name="m", holder="a")


def test_a_lease_is_taken_only_from_beats_that_stand_still():
    lease_claim(name="m", holder="a")
    seen = StreamLease.objects.get().beats
    lease_renew(name="m", holder="a")
    assert not lease_claim(name="m", holder="b", seen_beats=seen)
    assert lease_claim(name="m", holder="b", seen_beats=seen + 1)
    assert StreamLease.objects.get().holder == "b"


def test_two_streamers_one_active_and_the_other_takes_over():
    market = Market(["BTC/USDT"])
    market.grow(10)
    sentences = []
    with streaming(market) as first:
        until(lambda: first.is_active)
        other = Market(["BTC/USDT"])
        other.bars, other.now = market.bars, market.now
        second = _start(other, sentences)
        try:
            until(lambda: any("standby" in text for text in sentences))
            assert not second.is_active
            assert other.streams == []
            until(lambda: Candle.objects.count() == 10)
            first.stop()
            until(lambda: second.is_active, within=4, say="the second did not take over")
        finally:
            second.stop()
    assert Candle.objects.count() == 10
    assert StreamLease.objects.get().holder == ""


def test_a_silent_holder_of_another_machine_is_replaced(monkeypatch):
    monkeypatch.setattr(lease_module, "DEAD_AFTER_S", 0.5)
    monkeypatch.setattr(lease_module, "LOOK_EVERY_S", 0.1)
    StreamLease.objects.create(name="markets", holder="elsewhere:1:abc", beats=41)
    market = Market(["BTC/USDT"])
    market.grow(3)
    with streaming(market) as streamer:
        until(lambda: streamer.is_active)
        assert StreamLease.objects.get().holder == streamer_holder()


def test_a_dead_process_of_this_machine_is_replaced_at_once():
    holder = f"{socket.gethostname()}:999999999:abc"
    StreamLease.objects.create(name="markets", holder=holder, beats=41)
    market = Market(["BTC/USDT"])
    market.grow(3)
    with streaming(market) as streamer:
        until(lambda: streamer.is_active, within=2, say="a dead process was waited for")


def test_a_streamer_that_lost_its_lease_stops_streaming(monkeypatch):
    monkeypatch.setattr(lease_module, "RENEW_EVERY_S", 0.1)
    market = Market(["BTC/USDT"])
    market.grow(3)
    with streaming(market) as streamer:
        until(lambda: streamer.is_active)
        StreamLease.objects.update(holder="elsewhere:1:abc")
        until(lambda: not streamer.is_active, within=3, say="it went on without the lease")
        until(lambda: not market.stream.is_running)
    assert StreamLease.objects.get().holder == "elsewhere:1:abc"


def streamer_holder():
    holder = StreamLease.objects.get().holder
    assert holder.startswith(socket.gethostname())
    return holder


def _start(market, sentences):
    from markets.streaming import Streamer
    from markets.streaming.session import Plan

    one = Streamer(
        sentences.append,
        plan=Plan(("BTC/USDT",), 60, 1),
        make_first=market.source,
        make_fallbacks=list,
    )
    one.start()
    return one
