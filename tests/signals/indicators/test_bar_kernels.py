"""The loops of the bar words: compiled and plain give the same bits, wherever the series is cut."""

from itertools import pairwise

import numpy as np
import pytest

from signals.indicators import cci, fisher, heikin_ashi, obv, psar, supertrend, vwap
from signals.indicators.aroon import aroon_down, aroon_up
from signals.indicators.atr import atr
from signals.indicators.hot import Hot, Streamed
from signals.indicators.periods import period_start
from tests.signals.real_bars import btc_1m

talib = pytest.importorskip("talib")


def inputs_of(bars):
    price = (bars.high + bars.low + bars.close) / 3
    day = period_start(bars.open_time.astype(np.float64), "day")
    block = np.floor_divide(bars.open_time, 256 * 60).astype(np.float64)
    average = (bars.open + bars.high + bars.low + bars.close) / 4
    ranges = atr(bars.high, bars.low, bars.close, 10)
    place = np.sin(np.arange(len(price)) / 7)
    place[::50] = np.nan
    return {
        "psar": (psar.follow, 1, psar.BEGIN, (0.02, 0.2), (block, bars.high, bars.low)),
        "supertrend": (
            supertrend.follow,
            1,
            supertrend.BEGIN,
            (3.0,),
            (block, bars.high, bars.low, bars.close, ranges),
        ),
        "obv": (obv.balance, 1, (np.nan, np.nan, 0.0), (), (bars.close, bars.volume, day)),
        "vwap": (vwap.weigh, 2, (np.nan, 0.0, 0.0, 0.0), (), (price, bars.volume, day)),
        "cci": (cci.window_deviation, 1, (0.0, *[np.nan] * 20), (20,), (price,)),
        "fisher": (fisher.transform, 1, (0.0, 0.0), (), (place,)),
        "heikin_ashi": (
            heikin_ashi.average_open,
            1,
            (np.nan, np.nan),
            (),
            (bars.open, bars.close, average),
        ),
    }


NAMES = ("psar", "supertrend", "obv", "vwap", "cci", "fisher", "heikin_ashi")


@pytest.fixture(scope="module")
def inputs():
    found = inputs_of(btc_1m(40, 3))
    assert set(found) == set(NAMES)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_compiled_and_plain_give_the_same_bits_however_they_take_turns(name, inputs):
    function, width, state, numbers, series = inputs[name]
    whole = Streamed(Hot(function, width=width), state, *numbers).push(*series)
    assert not np.isnan(whole[2000:]).all()
    hot = Hot(function, width=width)
    mixed = Streamed(hot, state, *numbers)
    parts = [mixed.push(*(one[:1500] for one in series))]
    hot.compile()
    cuts = (1500, 1501, 1502, 1700, 4000, len(series[0]))
    for begin, end in pairwise(cuts):
        parts.append(mixed.push(*(one[begin:end] for one in series)))
    assert hot.is_compiled
    assert np.array_equal(np.concatenate(parts), whole, equal_nan=True)


def test_the_functions_over_whole_series_equal_talib():
    bars = btc_1m(40, 1)
    down, up = talib.AROON(bars.high, bars.low, 25)
    rows = slice(25, None)
    assert np.abs(aroon_up(bars.high, 25)[rows] - up[rows]).max() < 1e-12
    assert np.abs(aroon_down(bars.low, 25)[rows] - down[rows]).max() < 1e-12
    ours = cci.cci(bars.high, bars.low, bars.close, 20)
    theirs = talib.CCI(bars.high, bars.low, bars.close, 20)
    known = ~np.isnan(ours)
    assert known[19:].mean() > 0.95
    assert np.abs(ours[known] - theirs[known]).max() < 1e-6
    part = slice(0, 256 - int(bars.open_time[0]) // 60 % 256)
    stop = psar.psar(bars.open_time.astype(np.float64), bars.high, bars.low)
    wanted = talib.SAR(bars.high[part], bars.low[part], 0.02, 0.2)
    assert np.allclose(stop[part], wanted, rtol=1e-12, atol=0, equal_nan=True)
