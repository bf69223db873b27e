"""The written results and what the page says of them: their shape, never a time."""

import json

import pytest

from benchmarks import report
from benchmarks.figures import higher, judge, lower, percentile

ROWS = json.loads(report.RESULTS.read_text())
KEYS = ["ours", "unit", "peer", "limit", "ratio", "goal", "met"]
GOALS_OF_THE_PLATFORM = {
    "frame_to_browser_p99": "ours <= 50",
    "minute_close": "ours <= 1000",
    "paper_order_p99": "ours <= 10",
    "memory_idle": "ours <= 200",
    "memory_under_load": "ours <= 300",
    "start_first": "ours <= 15",
    "start_second": "ours <= 5",
    "stop": "ours <= 5",
    "decode_trade": "ratio >= 25",
    "decode_kline": "ratio >= 10",
    "decode_book_ticker": "ratio >= 25",
    "smc_10k": "ratio >= 20",
    "smc_100k": "ratio >= 100",
    "smc_growth_10k_to_100k": "ours <= 13",
    "hub_fanout_cpu": "ratio >= 5",
    "hub_path": "ours >= 20000",
}


def test_every_goal_of_the_platform_was_measured_and_none_was_softened():
    assert {name: ROWS[name]["goal"] for name in GOALS_OF_THE_PLATFORM} == GOALS_OF_THE_PLATFORM


@pytest.mark.parametrize("name", ROWS)
def test_a_row_has_the_documented_shape_and_its_verdict_follows_from_its_figures(name):
    row = ROWS[name]
    assert list(row) == KEYS
    assert row["ours"] > 0
    assert row["unit"]
    other = row["peer"] if row["peer"] is not None else row["limit"]
    assert (row["ratio"] is None) == (other is None)
    assert row["met"] is judge(row["goal"], row["ours"], row["ratio"])


def test_the_page_shows_the_written_results():
    assert report.markdown(ROWS) in report.PAGE.read_text()


def test_less_is_better_for_a_time_and_more_for_a_rate():
    assert lower(2.0, "ms", peer=10.0, goal="ratio >= 5").is_met
    assert not lower(2.0, "ms", peer=9.0, goal="ratio >= 5").is_met
    assert higher(50.0, "1/s", peer=10.0, limit=60.0, goal="ratio >= 5").is_met
    assert higher(50.0, "1/s", limit=100.0).ratio == 0.5
    assert not lower(50.1, "ms", goal="ours <= 50").is_met
    assert not lower(1.0, "ms", goal="ratio >= 5").is_met


def test_a_percentile_is_a_value_that_was_measured():
    values = [float(n) for n in range(1, 201)]
    assert percentile(values, 50) == 100.0
    assert percentile(values, 99) == 198.0
    assert percentile([7.0], 99) == 7.0
