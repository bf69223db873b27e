"""Words on bars against TA-Lib and the `ta` package, after the history that each word derives."""

import numpy as np
import pytest

from signals.columns import ArrayBars
from signals.indicators.gridded import GRID
from tests.signals.columns.columns_of import calculated, described
from tests.signals.real_bars import btc_1m

talib = pytest.importorskip("talib")
MINUTE, DAY = 60, 86400


@pytest.fixture(scope="module")
def bars():
    return btc_1m(40, 3)


def assert_same(describe, theirs, bars, tolerance=1e-9):
    """Compare from the derived history on, where the reference has a value and we are not 0 / 0."""
    ours, theirs = calculated(describe, bars, MINUTE), np.asarray(theirs, dtype=np.float64)
    rows = np.arange(len(theirs)) >= described(describe, MINUTE).node.need
    rows &= ~np.isnan(theirs)
    assert rows.sum() > 1000
    # Where a window has not moved a ratio is 0 / 0: missing here, an invented 0 or 50 there.
    unknown = rows & np.isnan(ours)
    assert unknown.sum() <= 0.01 * rows.sum()
    rows &= ~unknown
    scale = np.maximum(np.abs(theirs[rows]).mean(), 1e-12)
    assert np.abs(ours[rows] - theirs[rows]).max() <= tolerance * scale


TALIB = {
    "adx": (lambda x: x.adx(14), lambda b: talib.ADX(b.high, b.low, b.close, 14)),
    "plus_di": (lambda x: x.plus_di(14), lambda b: talib.PLUS_DI(b.high, b.low, b.close, 14)),
    "minus_di": (lambda x: x.minus_di(14), lambda b: talib.MINUS_DI(b.high, b.low, b.close, 14)),
    "aroon down": (lambda x: x.aroon(25).down, lambda b: talib.AROON(b.high, b.low, 25)[0]),
    "aroon up": (lambda x: x.aroon(25).up, lambda b: talib.AROON(b.high, b.low, 25)[1]),
    "aroon oscillator": (
        lambda x: x.aroon(25).oscillator,
        lambda b: talib.AROONOSC(b.high, b.low, 25),
    ),
    "trix": (lambda x: x.trix(15), lambda b: talib.TRIX(b.close, 15)),
    "stochastic k": (
        lambda x: x.stochastic(14, 3, 3).k,
        lambda b: talib.STOCH(b.high, b.low, b.close, 14, 3, 0, 3, 0)[0],
    ),
    "stochastic d": (
        lambda x: x.stochastic(14, 3, 3).d,
        lambda b: talib.STOCH(b.high, b.low, b.close, 14, 3, 0, 3, 0)[1],
    ),
    "stochastic_rsi k": (
        lambda x: x.stochastic_rsi(14, 14, 3, 1).k,
        lambda b: talib.STOCHRSI(b.close, 14, 14, 3, 0)[0],
    ),
    "cci": (lambda x: x.cci(20), lambda b: talib.CCI(b.high, b.low, b.close, 20)),
    "mfi": (lambda x: x.mfi(14), lambda b: talib.MFI(b.high, b.low, b.close, b.volume, 14)),
    "williams_r": (lambda x: x.williams_r(14), lambda b: talib.WILLR(b.high, b.low, b.close, 14)),
    "ultimate": (lambda x: x.ultimate(), lambda b: talib.ULTOSC(b.high, b.low, b.close, 7, 14, 28)),
    "ppo": (lambda x: x.ppo().line, lambda b: talib.PPO(b.close, 12, 26, 1)),
    "natr": (lambda x: x.natr(14), lambda b: talib.NATR(b.high, b.low, b.close, 14)),
    "true_range": (lambda x: x.true_range(), lambda b: talib.TRANGE(b.high, b.low, b.close)),
    "donchian upper": (lambda x: x.donchian(20).upper, lambda b: talib.MAX(b.high, 20)),
    "donchian lower": (lambda x: x.donchian(20).lower, lambda b: talib.MIN(b.low, 20)),
    "donchian middle": (
        lambda x: x.donchian(20).middle,
        lambda b: talib.MIDPRICE(b.high, b.low, 20),
    ),
    "keltner upper": (
        lambda x: x.keltner(20, 2, 10).upper,
        lambda b: talib.EMA(b.close, 20) + 2 * talib.ATR(b.high, b.low, b.close, 10),
    ),
    "chandelier long": (
        lambda x: x.chandelier(22, 3).long,
        lambda b: talib.MAX(b.high, 22) - 3 * talib.ATR(b.high, b.low, b.close, 22),
    ),
    "chandelier short": (
        lambda x: x.chandelier(22, 3).short,
        lambda b: talib.MIN(b.low, 22) + 3 * talib.ATR(b.high, b.low, b.close, 22),
    ),
    "dpo": (
        lambda x: x.dpo(20),
        lambda b: np.concatenate((np.full(11, np.nan), b.close[:-11])) - talib.SMA(b.close, 20),
    ),
    "awesome": (
        lambda x: x.awesome(),
        lambda b: (
            talib.SMA(talib.MEDPRICE(b.high, b.low), 5)
            - talib.SMA(talib.MEDPRICE(b.high, b.low), 34)
        ),
    ),
    "cmo": (
        # TA-Lib's CMO smooths as Wilder's and is 2 RSI - 100; Chande's own has plain sums.
        lambda x: x.cmo(14),
        lambda b: (
            100
            * talib.MOM(b.close, 14)
            / talib.SUM(np.abs(np.diff(b.close, prepend=b.close[0])), 14)
        ),
    ),
}


@pytest.mark.parametrize("name", TALIB)
def test_the_word_equals_talib(name, bars):
    describe, reference = TALIB[name]
    # TA-Lib carries running sums on, and so a few digits less, over thousands of bars.
    assert_same(describe, reference(bars), bars, tolerance=1e-8)


def ta_cases(bars):
    pandas = pytest.importorskip("pandas")
    momentum = pytest.importorskip("ta.momentum")
    trend = pytest.importorskip("ta.trend")
    volatility = pytest.importorskip("ta.volatility")
    volume = pytest.importorskip("ta.volume")
    high, low, close, amount = (
        pandas.Series(one) for one in (bars.high, bars.low, bars.close, bars.volume)
    )
    vortex = trend.VortexIndicator(high, low, close, 14)
    ichimoku = trend.IchimokuIndicator(high, low, 9, 26, 52, visual=True)
    keltner = volatility.KeltnerChannel(
        high, low, close, 20, 10, original_version=False, multiplier=2
    )
    return {
        "vortex plus": (lambda x: x.vortex(14).plus, vortex.vortex_indicator_pos()),
        "vortex minus": (lambda x: x.vortex(14).minus, vortex.vortex_indicator_neg()),
        "trix": (lambda x: x.trix(15), trend.TRIXIndicator(close, 15).trix()),
        "dpo": (lambda x: x.dpo(20), trend.DPOIndicator(close, 20).dpo()),
        "span_a": (lambda x: x.ichimoku().span_a, ichimoku.ichimoku_a()),
        "span_b": (lambda x: x.ichimoku().span_b, ichimoku.ichimoku_b()),
        "tsi": (lambda x: x.tsi(25, 13), momentum.TSIIndicator(close, 25, 13).tsi()),
        "awesome": (
            lambda x: x.awesome(),
            momentum.AwesomeOscillatorIndicator(high, low).awesome_oscillator(),
        ),
        "ppo histogram": (
            lambda x: x.ppo().histogram,
            momentum.PercentagePriceOscillator(close, 26, 12, 9).ppo_hist(),
        ),
        "ulcer_index": (
            lambda x: x.ulcer_index(14),
            volatility.UlcerIndex(close, 14).ulcer_index(),
        ),
        "keltner lower": (lambda x: x.keltner(20, 2, 10).lower, keltner.keltner_channel_lband()),
        "chaikin_money_flow": (
            lambda x: x.chaikin_money_flow(20),
            volume.ChaikinMoneyFlowIndicator(high, low, close, amount, 20).chaikin_money_flow(),
        ),
        "force_index": (
            lambda x: x.force_index(13),
            volume.ForceIndexIndicator(close, amount, 13).force_index(),
        ),
        "ease_of_movement": (
            lambda x: x.ease_of_movement(14),
            volume.EaseOfMovementIndicator(high, low, amount, 14).sma_ease_of_movement(),
        ),
        "vwap_of_last": (
            lambda x: x.vwap_of_last(14),
            volume.VolumeWeightedAveragePrice(
                high, low, close, amount, 14
            ).volume_weighted_average_price(),
        ),
    }


TA = (
    "vortex plus",
    "vortex minus",
    "trix",
    "dpo",
    "span_a",
    "span_b",
    "tsi",
    "awesome",
    "ppo histogram",
    "ulcer_index",
    "keltner lower",
    "chaikin_money_flow",
    "force_index",
    "ease_of_movement",
    "vwap_of_last",
)


@pytest.fixture(scope="module")
def of_ta(bars):
    part = ArrayBars.of(bars, slice(0, 2500))
    return part, ta_cases(part)


@pytest.mark.parametrize("name", TA)
def test_the_word_equals_the_ta_package(name, of_ta):
    part, cases = of_ta
    assert set(TA) == set(cases)
    describe, theirs = cases[name]
    assert_same(describe, theirs.to_numpy(), part, tolerance=1e-8)


def test_the_parabolic_stop_is_talibs_begun_one_block_earlier(bars):
    ours = calculated(lambda x: x.psar(0.02, 0.2), bars, MINUTE)
    block = bars.open_time // (GRID * MINUTE)
    for number in np.unique(block)[2:8].tolist():
        rows = np.flatnonzero((block == number - 1) | (block == number))
        theirs = talib.SAR(bars.high[rows], bars.low[rows], 0.02, 0.2)
        now = block[rows] == number
        assert now.sum() > 100
        assert np.abs(ours[rows][now] / theirs[now] - 1).max() < 1e-12


def test_on_nearly_all_bars_the_parabolic_stop_is_that_of_the_whole_series(bars):
    ours = calculated(lambda x: x.psar(0.02, 0.2), bars, MINUTE)
    theirs = talib.SAR(bars.high, bars.low, 0.02, 0.2)
    rows = np.arange(len(ours)) >= 2 * GRID
    assert (np.abs(ours[rows] / theirs[rows] - 1) < 1e-12).mean() > 0.99


def test_on_balance_volume_moves_as_talibs_within_a_day(bars):
    ours, theirs = (
        calculated(lambda x: x.obv("day"), bars, MINUTE),
        talib.OBV(bars.close, bars.volume),
    )
    day = bars.open_time // DAY
    for number in np.unique(day).tolist():
        rows = np.flatnonzero(day == number)
        assert ours[rows[0]] == 0
        moved = theirs[rows] - theirs[rows[0]]
        assert np.abs(ours[rows] - moved).max() < 1e-9 * np.abs(theirs).max()


def test_accumulation_moves_as_talibs_within_a_day(bars):
    ours = calculated(lambda x: x.accumulation("day"), bars, MINUTE)
    theirs = talib.AD(bars.high, bars.low, bars.close, bars.volume)
    day = bars.open_time // DAY
    for number in np.unique(day)[1:].tolist():
        rows = np.flatnonzero(day == number)
        moved = theirs[rows] - theirs[rows[0] - 1]
        assert np.abs(ours[rows] - moved).max() < 1e-9 * np.abs(theirs).max()
