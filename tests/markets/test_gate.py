"""The gate of a series: by example, and against a venue that does everything wrong."""

import random

import pytest

from markets.bars import BarsError, SeriesGate, Verdict
from markets.types import Bar, Origin

START = 1_700_000_040
MINUTE = 60


def bar(number, *, close=None, timeframe=MINUTE):
    value = 100.0 + number % 97 if close is None else close
    return Bar(
        1,
        timeframe,
        START + number * MINUTE,
        value,
        value + 1,
        value - 1,
        value,
        float(number),
        number,
        "binance",
        Origin.LIVE,
        0,
    )


def times(bars):
    return [(one.open_time - START) // MINUTE for one in bars]


def test_the_first_bar_opens_the_gate():
    gate = SeriesGate(MINUTE)
    answer = gate.offer(bar(5))
    assert (answer.verdict, times(answer.sealed)) == (Verdict.SEALED, [5])
    assert gate.next_expected == START + 6 * MINUTE


def test_a_bar_beyond_the_next_waits_for_what_lies_between():
    gate = SeriesGate(MINUTE, START)
    answer = gate.offer(bar(2))
    assert answer.verdict is Verdict.WAITING
    assert answer.sealed == ()
    assert answer.missing == (START, START + 2 * MINUTE)
    filling = gate.fill([bar(0), bar(1)], START + 2 * MINUTE)
    assert times(filling.sealed) == [0, 1, 2]
    assert filling.absent == ()
    assert gate.missing is None


def test_slots_that_the_venue_lacks_are_absent():
    gate = SeriesGate(MINUTE, START)
    gate.offer(bar(6))
    filling = gate.fill([bar(1), bar(3)], START + 6 * MINUTE)
    assert times(filling.sealed) == [1, 3, 6]
    assert [((a - START) // 60, (b - START) // 60) for a, b in filling.absent] == [
        (0, 1),
        (2, 3),
        (4, 6),
    ]


def test_rows_beyond_what_is_confirmed_are_left_alone():
    gate = SeriesGate(MINUTE, START)
    filling = gate.fill([bar(0), bar(1), bar(2)], START + MINUTE)
    assert times(filling.sealed) == [0]
    assert gate.next_expected == START + MINUTE


def test_swapped_closes_come_out_in_order():
    gate = SeriesGate(MINUTE, START)
    assert gate.offer(bar(1)).missing == (START, START + MINUTE)
    answer = gate.offer(bar(0))
    assert times(answer.sealed) == [0, 1]
    assert answer.missing is None
    late = gate.fill([bar(0)], START + MINUTE)
    assert (late.sealed, late.older, late.absent) == ((), (), ())


def test_a_repeated_bar_is_a_duplicate_and_a_changed_one_is_older():
    gate = SeriesGate(MINUTE, START)
    gate.offer(bar(0))
    assert gate.offer(bar(0)).verdict is Verdict.DUPLICATE
    changed = bar(0, close=55.0)
    answer = gate.offer(changed)
    assert (answer.verdict, answer.older, answer.sealed) == (Verdict.OLDER, changed, ())
    assert gate.next_expected == START + MINUTE


def test_a_bar_of_another_series_changes_nothing():
    gate = SeriesGate(MINUTE, START)
    with pytest.raises(BarsError, match="300 s bar"):
        gate.offer(bar(0, timeframe=300))
    assert (gate.next_expected, gate.missing) == (START, None)


def test_bars_from_the_future_can_be_forgotten():
    gate = SeriesGate(MINUTE, START)
    gate.offer(bar(1_000_000))
    gate.offer(bar(2))
    lie = START + 1_000_000 * MINUTE
    assert set(gate.waiting_times()) == {lie, START + 2 * MINUTE}
    gate.forget_waiting([lie, START])
    assert gate.missing == (START, START + 2 * MINUTE)


class Venue:
    """A series with real holes, a stream that cuts, repeats, swaps and lies, and a REST side."""

    def __init__(self, seed, length):
        self.random = random.Random(seed)  # noqa: S311  reproducible
        self.truth = {
            number: bar(number) for number in range(length) if self.random.random() > 0.02
        }
        self.length = length

    def rows(self, start, end):
        numbers = range((start - START) // MINUTE, (end - START) // MINUTE)
        return [self.truth[n] for n in numbers if n in self.truth]

    def stream(self):
        """Yield closed bars as a bad connection brings them."""
        number, held = 0, None
        while number < self.length:
            roll = self.random.random()
            if roll < 0.005:
                number += self.random.randrange(1, 40)
                continue
            if roll < 0.01:
                begin = max(0, number - 15)
                yield from (self.truth[n] for n in range(begin, number) if n in self.truth)
            one = self.truth.get(number)
            number += 1
            if one is None:
                continue
            if roll > 0.98 and held is None:
                held = one
                continue
            yield one
            if held is not None:
                yield held
                held = None


def check(seed, length):
    venue = Venue(seed, length)
    gate = SeriesGate(MINUTE, START)
    out, absent, older = [], [], []
    for one in venue.stream():
        answer = gate.offer(one)
        out += answer.sealed
        older += [answer.older] if answer.older else []
        while gate.missing is not None and venue.random.random() < 0.9:
            begin, end = gate.missing
            end = min(end, begin + 20 * MINUTE)
            filling = gate.fill(venue.rows(begin, end), end)
            out += filling.sealed
            older += filling.older
            absent += filling.absent
    end = START + length * MINUTE
    filling = gate.fill(venue.rows(gate.next_expected, end), end)
    out, absent = out + list(filling.sealed), absent + list(filling.absent)

    opened = [one.open_time for one in out]
    assert opened == sorted(set(opened)), "disorder or double"
    assert out == [venue.truth[n] for n in sorted(venue.truth)], "hole or wrong value"
    told = sorted(t for a, b in absent for t in range(a, b, MINUTE))
    holes = [START + n * MINUTE for n in range(length) if n not in venue.truth]
    assert told == holes, "absent slots are exactly those that the venue lacks"
    assert all(one == venue.truth[(one.open_time - START) // MINUTE] for one in older)


@pytest.mark.parametrize("block", range(10))
def test_no_hole_no_double_no_disorder_no_wrong_value(block):
    for seed in range(block * 30, block * 30 + 30):
        check(seed, 2_000)
