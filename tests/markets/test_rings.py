"""Bars in memory grow at their end; what was handed out never changes."""

import random
import threading

import numpy as np
import pytest

from markets.bars import BarArrays, joined
from markets.rings import Ring

NAMES = ("open_time", "open", "high", "low", "close", "volume")


def bars(first, count):
    times = np.arange(first, first + count, dtype=np.int64) * 60
    value = times.astype(float)
    return BarArrays(times, value, value + 2, value - 2, value + 1, value / 2, 60, "binance")


def rows(arrays):
    return [getattr(arrays, name).tolist() for name in NAMES]


@pytest.mark.parametrize("seed", range(5))
def test_a_ring_is_the_newest_part_of_all_it_was_given(seed):
    chance = random.Random(seed)  # noqa: S311  reproducible
    plain = bars(1, chance.randrange(0, 90))
    ring, count, kept = Ring.of(plain), len(plain), []
    for _ in range(60):
        more = bars(1 + count, chance.randrange(0, 40))
        count += len(more)
        plain = joined(plain, more).newest(300)
        ring = ring.extended(more, most=300)
        assert rows(ring.bars) == rows(plain)
        assert len(ring) == len(plain)
        kept.append((ring.bars, rows(ring.bars)))
    for views, before in kept:
        assert rows(views) == before


def test_two_that_grow_from_one_do_not_meet():
    one = Ring.of(bars(1, 10))
    left, right = one.extended(bars(11, 3), most=99), one.extended(bars(21, 4), most=99)
    assert rows(left.bars) == rows(joined(bars(1, 10), bars(11, 3)))
    assert rows(right.bars) == rows(joined(bars(1, 10), bars(21, 4)))
    assert rows(one.bars) == rows(bars(1, 10))


def test_growing_lays_the_arrays_out_anew_only_now_and_then():
    ring = Ring.of(bars(1, 1000))
    slots = {id(ring._slots)}
    for number in range(1000):
        ring = ring.extended(bars(1001 + number, 1), most=5000)
        slots.add(id(ring._slots))
    assert len(slots) <= 5
    assert rows(ring.bars) == rows(bars(1, 2000))


def test_threads_may_share_a_ring():
    base, wrong = Ring.of(bars(1, 500)), []

    def grow(count):
        for _ in range(200):
            found = base.extended(bars(501, count), most=5000)
            if rows(found.bars) != rows(bars(1, 500 + count)):
                wrong.append(count)

    threads = [threading.Thread(target=grow, args=(count,)) for count in (1, 2, 3, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
