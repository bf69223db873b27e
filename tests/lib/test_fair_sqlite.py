"""Writers of one process are served in the order they came; nobody starves."""

import threading
import time

import pytest
from django.db import connection, connections, transaction

from markets.models import Venue
from mystic.lib.fair_sqlite import base
from mystic.lib.turns import Turns

WAIT_S = 20.0


def until(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.002)


def test_a_turn_is_given_in_the_order_it_was_asked_for():
    turns, order = Turns(), []
    assert turns.acquire(0)

    def wait(number):
        assert turns.acquire(WAIT_S)
        order.append(number)
        turns.release()

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(8)]
    for number, thread in enumerate(threads):
        thread.start()
        until(lambda number=number: len(turns._waiting) == number + 1)
    turns.release()
    for thread in threads:
        thread.join(WAIT_S)
    assert order == list(range(8))
    assert turns.acquire(0)


def test_who_waited_too_long_is_not_handed_the_turn():
    turns = Turns()
    assert turns.acquire(0)
    assert not turns.acquire(0.01)
    turns.release()
    assert turns.acquire(0)


@pytest.mark.django_db(transaction=True)
def test_a_turn_is_given_back_however_a_transaction_ends():
    if connection.vendor != "sqlite":
        pytest.skip("the queue is for SQLite")
    turns = base._turns[str(connection.settings_dict["NAME"])]
    with transaction.atomic():
        assert turns._is_taken
        Venue.objects.create(code="a", name="A")
    assert not turns._is_taken
    with pytest.raises(LookupError), transaction.atomic():
        raise LookupError
    assert not turns._is_taken
    with transaction.atomic(), transaction.atomic():
        Venue.objects.create(code="b", name="B")
    assert not turns._is_taken
    Venue.objects.filter(code="b").update(name="C")
    assert not turns._is_taken
    with pytest.raises(Exception, match="UNIQUE"):
        Venue.objects.create(code="a", name="again")
    assert not turns._is_taken


@pytest.mark.django_db(transaction=True)
def test_a_writer_without_pause_starves_nobody():
    if connection.vendor != "sqlite":
        pytest.skip("the queue is for SQLite")
    over, rounds = threading.Event(), []

    def hog():
        while not over.is_set():
            with transaction.atomic():
                Venue.objects.bulk_create(
                    Venue(code=f"h{len(rounds)}-{n}", name="hog") for n in range(200)
                )
            rounds.append(len(rounds))
        connections.close_all()

    thread = threading.Thread(target=hog)
    thread.start()
    try:
        until(lambda: rounds)
        before = len(rounds)
        for number in range(30):
            with transaction.atomic():
                Venue.objects.create(code=f"order{number}", name="order")
        # An order waits for the round that has begun, not for many; the rest is the machine.
        assert len(rounds) - before <= 10 * 30
    finally:
        over.set()
        thread.join(WAIT_S)
    assert Venue.objects.filter(name="order").count() == 30
