"""Higher timeframes from lower ones, against plain loops."""

import numpy as np
import pytest

from markets.bars import BarArrays, BarsError, resample

RANDOM = np.random.default_rng(7)


def series(times, timeframe=60):
    n = len(times)
    close = 100 + RANDOM.normal(size=n).cumsum()
    high, low = close + RANDOM.random(n), close - RANDOM.random(n)
    rows = np.column_stack([times, close, high, low, close, RANDOM.random(n)])
    return BarArrays.from_rows(rows.tolist(), timeframe=timeframe, source="binance")


def by_hand(bars, timeframe, first, through):
    """Group rows by bucket with a dictionary; keep the buckets that are known from end to end."""
    buckets = {}
    for i, time in enumerate(bars.open_time.tolist()):
        buckets.setdefault(time - time % timeframe, []).append(i)
    rows = []
    for bucket, members in sorted(buckets.items()):
        if bucket < first or bucket + timeframe > through:
            continue
        rows.append(
            (
                bucket,
                bars.open[members[0]],
                max(bars.high[i] for i in members),
                min(bars.low[i] for i in members),
                bars.close[members[-1]],
                sum(bars.volume[i] for i in members),
            )
        )
    return rows


def as_rows(bars):
    names = ("open_time", "open", "high", "low", "close", "volume")
    return list(zip(*(getattr(bars, name).tolist() for name in names), strict=True))


@pytest.mark.parametrize("timeframe", [300, 900, 3600, 14400, 86400])
def test_equals_plain_grouping_with_absent_minutes(timeframe):
    begin = 1_700_000_040
    times = [begin + 60 * n for n in range(6_000) if RANDOM.random() > 0.03]
    bars = series(times)
    given = as_rows(resample(bars, timeframe))
    wanted = by_hand(bars, timeframe, times[0], times[-1] + 60)
    assert len(given) == len(wanted) > 0
    for one, other in zip(given, wanted, strict=True):
        assert one[:5] == other[:5]
        assert one[5] == pytest.approx(other[5], rel=1e-12)


def test_a_bucket_is_complete_only_when_its_last_slot_is_known():
    times = [1_700_000_100 + 60 * n for n in range(9)]
    bars = series(times)
    assert resample(bars, 300).open_time.tolist() == [1_700_000_100]
    # The venue confirmed that the tenth minute has no bar: now the second bucket is whole.
    through = 1_700_000_100 + 600
    assert resample(bars, 300, through=through).open_time.tolist() == [
        1_700_000_100,
        1_700_000_400,
    ]


def test_a_bucket_that_began_before_the_first_bar_is_left_out():
    times = [1_700_000_160 + 60 * n for n in range(9)]
    bars = series(times)
    assert resample(bars, 300).open_time.tolist() == [1_700_000_400]
    whole = resample(bars, 300, complete_from=1_700_000_100)
    assert whole.open_time.tolist() == [1_700_000_100, 1_700_000_400]


def test_an_empty_bucket_gives_no_bar():
    times = [1_700_000_100, 1_700_000_100 + 900]
    assert resample(series(times), 300).open_time.tolist() == [1_700_000_100]


def test_the_same_timeframe_is_returned_as_it_is():
    bars = series([1_700_000_100, 1_700_000_160])
    assert resample(bars, 60) is bars


@pytest.mark.parametrize("timeframe", [30, 90, 100])
def test_a_timeframe_that_does_not_fit_is_refused(timeframe):
    with pytest.raises(BarsError, match="cannot be made of 60 s bars"):
        resample(series([1_700_000_100]), timeframe)


def test_no_bars_give_no_bars():
    nothing = resample(BarArrays.empty(timeframe=60), 300)
    assert (len(nothing), nothing.timeframe) == (0, 300)
