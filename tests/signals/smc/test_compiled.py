"""numba's translation against the plain Python it was made from: the same bits, however cut."""

import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.columns import ArrayBars
from signals.smc import Pass, compiled, detect
from tests.signals.real_bars import REPO, btc_1m, eurusd_15m
from tests.signals.smc.walks import walks


@pytest.fixture(autouse=True)
def pace():
    """Begin as a fresh process does, and leave what this one had taken."""
    before = compiled.PACE.bars
    yield compiled.PACE
    compiled.PACE.bars = before


def columns(bars, part=slice(None)):
    names = ("open_time", "open", "high", "low", "close")
    return tuple(getattr(bars, name)[part] for name in names)


def taken(bars, *, swing, is_fast, cuts=()):
    """Return findings and descriptions, as bytes."""
    compiled.PACE.bars = compiled.WORTHWHILE if is_fast else -(10**9)
    edges = [0, *cuts, len(bars.close)]
    finding, describing = Pass(swing), Pass(swing)
    found, described = [], []
    for begin, end in pairwise(edges):
        piece = columns(bars, slice(begin, end))
        one = finding.find(piece)
        found += [one.ints.tobytes(), one.floats.tobytes()]
        described.append(describing.describe(piece).tobytes())
    return b"".join(found[::2]), b"".join(found[1::2]), b"".join(described)


@pytest.mark.parametrize("swing", [1, 5, 60])
@pytest.mark.parametrize("series", [eurusd_15m, lambda: btc_1m(100, 3)])
def test_real_bars_give_the_same_bits(series, swing):
    bars = ArrayBars.of(series(), slice(0, 4000))
    fast = taken(bars, swing=swing, is_fast=True)
    assert fast == taken(bars, swing=swing, is_fast=False)
    assert len(fast[0]) > 100


@settings(max_examples=60, deadline=None)
@given(walks(most=200), st.integers(1, 4), st.data())
def test_any_bars_cut_anywhere_give_the_same_bits(bars, swing, data):
    size = len(bars.close)
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=4)))
    plain = taken(bars, swing=swing, is_fast=False)
    assert taken(bars, swing=swing, is_fast=False, cuts=cuts) == plain
    least, compiled.LONG_PIECE = compiled.LONG_PIECE, data.draw(st.sampled_from((0, 20)))
    try:
        # Pieces shorter than the least are taken in plain Python in between.
        assert taken(bars, swing=swing, is_fast=True, cuts=cuts) == plain
    finally:
        compiled.LONG_PIECE = least


def test_live_bars_after_a_long_piece_give_what_the_whole_gives():
    bars = ArrayBars.of(btc_1m(100, 3), slice(0, 3000))
    compiled.PACE.bars = compiled.WORTHWHILE
    whole = Pass(5).describe(columns(bars))
    live = Pass(5)
    pieces = [live.describe(columns(bars, slice(0, 2500)))]
    pieces += [live.describe(columns(bars, slice(one, one + 1))) for one in range(2500, 3000)]
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


def test_time_is_linear_and_a_million_bars_take_seconds():
    bars = btc_1m(60, 80)
    compiled.PACE.bars = compiled.WORTHWHILE
    many = {name: np.tile(getattr(bars, name), 10)[:1_000_000] for name in ("open", "high")}
    many |= {name: np.tile(getattr(bars, name), 10)[:1_000_000] for name in ("low", "close")}
    times = np.arange(1_000_000) * 60
    whole = ArrayBars(times, **many, volume=many["close"])
    spent = {}
    for count in (100_000, 1_000_000):
        spent[count] = min(seconds(ArrayBars.of(whole, slice(0, count))) for _ in range(2))
    assert spent[1_000_000] < 20 * spent[100_000]


def seconds(bars):
    begun = time.process_time()
    assert len(detect(bars)) > len(bars.close) // 2
    return time.process_time() - begun


def test_a_process_that_takes_single_bars_never_loads_numba():
    code = (
        "import sys, numpy as np\n"
        "from signals.smc import Detector, Pass\n"
        "detector, one = Detector(), Pass(5)\n"
        "for bar in range(3000):\n"
        "    detector.push(bar * 60, 1.0, 2.0, 0.5, 1.5)\n"
        "one.describe((np.zeros(2000), *np.ones((4, 2000))))\n"
        "print('numba' in sys.modules)"
    )
    done = subprocess.run(  # the interpreter that runs the tests
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
