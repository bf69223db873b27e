"""`x.ta`: every class of the package, its warm-up, its bits, and what it refuses."""

import importlib
import inspect

import numpy as np
import pytest

from signals.columns import ArrayBars, ColumnError, assert_causal
from signals.columns.wording import spelled
from signals.columns.words.catalogue_kernels import calculated as listed
from signals.columns.words.catalogue_table import CATALOGUE
from signals.columns.words.rerun import CHUNK, Rerun
from signals.strategies import Strategy, nothing
from tests.signals.columns.columns_of import calculated, described, from_time
from tests.signals.columns.samples import walk
from tests.signals.real_bars import REPO, btc_1m

QUARTER, HOUR = 900, 3600
MODULES = ("momentum", "trend", "volatility", "volume", "others")
REQUIRED = {"SMAIndicator": {"window": 20}}
# Kaufman's slowest weight of 2 / 31 squared remembers 5,000 bars; a quicker one proves the same.
QUICK = {"KAMAIndicator": {"pow2": 8}}
SLOW = ("ADXIndicator", "AverageTrueRange", "CCIIndicator", "MFIIndicator", "WMAIndicator")
OTHER_WINDOWS = {
    "KeltnerChannel": {"original_version": False, "multiplier": 1.5, "window": 9},
    "DonchianChannel": {"offset": 3},
    "VolumePriceTrendIndicator": {"smoothing_factor": 4},
    "StochRSIIndicator": {"window": 7},
    "MassIndex": {"window_fast": 5, "window_slow": 12},
    "DPOIndicator": {"window": 2},
    "ADXIndicator": {"window": 5},
}


def outputs(name, **options):
    """Return a function of `x` and an output of a class, made with what it requires."""
    entry = CATALOGUE[name]
    given = {**REQUIRED.get(name, {}), **QUICK.get(name, {}), **options}
    if entry.adds_up:
        given.setdefault("reset", "day")
    return lambda x: getattr(x.ta, name)(**given)


def column(name, output, **options):
    made = outputs(name, **options)
    return lambda x: getattr(made(x), output)


CASES = [(name, {}) for name in CATALOGUE] + list(OTHER_WINDOWS.items())


@pytest.fixture(scope="module")
def quarters():
    return btc_1m(60, 40).resampled(QUARTER)


def test_every_class_of_the_package_is_listed_with_its_own_parameters_and_methods():
    found = {}
    for module in MODULES:
        for name, one in vars(importlib.import_module(f"ta.{module}")).items():
            if inspect.isclass(one) and one.__module__ == f"ta.{module}":
                found[name] = module, one
    assert set(found) == {*CATALOGUE, "PSARIndicator"}
    for name, entry in CATALOGUE.items():
        module, one = found[name]
        assert entry.module == module
        assert set(entry.outputs) == {what for what in vars(one) if not what.startswith("_")}, name
        signature = inspect.signature(one.__init__).parameters
        taken = list(signature)[1:]
        assert tuple(taken[: len(entry.inputs)]) == entry.inputs
        own = {what: signature[what].default for what in taken[len(entry.inputs) :]}
        for what in ("fillna", "visual", "dropnans"):
            own.pop(what, None)
        listed = {
            what.name: inspect.Parameter.empty if what.default is None else what.default
            for what in entry.parameters
        }
        if "smoothing_factor" in own:
            own["smoothing_factor"] = own["smoothing_factor"] or 0
        assert listed == own


@pytest.mark.parametrize("name", CATALOGUE)
def test_after_the_warm_up_the_values_are_those_of_the_package(name, quarters):
    entry = CATALOGUE[name]
    if entry.adds_up:
        day = quarters.open_time[0] // 86400 * 86400 + 86400
        first = int(np.searchsorted(quarters.open_time, day))
        begin, end = first, int(np.searchsorted(quarters.open_time, day + 86400))
        skipped = 0
    else:
        begin, end = 0, 1200
        skipped = described(column(name, entry.outputs[0]), QUARTER).node.need
    bars = ArrayBars.of(quarters, slice(begin, end))
    import pandas as pd

    module = importlib.import_module(f"ta.{entry.module}")
    given = {**REQUIRED.get(name, {}), **QUICK.get(name, {})}
    prices = {what: pd.Series(getattr(bars, what)) for what in entry.inputs}
    package = getattr(module, name)(**prices, **given)
    for output in entry.outputs:
        expected = getattr(package, output)().to_numpy(dtype=float)[skipped:]
        found = calculated(column(name, output), bars, QUARTER)
        assert np.isnan(found[:skipped]).all()
        assert np.isfinite(found[skipped:]).mean() > 0.9
        known = np.isfinite(expected)
        np.testing.assert_allclose(found[skipped:][known], expected[known], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_warm_up_is_long_enough(name, options, quarters):
    """From so many bars before, the value is that of a far earlier beginning."""
    last = len(quarters.open_time) - 1
    for output in CATALOGUE[name].outputs:
        describe = column(name, output, **options)
        need = described(describe, QUARTER).node.need
        for row in (last, last - 400):
            opened = int(quarters.open_time[row])
            far_bars = from_time(quarters, opened - (10 * need + 700) * QUARTER, row)
            far = calculated(describe, far_bars, QUARTER)
            near_bars = from_time(quarters, opened - need * QUARTER, row)
            near = calculated(describe, near_bars, QUARTER)[-1]
            recent = far[-50:][np.isfinite(far[-50:])]
            scale = max(np.abs(recent).max(), 1e-9)
            assert np.isfinite(near)
            assert abs(near - far[-1]) <= 1e-9 * scale, output


@pytest.mark.parametrize(("name", "options"), CASES)
def test_pieces_of_any_size_give_the_same_bits(name, options):
    entry = CATALOGUE[name]
    describe = column(name, entry.outputs[-1], **options)
    need = described(describe, HOUR).node.need
    longer = 130 if name in SLOW else CHUNK + 130
    bars = walk(need + longer, seed=4, step=HOUR)
    whole = calculated(describe, bars, HOUR)
    assert np.isfinite(whole[need:]).sum() > 100
    dice = np.random.default_rng(3)
    some = np.unique(dice.integers(need, len(whole), 8)).tolist()
    singles = range(len(whole) - 133, len(whole) - 127)
    for cuts in (some, singles, [len(whole) - 1]):
        assert np.array_equal(calculated(describe, bars, HOUR, cuts), whole, equal_nan=True)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_smallest_parameters_are_calculated_too(name):
    entry = CATALOGUE[name]
    least = {one.name: one.low for one in entry.parameters if one.is_bars}
    least.pop("original_version", None)
    bars = walk(200, seed=2, step=HOUR)
    for output in entry.outputs:
        found = calculated(column(name, output, **least), bars, HOUR)
        assert len(found) == 200
        assert not np.isinf(found).any()


@pytest.mark.parametrize("name", CATALOGUE)
def test_prices_that_stand_still_give_no_infinite_value(name):
    need = described(column(name, CATALOGUE[name].outputs[0]), HOUR).node.need
    count = need + 20
    level = np.full(count, 5.0)
    opens = np.arange(count, dtype=np.int64) * HOUR
    bars = ArrayBars(opens, level, level, level, level, np.zeros(count))
    for output in CATALOGUE[name].outputs:
        assert not np.isinf(calculated(column(name, output), bars, HOUR)).any()


def watching(describe, name="1h"):
    class Watching(Strategy):
        """Stores one column; its sign against the last bar makes the changes to cut at."""

        timeframe = name

        def columns(self, x):
            made = describe(x)
            return {"column": made, "known": made.known(), "up": made > made.lag(1)}

        def decide(self, b):
            return nothing("watching")

    return Watching()


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_class_is_causal(name):
    describe = column(name, CATALOGUE[name].outputs[0])
    reach = described(describe, HOUR).node.need * 5 // 4 + 6
    bars = walk(reach + 560, seed=6, step=HOUR)
    assert assert_causal(watching(describe), bars, HOUR, cuts=2) >= 1


def test_a_mean_over_all_bars_reaches_no_value():
    """The package fills heads with it; running sums would carry its rounding behind them."""
    bars = walk(300, seed=8, step=HOUR)
    for name in ("KSTIndicator", "VortexIndicator", "DPOIndicator", "TRIXIndicator"):
        values = {one.name: one.default for one in CATALOGUE[name].parameters}
        inputs = [getattr(bars, what) for what in CATALOGUE[name].inputs]
        longer = [np.append(one, one[-1] * 3.7) for one in inputs]
        need = int(CATALOGUE[name].need(values)) if name != "TRIXIndicator" else 100
        whole, cut = listed(name, values, longer)[:300], listed(name, values, inputs)
        assert np.array_equal(whole[need:], cut[need:], equal_nan=True), name


def test_a_longer_need_of_another_column_makes_no_more_work():
    """It is run on its warm-up and some more, not on all bars since the calculation began."""
    rows = []

    def total(part):
        rows.append(len(part[0]))
        return np.add.accumulate(part[0])

    state = Rerun(1, 30, total)
    values = np.random.default_rng(2).normal(size=9000)
    whole = Rerun(1, 30, total).push([values])
    assert np.isnan(whole[:30]).all()
    assert np.isfinite(whole[30:]).all()
    pieces = [state.push([one]) for one in np.split(values, [1, 7, 31, 1060, 5000, 5001, 8000])]
    assert np.array_equal(np.concatenate(pieces), whole, equal_nan=True)
    assert max(rows) <= 30 + CHUNK
    assert len(state._rows[0]) <= 30 + CHUNK


def test_what_adds_up_begins_anew_with_the_period(quarters):
    found = calculated(column("CumulativeReturnIndicator", "cumulative_return"), quarters, QUARTER)
    days = quarters.open_time // 86400
    first = np.flatnonzero(np.diff(days)) + 1
    assert (found[first] == 0).all()
    at = first[3] + 40
    assert found[at] == (quarters.close[at] / quarters.close[first[3]] - 1) * 100
    words = calculated(column("AccDistIndexIndicator", "acc_dist_index"), quarters, QUARTER)
    ours = calculated(lambda x: x.accumulation("day"), quarters, QUARTER)
    np.testing.assert_allclose(words, ours, rtol=1e-9, atol=1e-6)


def test_outside_of_a_session_nothing_is_added_up(quarters):
    describe = column("OnBalanceVolumeIndicator", "on_balance_volume", reset="london")
    found = calculated(describe, quarters, QUARTER)
    inside = calculated(lambda x: x.session("london"), quarters, QUARTER) == 1
    assert np.isnan(found[~inside]).all()
    assert np.isfinite(found[inside]).all()
    cuts = np.unique(np.random.default_rng(5).integers(1, len(found), 30)).tolist()
    assert np.array_equal(calculated(describe, quarters, QUARTER, cuts), found, equal_nan=True)


REFUSALS = [
    (lambda x: x.ta.RSI, "x.ta has no RSI"),
    (lambda x: x.ta.RsiIndicator, "Did you mean RSIIndicator?"),
    (lambda x: x.ta.PSARIndicator(), "x.psar()"),
    (lambda x: x.ta.RSIIndicator(14), r"by name: x.ta.RSIIndicator\(window=14\)"),
    (lambda x: x.ta.RSIIndicator(windw=14), "Did you mean window?"),
    (lambda x: x.ta.RSIIndicator(close=x.high), "takes close from the bars of x"),
    (lambda x: x.ta.RSIIndicator(window=14).rsj, "Did you mean rsi?"),
    (lambda x: x.ta.RSIIndicator.rsi, "wants parentheses first"),
    (lambda x: x.ta.RSIIndicator(window=0), "at least 1"),
    (lambda x: x.ta.RSIIndicator(window=2001), "at most 2000"),
    (lambda x: x.ta.RSIIndicator(window=2.5), "whole number"),
    (lambda x: x.ta.ADXIndicator(window=500), "at most 6,000 .* shorter windows, or x.adx"),
    (lambda x: x.ta.STCIndicator(window_slow=900), "take shorter windows$"),
    (lambda x: x.ta.SMAIndicator(), "wants its window"),
    (lambda x: x.ta.DonchianChannel(offset=-1), "bars that have not closed yet"),
    (lambda x: x.ta.KAMAIndicator(fillna=True), "fills missing values in"),
    (lambda x: x.ta.IchimokuIndicator(visual=True), "mean of all bars"),
    (lambda x: x.ta.VolumePriceTrendIndicator(dropnans=True, reset="day"), "drops rows"),
    (lambda x: x.ta.KeltnerChannel(original_version=1), "True or False"),
    (lambda x: x.ta.BollingerBands(window_dev=float("nan")), "finite"),
    (lambda x: x.ta.OnBalanceVolumeIndicator(), r"reset=\"day\".*x.obv is the fast word"),
    (lambda x: x.ta.AccDistIndexIndicator(), r"x.accumulation"),
    (lambda x: x.ta.NegativeVolumeIndexIndicator(), "not the same place"),
    (lambda x: x.ta.VolumePriceTrendIndicator(), "not the same place"),
    (lambda x: x.ta.CumulativeReturnIndicator(), "not the same place"),
    (lambda x: x.ta.OnBalanceVolumeIndicator(reset="year"), "takes one of day"),
    (lambda x: x.ta.RSIIndicator(reset="day"), "has no reset"),
]


@pytest.mark.parametrize(("ask", "sentence"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_cannot_be_is_refused_with_a_sentence(ask, sentence):
    with pytest.raises(ColumnError, match=sentence):
        described(ask, HOUR)


def test_indicators_are_columns_like_any_other():
    made = described(
        lambda x: x.tf("4h", lambda h: h.ta.EMAIndicator(window=9).ema_indicator), HOUR
    )
    assert made.node.op == "align"
    flag = described(lambda x: ~x.ta.BollingerBands().bollinger_hband_indicator, HOUR)
    assert flag.node.is_flag


SPELLED = {
    "ta.RSIIndicator().rsi": lambda x: x.ta.RSIIndicator().rsi,
    "ta.BollingerBands(window=9, window_dev=2.5).bollinger_wband": (
        lambda x: x.ta.BollingerBands(window=9, window_dev=2.5).bollinger_wband
    ),
    'ta.OnBalanceVolumeIndicator(reset="week").on_balance_volume': (
        lambda x: x.ta.OnBalanceVolumeIndicator(reset="week").on_balance_volume
    ),
    "chart.rectangle.stop": lambda x: x.chart.rectangle.stop,
    "chart(swing=3).bull_flag.age": lambda x: x.chart(swing=3).bull_flag.age,
    "candle.engulfing == 1": lambda x: x.candle.bullish("engulfing"),
}


@pytest.mark.parametrize("text", SPELLED)
def test_an_explanation_spells_it_as_it_is_written(text):
    assert spelled(described(SPELLED[text], HOUR).node) == text


def test_every_class_stands_in_the_documentation():
    page = (REPO / "docs" / "ta-catalogue.md").read_text()
    missing = {name for name in (*CATALOGUE, "PSARIndicator") if f"`{name}" not in page}
    assert missing == set()
    for entry in CATALOGUE.values():
        assert not entry.ours or f"`{entry.ours}" in page
