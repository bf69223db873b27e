"""Averages of a column against TA-Lib, pandas and hand calculation."""

import numpy as np
import pytest

from signals.columns import ColumnError, Space
from signals.columns.clock import Clock
from signals.columns.graph import Graph
from signals.indicators.warmup import rma_history
from tests.signals.columns.columns_of import calculated, described
from tests.signals.real_bars import btc_1m, daily_quotes

talib = pytest.importorskip("talib")
DAY = 86400


@pytest.fixture(scope="module", params=["daily", "btc"])
def bars(request):
    return daily_quotes() if request.param == "daily" else btc_1m(40, 3)


def assert_same(describe, bars, theirs, *, relative=1e-9):
    """Require the reference's values, and none where it has none."""
    ours = calculated(describe, bars, DAY)
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    rows = ~np.isnan(theirs)
    assert rows.sum() > 100
    scale = np.maximum(np.abs(theirs[rows]), 1e-6)
    assert (np.abs(ours[rows] - theirs[rows]) / scale).max() <= relative


@pytest.mark.parametrize("length", [2, 3, 10, 25])
def test_the_averages_equal_talib(bars, length):
    close = bars.close
    assert_same(lambda x: x.close.wma(length), bars, talib.WMA(close, length))
    assert_same(lambda x: x.close.dema(length), bars, talib.DEMA(close, length))
    assert_same(lambda x: x.close.tema(length), bars, talib.TEMA(close, length))
    assert_same(lambda x: x.close.trima(length), bars, talib.TRIMA(close, length))
    assert_same(lambda x: x.close.kama(length), bars, talib.KAMA(close, length))


def test_wilders_average_equals_the_recursion_of_pandas(bars):
    pandas = pytest.importorskip("pandas")
    ours = calculated(lambda x: x.close.rma(5), bars, DAY)
    theirs = pandas.Series(bars.close).ewm(alpha=0.2, adjust=False).mean().to_numpy()
    assert ours[4] == pytest.approx(bars.close[:5].mean(), rel=1e-12)
    after = rma_history(5)
    assert np.abs(ours[after:] / theirs[after:] - 1).max() < 1e-9


def test_the_words_in_one_step_give_what_their_parts_give(bars):
    for short, long in ((3, 8), (8, 3), (1, 1)):
        line = lambda x, a=short, b=long: x.close.ema(a) - x.close.ema(b)  # noqa: E731
        for parts, word in (
            (line, lambda x, a=short, b=long: x.close.macd(a, b, 4).line),
            (
                lambda x, of=line: of(x).ema(4),
                lambda x, a=short, b=long: x.close.macd(a, b, 4).signal,
            ),
            (
                lambda x, of=line: of(x) - of(x).ema(4),
                lambda x, a=short, b=long: x.close.macd(a, b, 4).histogram,
            ),
        ):
            wanted, found = calculated(parts, bars, DAY), calculated(word, bars, DAY)
            assert np.array_equal(found, wanted, equal_nan=True)
            assert described(parts, DAY).node.need == described(word, DAY).node.need
    upper = calculated(lambda x: x.close.sma(20) + x.close.stdev(20) * 2, bars, DAY)
    assert_same(lambda x: x.close.bollinger(20, 2).upper, bars, upper)
    lower = calculated(lambda x: x.close.sma(20) - x.close.stdev(20) * 2, bars, DAY)
    assert_same(lambda x: x.close.bollinger(20, 2).lower, bars, lower)


def test_hull_by_hand():
    """n = 4: wma(2 wma2 - wma4, 2) of 1, 4, 9, 16, 25."""
    bars = daily_quotes()
    squares = type(bars)(*(np.arange(5) * DAY, *[np.array([1.0, 4, 9, 16, 25])] * 5))
    ours = calculated(lambda x: x.close.hma(4), squares, DAY)
    at_3 = 2 * (9 + 2 * 16) / 3 - (1 + 2 * 4 + 3 * 9 + 4 * 16) / 10
    at_4 = 2 * (16 + 2 * 25) / 3 - (4 + 2 * 9 + 3 * 16 + 4 * 25) / 10
    assert np.isnan(ours[:4]).all()
    assert ours[4] == pytest.approx((at_3 + 2 * at_4) / 3, rel=1e-12)


def test_the_weighted_average_by_volume(bars):
    pandas = pytest.importorskip("pandas")
    close, volume = pandas.Series(bars.close), pandas.Series(bars.volume)
    theirs = (close * volume).rolling(12).sum() / volume.rolling(12).sum()
    assert_same(lambda x: x.close.vwma(x.volume, 12), bars, theirs.to_numpy())


def test_the_warm_up_is_derived():
    for describe, need in (
        (lambda x: x.close.wma(10), 9),
        (lambda x: x.close.trima(10), 9),
        (lambda x: x.close.trima(9), 8),
        (lambda x: x.close.hma(16), 15 + 3),
        (lambda x: x.close.vwma(x.volume, 10), 9),
        # The slowest weight of a slow length of 30 is (2 / 31)^2: ln 1e-9 / ln(1 - 0.00416).
        (lambda x: x.close.kama(10), 10 + 4969),
    ):
        assert described(describe, DAY).node.need == need


REFUSED = {
    "wma(0)": (lambda x: x.close.wma(0), "at least 1"),
    "wma(5, center=True)": (lambda x: x.close.wma(5, center=True), "would look ahead"),
    "rma(5, adjust=True)": (lambda x: x.close.rma(5, adjust=True), "no option adjust"),
    "hma(1)": (lambda x: x.close.hma(1), "at least 2"),
    "bollinger(20, -1)": (lambda x: x.close.bollinger(20, -1), "0 or more deviations, not -1"),
    "macd(0)": (lambda x: x.close.macd(0), "at least 1"),
    "kama(10, 30, 2)": (
        lambda x: x.close.kama(10, 30, 2),
        "a fast length below the slow one, not 30, 2",
    ),
    "vwma(14, 3)": (lambda x: x.close.vwma(14, 3), "a column of weights first, x.volume, not 14"),
    "dema(2.5)": (lambda x: x.close.dema(2.5), "whole number of bars"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_use_is_refused(name):
    attempt, sentence = REFUSED[name]
    with pytest.raises(ColumnError, match=sentence.replace(".", r"\.")):
        attempt(Space(Graph(), Clock(None, 300)))
