"""Every published Stock.Indicators file (502 daily quotes) against the word that stands for it."""

import numpy as np
import pytest

from signals.columns import ArrayBars
from signals.indicators.obv import Obv
from signals.indicators.periods import Since
from signals.indicators.vwap import Vwap
from tests.signals.columns.columns_of import calculated
from tests.signals.real_bars import (
    DATA,
    daily_quotes,
    data_file,
    expected,
    numbers,
    read_csv,
)

DAY = 86400

# Word, the file's field, the greatest difference allowed, and the first bar to which that applies.
# 1e-9 of values up to a few hundred is rounding; where more is allowed the line below says why.
SAME = {
    "adx": [
        # The published ones are begun with the sum of 14 movements, ours as TA-Lib's with 13.
        (lambda x: x.adx(14), "adx", 1e-6, 300),
        (lambda x: x.plus_di(14), "pdi", 1e-6, 250),
        (lambda x: x.minus_di(14), "mdi", 1e-6, 250),
    ],
    "atr": [
        (lambda x: x.atr(14), "atr", 1e-9, 0),
        (lambda x: x.natr(14), "atrp", 1e-9, 0),
        (lambda x: x.true_range(), "tr", 1e-9, 0),
    ],
    "bb": [
        (lambda x: x.close.bollinger(20, 2).middle, "sma", 1e-9, 0),
        (lambda x: x.close.bollinger(20, 2).upper, "upperBand", 1e-9, 0),
        (lambda x: x.close.bollinger(20, 2).lower, "lowerBand", 1e-9, 0),
    ],
    "cci": [(lambda x: x.cci(20), "cci", 1e-9, 0)],
    "chop": [(lambda x: x.choppiness(14), "chop", 1e-9, 0)],
    "cmf": [(lambda x: x.chaikin_money_flow(20), "cmf", 1e-12, 0)],
    "donchian": [
        # The published channel is that of the bars before the current one.
        (lambda x: x.donchian(20).upper.lag(1), "upperBand", 0, 0),
        (lambda x: x.donchian(20).middle.lag(1), "centerline", 0, 0),
        (lambda x: x.donchian(20).lower.lag(1), "lowerBand", 0, 0),
    ],
    "ema": [(lambda x: x.close.ema(20), "ema", 1e-9, 0)],
    "heikinashi": [
        (lambda x: x.heikin_ashi().open, "open", 1e-9, 0),
        (lambda x: x.heikin_ashi().high, "high", 1e-9, 0),
        (lambda x: x.heikin_ashi().low, "low", 1e-9, 0),
        (lambda x: x.heikin_ashi().close, "close", 1e-9, 0),
    ],
    "hma": [(lambda x: x.close.hma(14), "hma", 1e-9, 0)],
    "ichimoku": [
        (lambda x: x.ichimoku().conversion, "tenkanSen", 0, 0),
        (lambda x: x.ichimoku().base, "kijunSen", 0, 0),
        (lambda x: x.ichimoku().span_a, "senkouSpanA", 0, 0),
        (lambda x: x.ichimoku().span_b, "senkouSpanB", 0, 0),
    ],
    "keltner": [
        (lambda x: x.keltner(20, 2, 10).upper, "upperBand", 1e-9, 0),
        (lambda x: x.keltner(20, 2, 10).middle, "centerline", 1e-9, 0),
        (lambda x: x.keltner(20, 2, 10).lower, "lowerBand", 1e-9, 0),
    ],
    "macd": [
        (lambda x: x.close.macd().line, "macd", 1e-9, 0),
        (lambda x: x.close.macd().signal, "signal", 1e-9, 0),
        (lambda x: x.close.macd().histogram, "histogram", 1e-9, 0),
    ],
    "mfi": [(lambda x: x.mfi(14), "mfi", 1e-9, 0)],
    "roc": [
        (lambda x: x.close.roc(14), "roc", 1e-9, 0),
        (lambda x: x.close.change(14), "momentum", 1e-9, 0),
    ],
    "rsi": [(lambda x: x.close.rsi(14), "rsi", 1e-9, 0)],
    "sma": [(lambda x: x.close.sma(20), "sma", 1e-9, 0)],
    "smma": [(lambda x: x.close.rma(20), "smma", 1e-9, 0)],
    "stdev": [
        (lambda x: x.close.stdev(14), "stdDev", 1e-9, 0),
        (lambda x: x.close.zscore(14), "zScore", 1e-9, 0),
    ],
    "stoch": [
        (lambda x: x.stochastic(14, 3, 3).k, "k", 1e-9, 0),
        (lambda x: x.stochastic(14, 3, 3).d, "d", 1e-9, 0),
    ],
    "stoch-rsi": [
        (lambda x: x.stochastic_rsi(14, 14, 3, 1).k, "stochRsi", 1e-9, 0),
        (lambda x: x.stochastic_rsi(14, 14, 3, 1).d, "signal", 1e-9, 0),
    ],
    "supertrend": [(lambda x: x.supertrend(10, 3).line, "superTrend", 1e-9, 0)],
    "tr": [(lambda x: x.true_range(), "tr", 1e-9, 0)],
    "vwma": [(lambda x: x.close.vwma(x.volume, 14), "vwma", 1e-9, 0)],
    "willr": [(lambda x: x.williams_r(14), "williamsR", 1e-9, 0)],
    "wma": [(lambda x: x.close.wma(14), "wma", 1e-9, 0)],
}
OWN_TEST = {"adl", "aroon", "obv", "psar", "vwap"}
NO_WORD = {
    "fractal": "marks a bar by two later ones; x.smc.swing_high is known when they have closed",
    "pivots": "lines through fractals, known as late as these",
    "zigzag": "redraws its last leg with every later bar",
}


def test_every_published_file_has_a_word_or_a_reason():
    folder = data_file("indicators/expected")
    names = {path.name.removesuffix(".standard.json.gz") for path in folder.glob("*.json.gz")}
    assert len(names) == 34
    assert names == set(SAME) | OWN_TEST | set(NO_WORD)
    assert DATA in folder.parents


@pytest.mark.parametrize("name", SAME)
def test_the_word_gives_the_published_values(name):
    bars = daily_quotes()
    for describe, field, tolerance, first in SAME[name]:
        theirs, ours = expected(name, field), calculated(describe, bars, DAY)
        rows = ~np.isnan(theirs) & (np.arange(len(theirs)) >= first)
        assert rows.sum() >= 200
        assert not np.isnan(ours[rows]).any(), field
        assert np.abs(ours[rows] - theirs[rows]).max() <= tolerance, field


def test_aroon_differs_only_where_an_extreme_was_reached_twice():
    """They count from the oldest bar at the extreme, TA-Lib and we from the newest."""
    bars = daily_quotes()
    for name, values, pick, describe in (
        ("aroonUp", bars.high, np.max, lambda x: x.aroon(25).up),
        ("aroonDown", bars.low, np.min, lambda x: x.aroon(25).down),
    ):
        theirs, ours = expected("aroon", name), calculated(describe, bars, DAY)
        twice = np.full(len(values), fill_value=True)
        for row in range(25, len(values)):
            window = values[row - 25 : row + 1]
            twice[row] = (window == pick(window)).sum() > 1
        assert twice.sum() < 100
        assert np.abs(ours[~twice] - theirs[~twice]).max() <= 1e-12


def test_totals_without_a_reset_are_the_published_ones():
    """One period over all quotes: the calculation behind x.obv, x.accumulation and x.vwap."""
    bars = daily_quotes()
    one = np.zeros(len(bars.close))
    assert np.array_equal(Obv().push(bars.close, bars.volume, one), expected("obv", "obv"))
    flow = calculated(lambda x: x.chaikin_money_flow(1) * x.volume, bars, DAY)
    theirs = expected("adl", "adl")
    assert np.abs(Since("sum").push(flow, one) / theirs - 1).max() < 1e-9
    price = (bars.high + bars.low + bars.close) / 3
    ours = Vwap().push(price, bars.volume, one)[:, 0]
    assert np.abs(ours - expected("vwap", "vwap")).max() < 1e-9


def test_the_parabolic_stop_differs_in_its_first_trend_and_on_one_bar():
    """They leave the first trend out and begin with another one; TA-Lib and we agree throughout."""
    ours, theirs = calculated(lambda x: x.psar(), daily_quotes(), DAY), expected("psar", "sar")
    apart = np.flatnonzero(np.abs(ours - theirs) > 1e-9)
    assert set(apart) <= {*range(14, 40), 250}
    assert abs(ours[250] - theirs[250]) < 0.25


SHEETS = {
    # Word, sheet, its columns, tolerance (the sheets are rounded), first bar compared.
    "stochastic k": (lambda x: x.stochastic(14, 3, 1).k, "soo", ("SO",), 1e-6, 0),
    "stochastic d": (lambda x: x.stochastic(14, 3, 1).d, "soo", ("SO_SIG",), 1e-6, 0),
    # The sheet begins with shorter windows, and with a trend of its own choice until bar 7.
    "vwap_of_last": (lambda x: x.vwap_of_last(14), "vwap", ("vwap",), 1e-12, 13),
    "psar": (lambda x: x.psar(), "psar", ("psar_up", "psar_down"), 1e-8, 8),
    # The sheet begins with the sum of 14 movements.
    "adx": (lambda x: x.adx(14), "adx", ("ADX",), 1e-6, 300),
    "plus_di": (lambda x: x.plus_di(14), "adx", ("+DI14",), 1e-6, 250),
    "minus_di": (lambda x: x.minus_di(14), "adx", ("-DI14",), 1e-6, 250),
}


@pytest.mark.parametrize("name", SHEETS)
def test_the_word_gives_the_values_of_the_stockcharts_sheet(name):
    describe, sheet, columns, tolerance, first = SHEETS[name]
    rows = read_csv(f"indicators/ta_cs-{sheet}.csv.gz")
    high, low, close = (numbers(rows, field) for field in ("High", "Low", "Close"))
    high, low = np.where(np.isnan(high), close, high), np.where(np.isnan(low), close, low)
    volume = numbers(rows, "Volume") if "Volume" in rows[0] else np.ones(len(rows))
    opens = np.arange(len(rows), dtype=np.int64) * DAY
    ours = calculated(describe, ArrayBars(opens, close, high, low, close, volume), DAY)
    theirs = numbers(rows, columns[0])
    for other in columns[1:]:
        theirs = np.where(np.isnan(theirs), numbers(rows, other), theirs)
    known = ~np.isnan(theirs) & (np.arange(len(theirs)) >= first)
    assert known.sum() >= 14
    assert np.abs(ours[known] - theirs[known]).max() <= tolerance
