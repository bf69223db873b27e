"""Words on bars that no library has, or not so: calculated by hand or written out in full."""

from math import log, sqrt

import numpy as np
import pytest

from signals.columns import ArrayBars
from tests.signals.columns.columns_of import calculated
from tests.signals.real_bars import btc_1m

MINUTE, HOUR, DAY = 60, 3600, 86400
NAN = float("nan")


def bars_of(rows, step=HOUR, start=0):
    """Bars from (open, high, low, close, volume) rows."""
    columns = (np.array(one, dtype=np.float64) for one in zip(*rows, strict=True))
    return ArrayBars(start + np.arange(len(rows), dtype=np.int64) * step, *columns)


FOUR = bars_of([(10, 12, 9, 11, 5), (11, 14, 11, 13, 10), (13, 13, 10, 10, 0), (10, 11, 10, 11, 5)])


def values(describe, bars=FOUR, step=HOUR):
    return calculated(describe, bars, step).tolist()


def test_four_bars_by_hand():
    assert values(lambda x: x.obv("day")) == [0, 10, 10, 15]
    # (2C - H - L) / (H - L) * V: 1/3 * 5, 1/3 * 10, -1 * 0, 1 * 5
    assert values(lambda x: x.accumulation("day")) == pytest.approx([5 / 3, 5, 5, 10])
    prices = (32 / 3, 38 / 3, 11, 32 / 3)
    vwap = [
        prices[0],
        (5 * prices[0] + 10 * prices[1]) / 15,
        (5 * prices[0] + 10 * prices[1]) / 15,
        (10 * prices[0] + 10 * prices[1]) / 20,
    ]
    assert values(lambda x: x.vwap("day").line) == pytest.approx(vwap)
    # Half of the volume 1 above and half 1 below its mean: a deviation of 1.
    assert values(lambda x: x.vwap("day", 2).upper)[3] == pytest.approx(vwap[3] + 2)
    assert values(lambda x: x.vwap("day").lower)[0] == prices[0]
    assert values(lambda x: x.relative_volume(2))[2:] == [0, 1]
    assert values(lambda x: x.true_range())[1:] == [3, 3, 1]
    # 14 - (3 + 3) / 2, then 13 - (3 + (1 - 3) / 2).
    assert values(lambda x: x.chandelier(2, 1).long)[2:] == [11, 11]
    assert values(lambda x: x.chandelier(1, 2).long)[2] == 13 - 2 * 3
    assert values(lambda x: x.donchian(2).middle)[1:] == [11.5, 12, 11.5]
    assert values(lambda x: x.cmo(3))[3] == pytest.approx(0)
    assert values(lambda x: x.heikin_ashi().open)[:2] == [10.5, 10.5]


def test_a_new_day_begins_anew_and_a_flat_bar_has_no_direction():
    rows = [(10, 11, 9, 10, 4), (10, 12, 10, 12, 6), (12, 12, 12, 12, 8), (12, 13, 12, 13, 2)]
    bars = bars_of(rows, start=DAY - 2 * HOUR)
    assert values(lambda x: x.obv("day"), bars) == [0, 6, 0, 2]
    assert values(lambda x: x.accumulation("day"), bars) == [0, 6, 0, 2]
    assert values(lambda x: x.vwap("day").line, bars)[2] == 12


def test_without_volume_there_is_no_average_price():
    bars = bars_of([(10, 11, 9, 10, 0), (10, 12, 9, 12, 0), (12, 12, 12, 12, 3)])
    assert values(lambda x: x.vwap("day").line, bars) == pytest.approx([NAN, NAN, 12], nan_ok=True)
    assert np.isnan(values(lambda x: x.vwap_of_last(2), bars)[:2]).all()


def test_what_has_no_range_is_missing():
    flat = bars_of([(5, 5, 5, 5, 1)] * 60)
    for describe in (
        lambda x: x.stochastic(5).k,
        lambda x: x.williams_r(5),
        lambda x: x.cci(5),
        lambda x: x.mfi(5),
        lambda x: x.plus_di(5),
        lambda x: x.vortex(5).plus,
        lambda x: x.choppiness(5),
        lambda x: x.ultimate(2, 3, 4),
        lambda x: x.tsi(3, 2),
        lambda x: x.cmo(5),
        lambda x: x.fisher(5).line,
    ):
        assert np.isnan(values(describe, flat)).all()
    assert values(lambda x: x.parkinson(5), flat)[10] == 0
    assert values(lambda x: x.ulcer_index(5), flat)[10] == 0


def test_volatilities_written_out():
    bars = btc_1m(40, 1)
    row, count = 700, 20
    part = slice(row - count + 1, row + 1)
    high, low, close, first = (one[part] for one in (bars.high, bars.low, bars.close, bars.open))
    reach = [log(a / b) for a, b in zip(high, low, strict=True)]
    change = [log(a / b) for a, b in zip(close, bars.close[row - count : row], strict=True)]
    body = [log(a / b) for a, b in zip(close, first, strict=True)]
    parkinson = sqrt(sum(one * one for one in reach) / count / (4 * log(2)))
    realised = sqrt(sum(one * one for one in change) / count)
    parts = zip(reach, body, strict=True)
    klass = sqrt(sum(0.5 * a * a - (2 * log(2) - 1) * b * b for a, b in parts) / count)
    for describe, wanted in (
        (lambda x: x.parkinson(count), parkinson),
        (lambda x: x.realised_volatility(count), realised),
        (lambda x: x.garman_klass(count), klass),
    ):
        assert calculated(describe, bars, MINUTE)[row] == pytest.approx(wanted, rel=1e-9)


def test_vwap_bands_are_weighted_deviations_of_the_day():
    bars = btc_1m(40, 2)
    price = (bars.high + bars.low + bars.close) / 3
    line = calculated(lambda x: x.vwap("day").line, bars, MINUTE)
    upper = calculated(lambda x: x.vwap("day", 2).upper, bars, MINUTE)
    day = bars.open_time // DAY
    for row in (100, 1300, 2000, 2700):
        rows = np.flatnonzero(day[: row + 1] == day[row])
        mean = np.average(price[rows], weights=bars.volume[rows])
        spread = sqrt(np.average((price[rows] - mean) ** 2, weights=bars.volume[rows]))
        assert line[row] == pytest.approx(mean, rel=1e-12)
        assert upper[row] == pytest.approx(mean + 2 * spread, rel=1e-12)


def test_fisher_as_its_author_wrote_it():
    bars = btc_1m(40, 1)
    middle = ((bars.high + bars.low) / 2).tolist()
    value = fish = 0.0
    wanted = []
    for row in range(9, len(middle)):
        window = middle[row - 8 : row + 1]
        top, bottom = max(window), min(window)
        if top > bottom:
            value = 0.33 * 2 * ((middle[row] - bottom) / (top - bottom) - 0.5) + 0.67 * value
            value = max(min(value, 0.999), -0.999)
            fish = 0.5 * log((1 + value) / (1 - value)) + 0.5 * fish
            wanted.append(fish)
        else:
            wanted.append(NAN)
    ours = calculated(lambda x: x.fisher(9).line, bars, MINUTE)[9:]
    assert ours[200:] == pytest.approx(np.array(wanted)[200:], rel=1e-9, abs=1e-9, nan_ok=True)
    late = calculated(lambda x: x.fisher(9).trigger, bars, MINUTE)[9:]
    assert np.array_equal(late[300:], ours[299:-1], equal_nan=True)


def test_squeeze_is_the_one_within_the_other():
    bars = btc_1m(40, 1)
    get = lambda describe: calculated(describe, bars, MINUTE)[400:]  # noqa: E731
    squeezed = get(lambda x: x.squeeze(20, 2, 1.5))
    inner_top = get(lambda x: x.close.bollinger(20, 2).upper)
    inner_bottom = get(lambda x: x.close.bollinger(20, 2).lower)
    outer_top = get(lambda x: x.keltner(20, 1.5, 20).upper)
    outer_bottom = get(lambda x: x.keltner(20, 1.5, 20).lower)
    inside = (inner_top < outer_top) & (inner_bottom > outer_bottom)
    assert 0.05 < inside.mean() < 0.95
    assert np.array_equal(squeezed == 1, inside)


def test_volume_at_the_same_time_of_the_days_before():
    bars = btc_1m(40, 4)
    known = dict(zip(bars.open_time.tolist(), bars.volume.tolist(), strict=True))
    ours = calculated(lambda x: x.relative_volume_at_time(3), bars, MINUTE)
    for row in (10, 1500, 3000, 4400, 5500):
        opened = int(bars.open_time[row])
        earlier = [known[opened - n * DAY] for n in (1, 2, 3) if opened - n * DAY in known]
        wanted = bars.volume[row] / np.mean(earlier) if earlier else NAN
        assert ours[row] == pytest.approx(wanted, rel=1e-12, nan_ok=True)
