"""Rolling statistics against TA-Lib, pandas and scipy, and what they refuse."""

import numpy as np
import pytest

from signals.columns import ArrayBars, ColumnError, Space
from signals.columns.clock import Clock
from signals.columns.graph import Graph
from tests.signals.columns.columns_of import calculated
from tests.signals.real_bars import btc_1m, daily_quotes

talib = pytest.importorskip("talib")
pandas = pytest.importorskip("pandas")
DAY = 86400


@pytest.fixture(scope="module", params=["daily", "btc"])
def bars(request):
    return daily_quotes() if request.param == "daily" else btc_1m(40, 1)


def series(*values):
    made = np.array(values, dtype=np.float64)
    return ArrayBars(np.arange(len(made)) * DAY, *[made] * 5)


def assert_same(describe, bars, theirs, *, relative=1e-9, scale=None):
    """Require the reference's values where it has one; `scale` is 1 for a figure about zero."""
    ours = calculated(describe, bars, DAY)
    theirs = np.asarray(theirs, dtype=np.float64)
    rows = ~np.isnan(theirs)
    assert rows.sum() > 100
    assert not np.isnan(ours[rows]).any()
    size = np.maximum(np.abs(theirs[rows]), 1e-9) if scale is None else scale
    assert (np.abs(ours[rows] - theirs[rows]) / size).max() <= relative


@pytest.mark.parametrize("length", [2, 5, 14, 60])
def test_windows_equal_talib(bars, length):
    close, volume = bars.close, bars.volume
    assert_same(lambda x: x.volume.total(length), bars, talib.SUM(volume, length))
    assert_same(lambda x: x.close.linreg(length), bars, talib.LINEARREG(close, length))
    slope = talib.LINEARREG_SLOPE(close, length)
    assert_same(lambda x: x.close.slope(length), bars, slope, scale=1)


@pytest.mark.parametrize("length", [5, 14, 60])
def test_correlation_and_beta_equal_talib_where_both_move(bars, length):
    """TA-Lib says 0 where a side has not moved, and its sums leave noise where it hardly has."""

    def moved(values, least):
        return pandas.Series(values).rolling(length).std().to_numpy() > least

    both = moved(bars.open, 0.01) & moved(bars.close, 0.01)
    theirs = np.where(both, talib.CORREL(bars.close, bars.open, length), np.nan)
    ours = lambda x: x.close.correlation(x.open, length)  # noqa: E731
    assert_same(ours, bars, theirs, relative=1e-6, scale=1)
    returns = talib.ROC(bars.open, 1)
    theirs = np.where(moved(returns, 1e-3), talib.BETA(bars.open, bars.close, length), np.nan)
    ours = lambda x: x.close.roc(1).beta(x.open.roc(1), length)  # noqa: E731
    assert_same(ours, bars, theirs, relative=1e-6, scale=1)


def _two_pass(bars, length):
    windows = np.lib.stride_tricks.sliding_window_view
    close, opened = windows(bars.close, length), windows(bars.open, length)
    mean, other = close.mean(1, keepdims=True), opened.mean(1, keepdims=True)
    gap = np.full(length - 1, np.nan)
    covariance = ((close - mean) * (opened - other)).mean(1)
    return {
        "variance": np.concatenate((gap, ((close - mean) ** 2).mean(1))),
        "covariance": np.concatenate((gap, covariance)),
        "other": np.concatenate((gap, ((opened - other) ** 2).mean(1))),
        "mean": np.concatenate((gap, mean[:, 0])),
    }


@pytest.mark.parametrize("length", [3, 20, 90])
@pytest.mark.parametrize("level", [0, 10_000, 1_000_000])
def test_moments_keep_their_digits_at_any_price(length, level):
    """Against two passes over every window; the price makes no difference but its own rounding."""
    daily = daily_quotes()
    raised = ArrayBars(daily.open_time, *(getattr(daily, name) + level for name in PRICES))
    exact = _two_pass(raised, length)
    assert_same(lambda x: x.close.variance(length), raised, exact["variance"])
    assert_same(lambda x: x.close.stdev(length), raised, np.sqrt(exact["variance"]))
    score = (raised.close - exact["mean"]) / np.sqrt(exact["variance"])
    assert_same(lambda x: x.close.zscore(length), raised, score, relative=1e-8, scale=1)
    correlation = exact["covariance"] / np.sqrt(exact["variance"] * exact["other"])
    ours = lambda x: x.close.correlation(x.open, length)  # noqa: E731
    assert_same(ours, raised, correlation, scale=1)
    ours = lambda x: x.close.beta(x.open, length)  # noqa: E731
    assert_same(ours, raised, exact["covariance"] / exact["other"], relative=1e-8, scale=1)


PRICES = ("open", "high", "low", "close", "volume")


@pytest.mark.parametrize("length", [1, 2, 7, 20, 51])
def test_order_statistics_equal_pandas(bars, length):
    close = pandas.Series(bars.close)
    assert_same(lambda x: x.close.median(length), bars, close.rolling(length).median(), relative=0)
    for share in (0, 0.1, 0.5, 0.77, 1):
        theirs = close.rolling(length).quantile(share)
        assert_same(lambda x, q=share: x.close.quantile(length, q), bars, theirs, relative=1e-12)
    rank = close.rolling(length + 1).rank(method="max")
    ours = lambda x: x.close.percent_rank(length)  # noqa: E731
    assert_same(ours, bars, (rank - 1) / length * 100, relative=1e-12)


@pytest.mark.parametrize("length", [3, 20, 60])
def test_skewness_equals_scipy(length):
    stats = pytest.importorskip("scipy.stats")
    daily = daily_quotes()
    windows = np.lib.stride_tricks.sliding_window_view(daily.close, length)
    theirs = np.concatenate((np.full(length - 1, np.nan), stats.skew(windows, axis=1, bias=False)))
    assert_same(lambda x: x.close.skew(length), daily, theirs, relative=1e-8, scale=1)


def test_what_has_not_moved_has_no_score_but_a_deviation_of_exactly_zero():
    flat = series(*[0.1] * 30)
    assert (calculated(lambda x: x.close.stdev(7), flat, DAY)[6:] == 0).all()
    assert (calculated(lambda x: x.close.slope(7), flat, DAY)[6:] == 0).all()
    assert (calculated(lambda x: x.close.linreg(7), flat, DAY)[6:] == 0.1).all()
    for describe in (
        lambda x: x.close.zscore(7),
        lambda x: x.close.skew(7),
        lambda x: x.close.correlation(x.open, 7),
        lambda x: x.close.beta(x.open, 7),
    ):
        assert np.isnan(calculated(describe, flat, DAY)).all()


def test_a_jump_between_two_blocks_leaves_no_noise():
    jumped = series(*[1e4] * 10, *[2e4] * 15)
    stdev = calculated(lambda x: x.close.stdev(5), jumped, DAY)
    assert (stdev[4:10] == 0).all()
    assert (stdev[10:14] > 0).all()
    assert (stdev[14:] == 0).all()


def test_sums_do_not_drift():
    """A huge value that has left the window leaves nothing behind."""
    spiked = series(*[0.1] * 10, 1e17, *[0.1] * 20)
    total = calculated(lambda x: x.close.total(5), spiked, DAY)
    assert total[15:] == pytest.approx(0.5, rel=1e-15)
    assert calculated(lambda x: x.close.variance(5), spiked, DAY)[15:].max() == 0


def test_a_missing_value_is_missing_as_long_as_it_is_in_the_window():
    holed = series(1, 2, 3, np.nan, 5, 6, 7, 9, 8)
    rows = np.arange(9)
    for describe in (
        lambda x: x.close.total(3),
        lambda x: x.close.median(3),
        lambda x: x.close.zscore(3),
        lambda x: x.close.slope(3),
        lambda x: x.close.skew(3),
        lambda x: x.close.beta(x.close, 3),
    ):
        known = ~np.isnan(calculated(describe, holed, DAY))
        assert rows[known].tolist() == [2, 6, 7, 8]
    assert calculated(lambda x: x.close.percent_rank(2), holed, DAY)[6:].tolist() == [100, 100, 50]


@pytest.mark.parametrize("word", ["zscore", "median", "skew", "percent_rank", "quantile"])
def test_a_statistic_of_everything_is_refused(word):
    x = Space(Graph(), Clock(None, 300))
    with pytest.raises(ColumnError, match=f"{word} without a number of bars looks at the whole"):
        getattr(x.close, word)()


REFUSED = {
    "quantile(20, 1.5)": (lambda x: x.close.quantile(20, 1.5), "a share from 0 to 1, not 1.5"),
    "quantile(20)": (lambda x: x.close.quantile(20), "looks at the whole sample"),
    "median(5, center=True)": (lambda x: x.close.median(5, center=True), "would look ahead"),
    "zscore(5, ddof=1)": (lambda x: x.close.zscore(5, ddof=1), "no option ddof"),
    "zscore(1)": (lambda x: x.close.zscore(1), "at least 2"),
    "skew(2)": (lambda x: x.close.skew(2), "at least 3"),
    "linreg(1)": (lambda x: x.close.linreg(1), "at least 2"),
    "total(0)": (lambda x: x.close.total(0), "at least 1"),
    "correlation('BTC', 5)": (
        lambda x: x.close.correlation("BTC", 5),
        "a column or a finite number",
    ),
    "percent_rank(-3)": (lambda x: x.close.percent_rank(-3), "at least 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_use_is_refused(name):
    attempt, sentence = REFUSED[name]
    with pytest.raises(ColumnError, match=sentence):
        attempt(Space(Graph(), Clock(None, 300)))
