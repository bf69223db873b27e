"""Which bars are outliers: a print that nobody followed, never a move that went on."""

import os
from pathlib import Path

import numpy as np
import pytest

from markets.quality_bands import Band, Standing, band_of, flags_of

DATA = Path(os.environ.get("MYSTIC_TEST_DATA", Path(__file__).parents[2] / "../shared/data"))
CRASH = DATA / "crypto/bitfinex_BTCUSD_1m_2019-01_2019-12.parquet"
BAND = Band(window=5, k=3.0, floor=0.01, following=3)


def series(closes, *, highs=(), lows=()):
    close = np.array(closes, dtype=float)
    high, low = close.copy(), close.copy()
    for place, value in highs:
        high[place] = value
    for place, value in lows:
        low[place] = value
    return np.arange(len(close), dtype=np.int64) * 60, high, low, close


def test_the_band_is_the_median_and_the_scaled_deviation():
    # Median 102, absolute deviations 2 1 0 1 2: MAD 1, half-width 3 * 1.4826.
    bars = series([100, 101, 102, 103, 104, 102, 102, 102, 102], highs=[(5, 106.5)])
    (flag,) = flags_of(*bars, BAND)
    assert (flag.open_time, flag.price) == (300, 106.5)
    assert (flag.low, flag.high) == pytest.approx((102 - 4.4478, 102 + 4.4478))
    bars = series([100, 101, 102, 103, 104, 102, 102, 102, 102], highs=[(5, 106.4)])
    assert flags_of(*bars, BAND) == []


def test_a_print_that_nobody_followed_is_an_outlier():
    bars = series([100.0] * 5 + [100.0, 100.0, 100.0, 100.0], lows=[(5, 60.0)])
    (flag,) = flags_of(*bars, BAND)
    assert (flag.price, flag.standing) == (60.0, Standing.OUTLIER)


def test_a_move_that_goes_on_is_confirmed_by_the_next_bars():
    bars = series([100.0] * 5 + [70.0, 71.0, 72.0, 69.0])
    flags = flags_of(*bars, BAND)
    assert flags[0].standing is Standing.CONFIRMED
    assert Standing.OUTLIER not in {flag.standing for flag in flags}


def test_without_the_next_bars_it_is_only_a_suspect():
    bars = series([100.0] * 5 + [70.0])
    assert [flag.standing for flag in flags_of(*bars, BAND)] == [Standing.SUSPECT]
    # One that came back and two that are still to come may yet confirm it.
    bars = series([100.0] * 5 + [70.0, 100.0])
    assert [flag.standing for flag in flags_of(*bars, BAND)] == [Standing.SUSPECT]


def test_a_second_source_confirms_a_flash_that_came_back_at_once():
    bars = series([100.0] * 9, lows=[(5, 60.0)])
    asked = []

    def other(open_time):
        asked.append(open_time)
        return (62.0, 100.5)

    (flag,) = flags_of(*bars, BAND, second=other)
    assert (flag.standing, asked) == (Standing.CONFIRMED, [300])
    (flag,) = flags_of(*bars, BAND, second=lambda at: (99.5, 100.5))
    assert flag.standing is Standing.OUTLIER
    (flag,) = flags_of(*bars, BAND, second=lambda at: None)
    assert flag.standing is Standing.OUTLIER


def test_a_market_that_stood_still_has_the_least_width():
    assert flags_of(*series([100.0] * 9, highs=[(6, 100.9)]), BAND) == []
    assert len(flags_of(*series([100.0] * 9, highs=[(6, 101.1)]), BAND)) == 1


def test_too_few_bars_say_nothing():
    assert flags_of(*series([100.0] * 5), BAND) == []
    assert flags_of(*series([]), BAND) == []


def test_a_longer_timeframe_has_the_wider_band():
    assert band_of(60).floor == 0.01
    assert band_of(120) == band_of(60)
    assert band_of(604_800) == band_of(86_400)
    assert band_of(86_400).floor > band_of(3600).floor > band_of(60).floor


def test_what_a_bar_is_called_never_depends_on_later_bars_than_it_may_ask():
    random = np.random.default_rng(4)
    closes = 100 * np.exp(np.cumsum(random.normal(0, 0.004, 400)))
    bars = series(closes, highs=[(90, 200.0), (200, 300.0)], lows=[(300, 10.0)])
    band = band_of(60)
    whole = {flag.open_time: flag for flag in flags_of(*bars, band)}
    for end in (120, 204, 250, 399):
        cut = flags_of(*(column[:end] for column in bars), band)
        settled = [flag for flag in cut if flag.standing is not Standing.SUSPECT]
        assert all(whole[flag.open_time] == flag for flag in settled)


def test_a_real_crash_is_not_called_an_outlier():
    """On 26 June 2019 bitcoin lost a tenth within minutes."""
    if not CRASH.exists():
        pytest.skip("the recording is not here")
    table = pytest.importorskip("pyarrow.parquet").read_table(CRASH)
    time = np.array(table["ts"].to_pylist()) // 1000
    part = (time >= 1_561_507_200) & (time < 1_561_593_600)
    columns = [np.array(table[name].to_pylist(), dtype=float) for name in ("high", "low", "close")]
    flags = flags_of(time[part], *(column[part] for column in columns), band_of(60))
    standings = [flag.standing for flag in flags]
    assert standings.count(Standing.CONFIRMED) > 3
    assert standings.count(Standing.OUTLIER) <= 7
