"""The one pass against the definitions written out a second time, and against its own prefixes."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.columns import ArrayBars
from signals.smc import Detector, Kind, Stage, detect
from tests.signals.real_bars import btc_1m
from tests.signals.smc.brute_force import Zone, everything, happened
from tests.signals.smc.walks import walks


def zone(one, end=None):
    places = (one.index, one.confirmed_index, one.source_index)
    return Zone(str(one.kind), one.direction, one.top, one.bottom, *places, end)


def ours(bars, length):
    found = detect(bars, swing=length)
    ends = {one.event: one.index for one in found.mitigations}
    return {zone(one, ends.get(one)) for one in found.events}


def our_changes(bars, length):
    changes = detect(bars, swing=length).changes
    return {(zone(one.event), str(one.stage), one.index) for one in changes}


@pytest.mark.parametrize("length", [2, 5, 10])
def test_real_bars_give_the_same_events(length):
    bars = ArrayBars.of(btc_1m(100, 3), slice(0, 3000))
    found = ours(bars, length)
    assert found == everything(bars, length)
    # Long swings are few: so are equal ones.
    rare = {Kind.SWEEP, Stage.SWEPT, Stage.GROWN} if length == 10 else set()
    assert set(Kind) - {one.kind for one in found} <= rare
    assert len(found) > 300
    changes = our_changes(bars, length)
    assert changes == happened(bars, length)
    assert set(Stage) - {stage for _, stage, _ in changes} <= rare


@settings(max_examples=150, deadline=None)
@given(walks(), st.integers(1, 4))
def test_any_bars_give_the_same_events(bars, length):
    assert ours(bars, length) == everything(bars, length)
    assert our_changes(bars, length) == happened(bars, length)


@settings(max_examples=60, deadline=None)
@given(walks(), st.integers(1, 3))
def test_nothing_found_is_ever_taken_back(bars, length):
    whole = detect(bars, swing=length)
    for end in range(len(bars.close) + 1):
        part = detect(ArrayBars.of(bars, slice(0, end)), swing=length)
        assert part.events == tuple(one for one in whole.events if one.confirmed_index < end)
        assert part.changes == tuple(one for one in whole.changes if one.index < end)


def test_prefixes_of_real_bars_agree_with_the_whole():
    bars = ArrayBars.of(btc_1m(100, 3), slice(0, 3000))
    whole = detect(bars, swing=5)
    ends = sorted({one.confirmed_index + 1 for one in whole.events})[::24]
    assert len(ends) > 20
    for end in ends:
        part = detect(ArrayBars.of(bars, slice(0, end)), swing=5)
        assert part.events == tuple(one for one in whole.events if one.confirmed_index < end)
        assert part.changes == tuple(one for one in whole.changes if one.index < end)


def test_time_grows_with_the_bars_and_memory_does_not():
    bars = btc_1m(60, 30)
    detector = Detector(swing=10)
    rows = list(
        zip(
            *(one.tolist() for one in (bars.open_time, bars.open, bars.high, bars.low, bars.close)),
            strict=True,
        )
    )
    spent = []
    for part in (rows[:10_000], rows[30_000:40_000]):
        begun = time.process_time()
        for row in part:
            detector.push(*row)
        spent.append(time.process_time() - begun)
    assert spent[1] < 3 * spent[0]
    # What is kept are a few bars and the zones that price has not ended.
    state = detector._pass.state
    assert len(state.times) < 100
    assert len(state.free) < 2000


def test_a_swing_needs_a_neighbour():
    with pytest.raises(ValueError, match="at least 1 bar"):
        Detector(swing=0)
