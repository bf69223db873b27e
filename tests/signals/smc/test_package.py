"""Where the package says something else, how often, and why it cannot be followed (docs/smc.md)."""

from collections import Counter

import numpy as np
import pytest

from signals.smc import detect
from tests.signals.real_bars import REPO, eurusd_15m, numbers, read_csv


@pytest.fixture(scope="module")
def found():
    return detect(eurusd_15m(), swing=5)


def table(name):
    rows = read_csv(f"fx_smc/{name}_result_data.csv.gz")
    return {key: numbers(rows, key) for key in rows[0]}


def ours(found, *kinds, sign=1):
    return {(one.index, sign * one.direction) for one in found.events if one.kind in kinds}


def test_swings_that_coincide(found):
    flags = table("swing_highs_lows")["HighLow"]
    theirs = {(int(one), int(flags[one])) for one in np.flatnonzero(~np.isnan(flags))}
    mine = ours(found, "swing_high", "swing_low", sign=-1)
    assert (len(theirs), len(mine), len(theirs & mine)) == (2708, 2965, 2428)


def test_breaks_that_coincide(found):
    theirs = table("bos_choch")
    rows = np.flatnonzero(~np.isnan(theirs["BOS"]) | ~np.isnan(theirs["CHOCH"]))
    stamped = {}
    for row in rows:
        is_bos = not np.isnan(theirs["BOS"][row])
        direction = theirs["BOS" if is_bos else "CHOCH"][row]
        stamped[int(theirs["BrokenIndex"][row]), int(direction)] = "bos" if is_bos else "choch"
    mine = {
        (one.index, one.direction): str(one.kind)
        for one in found.events
        if one.kind in ("bos", "choch")
    }
    both = stamped.keys() & mine.keys()
    assert (len(rows), len(stamped), len(mine), len(both)) == (1129, 1129, 1185, 974)
    assert sum(stamped[one] == mine[one] for one in both) == 737
    # It stamps a break so many bars before the close that made it one.
    assert np.median(theirs["BrokenIndex"][rows] - rows) == 12


def test_order_blocks_that_coincide(found):
    flags = table("ob")["OB"]
    theirs = {(int(one), int(flags[one])) for one in np.flatnonzero(~np.isnan(flags))}
    mine = ours(found, "order_block")
    assert (len(theirs), len(mine), len(theirs & mine)) == (66, 1185, 65)


def test_the_page_has_these_figures(found):
    page = (REPO / "docs" / "smc.md").read_text()
    counts = Counter(str(one.kind) for one in found.events)
    rows = {
        "swings": ("2,708", "2,965", "2,428"),
        "breaks, bar and direction": ("1,129", "1,185", "974"),
        "order blocks": ("66", "1,185", "65"),
        "gaps": ("5,020", "5,020", "5,020"),
        "liquidity": ("498", f"{counts['liquidity']}", "44"),
    }
    for name, figures in rows.items():
        assert f"| {name} | {' | '.join(figures)} |" in page
