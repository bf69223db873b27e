"""What the engine is handed equals what is stored, ahead or not."""

import numpy as np
import pytest

from markets.models import Gap
from markets.selectors import bars_load, series_extent
from signals.columns.series import Coverage
from signals.feed import BarOrigin, Extent, Feed, extents
from tests.signals.app.conftest import START, store, walk

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(btc):
    rows = walk(900)
    store(btc, rows)
    return rows


def table(bars):
    return np.column_stack(
        (bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    ).tolist()


def fed(btc, *, ahead):
    feed = Feed(extents([btc.pk], 60), 60)
    if ahead:
        feed.read_ahead([btc.pk])
    return feed


@pytest.mark.parametrize("timeframe", [60, 300, 900])
def test_reading_ahead_changes_nothing(btc, stored, timeframe):
    last = fed(btc, ahead=False).coverage(btc.pk, timeframe).last_open
    for first in (last, last - 2 * timeframe, last - 20 * timeframe):
        plain = fed(btc, ahead=False).bars(btc.pk, timeframe, first, last)
        ahead = fed(btc, ahead=True).bars(btc.pk, timeframe, first, last)
        assert table(plain) == table(ahead)
        expected = bars_load(btc.pk, timeframe, end=last + timeframe, limit=1000)
        assert table(ahead) == [row for row in table(expected) if row[0] >= first]


def test_the_newest_bars_cost_no_query(btc, stored, django_assert_num_queries):
    feed = fed(btc, ahead=True)
    last = START + 899 * 60
    with django_assert_num_queries(0):
        assert table(feed.bars(btc.pk, 60, last, last)) == [list(stored[-1])]
        assert len(feed.bars(btc.pk, 300, last - 599, last)) == 2
        assert len(feed.bars(btc.pk, 60, last + 60, last)) == 0


def test_coverage_ends_with_the_last_whole_bar(btc, stored):
    feed = fed(btc, ahead=False)
    assert feed.coverage(btc.pk, 60) == Coverage(START, START + 899 * 60)
    # START is 10:40: the first whole hour begins at 11:00, the last ends at 01:00.
    assert feed.coverage(btc.pk, 3600) == Coverage(START + 1200, START + 1200 + 13 * 3600)
    assert feed.coverage(btc.pk, 86_400) is None
    assert feed.coverage(btc.pk, 90) is None
    assert feed.coverage(99_999, 60) is None


def test_coverage_begins_after_an_open_gap_and_passes_an_absent_one(btc):
    rows = walk(100)
    store(btc, rows[:10] + rows[20:50] + rows[60:100])
    for start, end, state in ((10, 20, "open"), (50, 60, "absent"), (100, 105, "absent")):
        Gap.objects.create(
            instrument=btc,
            timeframe=60,
            start=START + start * 60,
            end=START + end * 60,
            state=state,
        )
    (extent,) = extents([btc.pk], 60).values()
    assert extent == Extent(START + 20 * 60, START + 105 * 60)
    of_markets = series_extent(btc.pk, 60)
    assert (of_markets.start, of_markets.through) == (extent.start, extent.through)


def test_before_its_first_bar_a_young_pair_lacks_nothing(btc):
    store(btc, walk(30))
    Gap.objects.create(
        instrument=btc, timeframe=60, start=START - 36_000, end=START, state="absent"
    )
    (extent,) = extents([btc.pk], 60).values()
    assert extent == Extent(START - 36_000, START + 30 * 60)
    assert series_extent(btc.pk, 60).start == extent.start


def test_other_symbols_by_name(btc, make_instrument, stored):
    eth = make_instrument("ETH/USDT")
    store(eth, walk(5, seed=2))
    feed = fed(btc, ahead=True)
    assert len(feed.bars("ETH/USDT", 60, START, START + 240)) == 5
    assert feed.coverage("ETH/USDT", 60) == Coverage(START, START + 240)
    assert feed.coverage("XXX/USDT", 60) is None
    assert len(feed.bars("XXX/USDT", 60, START, START + 240)) == 0


def test_the_origin_is_that_of_each_stored_bar(btc):
    rows = walk(10)
    store(btc, rows[:8], source="binance")
    store(btc, rows[8:9], source="binance", origin="backfill")
    store(btc, rows[9:], source="replay:binance")
    feed = fed(btc, ahead=True)
    assert feed.origin(btc.pk, START, 300) == BarOrigin("binance", is_live=True)
    assert feed.origin(btc.pk, rows[8][0], 60) == BarOrigin("binance", is_live=False)
    assert feed.origin(btc.pk, rows[9][0], 60) == BarOrigin("replay:binance", is_live=False)
    assert feed.origin(btc.pk, START + 300, 300) == BarOrigin("replay:binance", is_live=False)
    assert feed.origin(99_999, START, 60) == BarOrigin("unknown", is_live=False)
