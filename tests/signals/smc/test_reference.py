"""The detectors against the published causal reference and the package's gaps, EUR/USD 15m."""

from collections import Counter

import numpy as np
import pytest

from signals.smc import Kind, detect
from tests.signals.real_bars import eurusd_15m, numbers, read_csv


@pytest.fixture(scope="module")
def found():
    return detect(eurusd_15m(), swing=5)


@pytest.fixture(scope="module")
def mitigated(found):
    return {one.event: one.index for one in found.mitigations}


@pytest.fixture(scope="module")
def reference():
    rows = read_csv("reference/smc_causal_EURUSD15M_L5.csv.gz")
    return {name: numbers(rows, name) for name in rows[0]}


def events(found, *kinds):
    return [one for one in found.events if one.kind in kinds]


def test_swings_and_the_bar_that_confirms_them(found, reference):
    drawn = {}
    for one in events(found, Kind.SWING_HIGH, Kind.SWING_LOW):
        kind = 1 if one.kind is Kind.SWING_HIGH else -1
        drawn[one.index] = 2 if one.index in drawn else kind
        assert one.confirmed_index == one.index + 5
    is_swing = reference["swing"] != 0
    wanted = zip(reference["i"][is_swing], reference["swing"][is_swing], strict=True)
    assert drawn == {int(i): int(swing) for i, swing in wanted}
    assert set(reference["swing_known"][is_swing] - reference["i"][is_swing]) == {5}


def test_breaks_are_stamped_at_the_breaking_close(found, reference):
    ours = [
        (
            one.index,
            one.direction * (2 if one.kind is Kind.CHOCH else 1),
            one.top,
            one.source_index,
        )
        for one in events(found, Kind.BOS, Kind.CHOCH)
    ]
    rows = reference["structure"] != 0
    columns = ("i", "structure", "structure_level", "structure_src")
    wanted = list(zip(*(reference[name][rows] for name in columns), strict=True))
    assert ours == wanted
    assert len(ours) == 1185


def test_order_blocks_their_zone_and_their_end(found, reference, mitigated):
    ours = {
        one.index: (
            one.direction,
            one.top,
            one.bottom,
            mitigated.get(one, -1),
            one.confirmed_index,
        )
        for one in events(found, Kind.ORDER_BLOCK)
    }
    rows = reference["ob"] != 0
    columns = ("ob", "ob_top", "ob_bottom", "ob_mitigated", "ob_known")
    cells = zip(*(reference[name][rows] for name in columns), strict=True)
    assert ours == dict(zip(reference["i"][rows], cells, strict=True))
    assert len(events(found, Kind.ORDER_BLOCK)) == 1185


def test_gaps_equal_the_reference(found, reference, mitigated):
    ours = [
        (one.index, one.direction, one.top, one.bottom, mitigated.get(one, -1))
        for one in events(found, Kind.FAIR_VALUE_GAP)
    ]
    rows = reference["fvg"] != 0
    columns = ("i", "fvg", "fvg_top", "fvg_bottom", "fvg_mitigated")
    assert ours == list(zip(*(reference[name][rows] for name in columns), strict=True))


def test_gaps_equal_the_package_on_every_bar(found, mitigated):
    rows = read_csv("fx_smc/fvg_result_data.csv.gz")
    flags, top, bottom, ends = (
        numbers(rows, name) for name in ("FVG", "Top", "Bottom", "MitigatedIndex")
    )
    at = np.flatnonzero(~np.isnan(flags))
    gaps = events(found, Kind.FAIR_VALUE_GAP)
    assert len(gaps) == len(at) == 5020
    assert [one.index for one in gaps] == at.tolist()
    assert {one.confirmed_index - one.index for one in gaps} == {1}
    assert [one.direction for one in gaps] == flags[at].tolist()
    assert [one.top for one in gaps] == top[at].tolist()
    assert [one.bottom for one in gaps] == bottom[at].tolist()
    # The package writes 0 for a gap that was never touched.
    assert [mitigated.get(one, 0) for one in gaps] == ends[at].tolist()


def test_times_are_those_of_the_bars(found):
    opens = eurusd_15m().open_time.tolist()
    for one in found.events:
        assert (one.at, one.confirmed_at) == (opens[one.index], opens[one.confirmed_index])
    assert Counter(one.kind for one in found.events)[Kind.CHOCH] == 618
