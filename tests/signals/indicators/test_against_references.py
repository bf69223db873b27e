"""Indicators against TA-Lib, the published Stock.Indicators values and the `ta` package."""

import numpy as np
import pytest

from signals.indicators.atr import Atr, atr
from signals.indicators.bollinger import bollinger
from signals.indicators.ema import Ema, ema
from signals.indicators.macd import macd
from signals.indicators.rolling import Rolling, rolling_max, rolling_min
from signals.indicators.rsi import Rsi, rsi
from signals.indicators.sma import Sma, sma
from signals.indicators.stdev import Stdev, stdev
from signals.indicators.warmup import ema_history, rma_history
from tests.signals.real_bars import btc_1m, daily_quotes, expected

talib = pytest.importorskip("talib")


def assert_close(ours, reference, *, after=0, relative=1e-9):
    """Compare where the reference has values, and require that it has them at all."""
    rows = np.arange(len(reference)) >= after
    rows &= ~np.isnan(reference)
    assert rows.sum() > 100
    assert not np.isnan(ours[rows]).any()
    scale = np.maximum(np.abs(reference[rows]), 1e-9)
    worst = (np.abs(ours[rows] - reference[rows]) / scale).max()
    assert worst <= relative, worst


@pytest.fixture(scope="module", params=["daily", "btc"])
def bars(request):
    return daily_quotes() if request.param == "daily" else btc_1m(40, 3)


@pytest.mark.parametrize("length", [1, 2, 7, 20, 200])
def test_averages_equal_talib(bars, length):
    if length > 1:
        assert_close(sma(bars.close, length), talib.SMA(bars.close, length))
        assert_close(ema(bars.close, length), talib.EMA(bars.close, length))
        assert np.isnan(ema(bars.close, length)[: length - 1]).all()
        assert_close(rolling_max(bars.high, length), talib.MAX(bars.high, length), relative=0)
        assert_close(rolling_min(bars.low, length), talib.MIN(bars.low, length), relative=0)
    else:
        for one in (sma, ema, rolling_max, rolling_min):
            assert np.array_equal(one(bars.close, 1), bars.close)


@pytest.mark.parametrize("length", [2, 14, 50])
def test_wilder_indicators_equal_talib(bars, length):
    assert_close(rsi(bars.close, length), talib.RSI(bars.close, length))
    ours = atr(bars.high, bars.low, bars.close, length)
    assert_close(ours, talib.ATR(bars.high, bars.low, bars.close, length))
    assert np.isnan(ours[:length]).all()
    assert not np.isnan(ours[length])


def test_bollinger_equals_talib(bars):
    # TA-Lib's variance is the difference of two large sums, so the width has fewer digits there.
    for ours, theirs in zip(
        bollinger(bars.close, 20, 2.0), talib.BBANDS(bars.close, 20, 2.0, 2.0), strict=True
    ):
        assert_close(ours, theirs)


def test_macd_equals_talib_after_warm_up(bars):
    line, signal, histogram = macd(bars.close)
    their_line, their_signal, their_histogram = talib.MACD(bars.close)
    scale = bars.close.mean()
    after = 330
    for ours, theirs in (
        (line, their_line),
        (signal, their_signal),
        (histogram, their_histogram),
    ):
        assert np.abs(ours[after:] - theirs[after:]).max() < 1e-9 * scale


def test_published_values():
    bars = daily_quotes()
    assert_close(sma(bars.close, 20), expected("sma", "sma"), relative=1e-11)
    assert_close(ema(bars.close, 20), expected("ema", "ema"), relative=1e-11)
    assert_close(rsi(bars.close, 14), expected("rsi", "rsi"), relative=1e-11)
    ours = atr(bars.high, bars.low, bars.close, 14)
    assert_close(ours, expected("atr", "atr"), relative=1e-11)
    bands = bollinger(bars.close, 20, 2.0)
    assert_close(bands.upper, expected("bb", "upperBand"), relative=1e-11)
    assert_close(bands.middle, expected("bb", "sma"), relative=1e-11)
    assert_close(bands.lower, expected("bb", "lowerBand"), relative=1e-11)
    lines = macd(bars.close)
    for name in ("line", "signal", "histogram"):
        theirs = expected("macd", "macd" if name == "line" else name)
        rows = ~np.isnan(theirs)
        assert rows.sum() > 400
        assert np.abs(getattr(lines, name)[rows] - theirs[rows]).max() < 1e-10
    assert_close(stdev(bars.close, 14), expected("stdev", "stdDev"), relative=1e-11)


def test_missing_begins_and_ends_where_the_published_values_say():
    bars = daily_quotes()
    for ours, theirs in (
        (sma(bars.close, 20), expected("sma", "sma")),
        (ema(bars.close, 20), expected("ema", "ema")),
        (rsi(bars.close, 14), expected("rsi", "rsi")),
        (atr(bars.high, bars.low, bars.close, 14), expected("atr", "atr")),
    ):
        assert np.array_equal(np.isnan(ours), np.isnan(theirs))


def test_the_ta_package_agrees_after_warm_up():
    pandas = pytest.importorskip("pandas")
    momentum = pytest.importorskip("ta.momentum")
    trend = pytest.importorskip("ta.trend")
    volatility = pytest.importorskip("ta.volatility")
    bars = btc_1m(40, 1)
    close, high, low = (pandas.Series(one) for one in (bars.close, bars.high, bars.low))
    history = rma_history(14)
    cases = [
        (sma(bars.close, 20), trend.SMAIndicator(close, 20).sma_indicator(), 20),
        (ema(bars.close, 20), trend.EMAIndicator(close, 20).ema_indicator(), ema_history(20)),
        (rsi(bars.close, 14), momentum.RSIIndicator(close, 14).rsi(), history),
        (
            atr(bars.high, bars.low, bars.close, 14),
            volatility.AverageTrueRange(high, low, close, 14).average_true_range(),
            history,
        ),
        (
            bollinger(bars.close).upper,
            volatility.BollingerBands(close, 20, 2).bollinger_hband(),
            20,
        ),
        (
            bollinger(bars.close).lower,
            volatility.BollingerBands(close, 20, 2).bollinger_lband(),
            20,
        ),
    ]
    for ours, theirs, after in cases:
        assert_close(ours, theirs.to_numpy(), after=after)


@pytest.mark.parametrize(
    ("make", "columns"),
    [
        (lambda: Sma(1), ("close",)),
        (lambda: Sma(37), ("close",)),
        (lambda: Stdev(21), ("close",)),
        (lambda: Rolling(13, 1), ("high",)),
        (lambda: Rolling(64, -1), ("low",)),
        (lambda: Ema(50), ("close",)),
        (lambda: Rsi(14), ("close",)),
        (lambda: Atr(14), ("high", "low", "close")),
    ],
    ids=["sma1", "sma37", "stdev", "max", "min", "ema", "rsi", "atr"],
)
def test_pieces_of_any_size_give_the_same_bits(make, columns):
    bars = btc_1m(40, 1)
    series = [getattr(bars, name) for name in columns]
    whole = make().push(*series)
    random = np.random.default_rng(7)
    for _ in range(5):
        cuts = np.sort(random.integers(0, len(whole), 60))
        state = make()
        parts = [
            state.push(*rows) for rows in zip(*(np.split(one, cuts) for one in series), strict=True)
        ]
        assert np.array_equal(np.concatenate(parts), whole, equal_nan=True)
    state = make()
    singles = [state.push(*(one[i : i + 1] for one in series))[0] for i in range(300)]
    assert np.array_equal(np.array(singles), whole[:300], equal_nan=True)


@pytest.mark.parametrize("length", [5, 26, 200])
def test_the_start_has_no_influence_after_the_derived_history(length):
    bars = btc_1m(40, 5)
    end = 6000
    cases = (
        (ema_history(length), lambda a: ema(bars.close[a:end], length)),
        (rma_history(length) + 1, lambda a: rsi(bars.close[a:end], length)),
        (
            rma_history(length) + 1,
            lambda a: atr(bars.high[a:end], bars.low[a:end], bars.close[a:end], length),
        ),
    )
    for count, last_from in cases:
        assert count < end
        full, short = last_from(0)[-1], last_from(end - 1 - count)[-1]
        assert abs(short / full - 1) < 1e-9


def test_what_cannot_be_said_is_missing():
    flat = np.full(60, 7.0)
    assert np.isnan(rsi(flat, 14)).all()
    assert (stdev(flat, 20)[19:] == 0).all()
    holed = np.arange(60.0)
    holed[30] = np.nan
    assert np.isnan(sma(holed, 5)[30:35]).all()
    assert sma(holed, 5)[35] == 33.0
    assert np.isnan(ema(holed, 5)[30])
    assert not np.isnan(ema(holed, 5)[31])
