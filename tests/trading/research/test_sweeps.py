"""Searches over parameters: asked, made by workers from rows, ended, and seen by their owner."""

from itertools import product

import pytest

from mystic.lib import bus
from tests.signals.app.conftest import START
from tests.trading.research.conftest import BARS, MINUTE
from trading.events import ResearchChanged, ResearchWanted
from trading.models import Sweep, Trial
from trading.selectors_sweeps import heat_map, sweep_for, sweeps_for, trial_counts, trials_of
from trading.services.research_errors import ResearchError
from trading.services.sweeps import sweep_cancel, sweep_start, trials_work

SPACE = {"bars": {"values": [10, 20, 30]}, "band": {"values": [1.5, 2.0, 2.5, 3.0]}}
FROM = START + 2_000 * MINUTE
THROUGH = START + (BARS - 1) * MINUTE


@pytest.fixture
def search(stored, strategy, ann):
    def make(**changes):
        told = {
            "user": ann,
            "strategy": strategy,
            "symbols": ["BTC/USDT"],
            "from_open": FROM,
            "through_open": THROUGH,
            "space": SPACE,
            "min_trades": 1,
        }
        return sweep_start(**(told | changes))

    return make


def through(sweep):
    """Let one worker make the whole search."""
    while trials_work("ann's machine:1"):
        pass
    sweep.refresh_from_db()
    return sweep


def test_a_grid_is_made_to_its_end(search):
    sweep = through(search())
    assert (sweep.state, sweep.error, sweep.progress) == ("ready", "", 1.0)
    rows = list(trials_of(sweep))
    wanted = product((10, 20, 30), (1.5, 2.0, 2.5, 3.0))
    assert [(one.params["bars"], one.params["band"]) for one in rows] == list(wanted)
    assert [one.number for one in rows] == list(range(1, 13))
    assert {one.state for one in rows} == {"done"}
    assert {one.attempts for one in rows} == {1}
    print(sweep.summary)
