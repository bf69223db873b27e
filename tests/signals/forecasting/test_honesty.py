"""The figures of a walk-forward, against hand calculation, published values and TA-Lib's kin."""

import numpy as np
import pytest
from scipy import stats

from signals.columns import ArrayBars, ArraySeries
from signals.forecasting.calibration import sequential, settled
from signals.forecasting.drift import compare, index, reference, shares_of
from signals.forecasting.features import default_features
from signals.forecasting.labels import labels
from signals.forecasting.leaks import LeakError, rank_correlation, refuse_leaks
from signals.forecasting.metrics import (
    brier,
    gain,
    judge_direction,
    log_loss,
    pinball,
    verdict,
    wilson,
)
from signals.forecasting.training import Recipe, Sample, TooLittleError, learn
from signals.forecasting.trees import LEVELS, TreeOptions, TreesError, digest_of, open_trees, save
from signals.forecasting.trees import expected as mean_of
from signals.forecasting.windows import WalkOptions, windows
from signals.samples import feature_plan, sample_of
from tests.signals.forecasting.shelved import stroll

FEW = TreeOptions(rounds=10, quantile_rounds=5, depth=3)
HOUR = 3600


# -- labels --------------------------------------------------------------------------------------


def test_the_label_of_an_open_market_is_the_newest_close_by_then():
    # The third minute had no trade: at its end the price of the second still stands.
    opens = np.array([0, 60, 180, 240])
    close = np.array([100.0, 101.0, 99.0, 99.0])
    found = labels(opens, close, timeframe=60, horizon=1)
    assert found.known_at.tolist() == [120, 180, 300, 0]
    assert found.value[:3].tolist() == [101 / 100 - 1, 101 / 101 - 1, 99 / 99 - 1]
    assert np.isnan(found.value[3])
    assert found.is_up.tolist() == [True, False, False, False]


def test_the_label_of_a_market_that_closes_counts_its_bars():
    day = 86_400
    opens = np.array([4, 7, 8]) * day  # Friday, Monday, Tuesday
    found = labels(
        opens, np.array([10.0, 11.0, 10.5]), timeframe=day, horizon=1, is_always_open=False
    )
    assert found.known_at.tolist() == [8 * day, 9 * day, 0]
    assert found.value[:2].tolist() == [11 / 10 - 1, 10.5 / 11 - 1]
    assert found.known.tolist() == [True, True, False]


# -- windows -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rolling", [False, True])
def test_no_window_trains_on_what_overlaps_its_test(rolling):
    closes = np.arange(1, 1001) * HOUR
    known_at = closes + 24 * HOUR
    walk = WalkOptions(windows=5, first_share=0.4, rolling=rolling, embargo_bars=3)
    found = list(windows(closes, known_at, HOUR, walk))
    assert len(found) == 5
    tested = np.concatenate([one.test for one in found])
    assert tested.tolist() == list(range(tested[0], 1000))
    assert tested[0] == pytest.approx(400, abs=1)
    for one in found:
        # Between the last label that is learnt and the first forecast lie the three hours.
        assert known_at[one.train].max() + 3 * HOUR == closes[one.test].min()
    sizes = [len(one.train) for one in found]
    assert (max(sizes) - min(sizes) < 5) if rolling else (sizes == sorted(sizes))


# -- figures -------------------------------------------------------------------------------------


def test_wilsons_interval_is_the_published_one():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 and 15 of 148.
    first, second = wilson(81, 263), wilson(15, 148)
    assert (round(first.low, 4), round(first.high, 4)) == (0.2553, 0.3662)
    assert (round(second.low, 4), round(second.high, 4)) == (0.0624, 0.1605)
    assert wilson(0, 20).low == 0
    assert round(wilson(0, 20).high, 4) == 0.1611


def test_the_losses_are_those_of_a_hand_calculation():
    probability, is_up = np.array([0.8, 0.4]), np.array([True, True])
    assert brier(probability, is_up).tolist() == pytest.approx([0.04, 0.36])
    assert log_loss(probability, is_up).tolist() == pytest.approx([0.2231435513, 0.9162907319])
    found = pinball(np.array([[-1.0, 2.0]]), np.array([3.0]), (0.25, 0.75))
    assert found.tolist() == pytest.approx([(0.25 * 4 + 0.75 * 1) / 2])
    found = pinball(np.array([[-1.0, 2.0]]), np.array([-3.0]), (0.25, 0.75))
    assert found.tolist() == pytest.approx([(0.75 * 2 + 0.25 * 5) / 2])


def test_the_mean_of_the_quantiles_is_that_of_the_curve_through_them():
    points = np.array([[-0.04, -0.01, 0.0, 0.02, 0.03]])
    fine = np.linspace(0, 1, 2_000_001)
    curve = np.interp(fine, LEVELS, points[0])
    assert mean_of(points)[0] == pytest.approx(np.trapezoid(curve, fine), abs=1e-9)


def test_the_bootstrap_is_as_wide_as_the_theory_says():
    draw = np.random.default_rng(3)
    own = draw.normal(0.1, 1, 4000)
    moments = np.arange(4000) * HOUR
    found = gain(np.zeros(4000), own, moments, HOUR)
    half = 1.96 * own.std() / np.sqrt(4000)
    assert found.value == own.mean()
    assert found.high - found.value == pytest.approx(half, rel=0.08)
    # Each value ten times over, as labels that overlap: ten times fewer stand on their own.
    alike = np.repeat(own[:400], 10)
    rows, blocks = (gain(np.zeros(4000), alike, moments, size * HOUR) for size in (1, 10))
    assert (blocks.high - blocks.low) / (rows.high - rows.low) == pytest.approx(10**0.5, rel=0.1)


def test_what_knows_nothing_shows_no_skill_and_what_knows_does():
    draw = np.random.default_rng(5)
    is_up = draw.random(3000) < 0.5
    moments = np.arange(3000) * HOUR
    base = np.full(3000, is_up.mean())
    span = {"timeframe": HOUR, "horizon": 1}
    quantiles = {"pinball_gain": {"value": 0.0, "low": -0.1, "high": 0.1}, "naive_pinball": 1.0}
    guess = judge_direction(np.full(3000, 0.55), base, is_up, moments, **span)
    knows = judge_direction(np.where(is_up, 0.6, 0.42), base, is_up, moments, **span)
    assert verdict(guess, quantiles).startswith("direction: no skill shown (-")
    assert verdict(knows, quantiles).startswith("direction: skill shown (+")
    assert "quantiles: no skill shown (+0.00% of the naive loss" in verdict(knows, quantiles)
    assert knows["hit_rate"]["value"] == 1.0
    assert guess["naive_brier"] == pytest.approx(is_up.mean() * (1 - is_up.mean()))


def test_few_stretches_have_no_interval():
    found = gain(np.zeros(50), np.ones(50), np.arange(50) * HOUR, 10 * HOUR)
    assert (found.low, found.high) == (-np.inf, np.inf)


# -- calibration ---------------------------------------------------------------------------------


def test_the_curve_is_that_of_a_logistic_regression():
    draw = np.random.default_rng(11)
    margins = draw.normal(0, 1.5, 5000)
    is_up = draw.random(5000) < 1 / (1 + np.exp(-(0.4 * margins - 0.3)))
    found = settled(margins, is_up)
    # The gradient of the likelihood vanishes at its maximum; Platt's targets move it a little.
    rest = found.probability(margins) - is_up
    assert abs((rest * margins).mean()) < 1e-3
    assert abs(rest.mean()) < 1e-3
    assert found.slope == pytest.approx(0.4, abs=0.06)
    assert found.offset == pytest.approx(-0.3, abs=0.06)


def test_a_curve_over_noise_says_the_share_of_rises():
    draw = np.random.default_rng(2)
    is_up = draw.random(2000) < 0.6
    found = settled(draw.normal(0, 1, 2000) * 0 - np.where(is_up, 1.0, -1.0), is_up)
    assert found.slope == 0
    assert found.probability(np.zeros(1))[0] == pytest.approx(is_up.mean(), abs=1e-3)


def test_a_window_is_calibrated_by_the_windows_before_it_only():
    draw = np.random.default_rng(8)
    margins = draw.normal(0, 2, 2000)
    is_up = draw.random(2000) < 1 / (1 + np.exp(-0.1 * margins))
    window = np.repeat([0, 1, 2, 3], 500)
    found, is_better = sequential(margins, is_up, window)
    changed = is_up.copy()
    changed[window == 3] ^= True
    other, _ = sequential(margins, changed, window)
    assert is_better
    assert np.array_equal(found[window < 3], other[window < 3])
    assert np.array_equal(found[window == 3], other[window == 3])
    assert log_loss(found, is_up).mean() < log_loss(1 / (1 + np.exp(-margins)), is_up).mean()


# -- leaks ---------------------------------------------------------------------------------------


def test_the_rank_correlation_is_spearmans():
    draw = np.random.default_rng(4)
    one, other = draw.integers(0, 20, 500).astype(float), draw.normal(0, 1, 500)
    other += one / 10
    assert rank_correlation(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)


def sample(count=900, *, seed=1, leak=None):
    draw = np.random.default_rng(seed)
    returns = draw.normal(0, 0.01, count)
    rows = draw.normal(0, 1, (count, 3))
    if leak == "label":
        rows[:, 1] = np.sign(returns)
    if leak == "future":
        rows[:, 1] = np.roll(np.cumsum(returns), -1) - np.cumsum(returns) + returns
    if leak == "centred":
        path = np.concatenate((np.cumsum(returns), np.zeros(3)))
        rows[:, 1] = np.convolve(np.append(path[:3] * 0, path), np.ones(7) / 7)[6 : 6 + count]
        rows[:, 1] -= np.cumsum(returns) - returns
    close = np.arange(1, count + 1) * HOUR
    names = ("one", "two", "three")
    return Sample(names, rows.astype(np.float32), returns, returns > 0, close, close + HOUR)


@pytest.mark.parametrize("leak", ["label", "future", "centred"])
def test_a_planted_leak_is_caught_and_named(leak):
    found = sample(leak=leak)
    with pytest.raises(LeakError, match="the feature two tells the return to come"):
        learn(found, Recipe(HOUR, 1, trees=FEW))
    honest = sample()
    refuse_leaks(honest.rows, honest.returns, honest.names)


# -- learning ------------------------------------------------------------------------------------


def test_noise_has_no_skill_and_the_sentence_says_so():
    told = []
    learned = learn(sample(2500), Recipe(HOUR, 1, trees=FEW), tell=lambda *what: told.append(what))
    assert "direction: no skill shown" in learned.metrics["verdict"]
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] < 1
    assert told[1][1] == "walking forward, window 1 of 5"
    assert learned.trained_through == 2501 * HOUR


def test_a_random_walk_through_the_whole_way_shows_no_skill():
    rows = np.array(stroll(8000, momentum=0.0, timeframe=HOUR, start=1_546_300_800))
    bars = ArrayBars(rows[:, 0].astype(np.int64), *rows[:, 1:].T.copy())
    texts = default_features("crypto", HOUR, ["BTC/USDT"])
    found = sample_of(
        feature_plan(texts, HOUR),
        ArraySeries({("BTC/USDT", HOUR): bars}),
        ["BTC/USDT"],
        horizon=3,
        is_always_open=True,
    )
    told = learn(found, Recipe(HOUR, 3, trees=TreeOptions(40, 5, 3))).metrics
    assert "direction: no skill shown" in told["verdict"]
    hit = told["direction"]["hit_rate"]
    assert hit["low"] < 0.5 < hit["high"]


def test_the_same_sample_gives_the_same_bytes_and_another_seed_others():
    recipe = Recipe(HOUR, 1, trees=FEW)
    one, two = learn(sample(), recipe), learn(sample(), recipe)
    assert (one.digest, one.data_hash, one.metrics) == (two.digest, two.data_hash, two.metrics)
    other = learn(sample(), Recipe(HOUR, 1, trees=TreeOptions(10, 5, 3, seed=8)))
    assert other.digest != one.digest
    assert other.data_hash == one.data_hash
    assert learn(sample(seed=2), recipe).data_hash != one.data_hash


def test_one_sided_rows_are_refused():
    found = sample()
    rises = Sample(found.names, found.rows, abs(found.returns) + 1, found.is_up | True,
                   found.close_time, found.known_at)  # fmt: skip
    with pytest.raises(TooLittleError, match="ends the same way"):
        learn(rises, Recipe(HOUR, 1, trees=FEW))


# -- stored trees --------------------------------------------------------------------------------


def stored():
    learned = learn(sample(), Recipe(HOUR, 1, trees=FEW))
    return learned.direction, learned.quantile, learned.digest


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d, q, g: (b"", q, g), "missing"),
        (lambda d, q, g: (d[:-40], q, g), "damaged or replaced"),
        (lambda d, q, g: (q, d, g), "damaged or replaced"),
        (lambda d, q, g: (d, q, ""), "trained were none"),
        (lambda d, q, g: (d, b"x" * 70_000_000, g), "more than 67108864"),
        (lambda d, q, g: (b"{}", q, digest_of(b"{}", q)), "XGBoost cannot read its trees"),
    ],
    ids=["missing", "truncated", "swapped", "digest", "large", "foreign"],
)
def test_trees_that_are_not_those_that_were_trained_are_refused(change, sentence):
    direction, quantile, digest = change(*stored())
    with pytest.raises(TreesError, match=sentence):
        open_trees(direction, quantile, digest=digest, names=("one", "two", "three"))


def test_trees_of_other_columns_are_refused():
    direction, quantile, digest = stored()
    with pytest.raises(TreesError, match="take 3 columns, it has 2"):
        open_trees(direction, quantile, digest=digest, names=("one", "two"))


def test_opened_trees_say_what_the_grown_ones_said():
    import xgboost

    found = sample()
    booster = xgboost.train(
        FEW.params() | {"objective": "binary:logistic"},
        xgboost.QuantileDMatrix(found.rows, found.is_up, max_bin=FEW.bins),
        5,
    )
    other = xgboost.train(
        FEW.params() | {"objective": "reg:quantileerror", "quantile_alpha": list(LEVELS)},
        xgboost.QuantileDMatrix(found.rows, found.returns, max_bin=FEW.bins),
        5,
    )
    parts = save(booster), save(other)
    scorer = open_trees(*parts, digest=digest_of(*parts), names=found.names)
    rows = found.rows[:200]
    assert scorer.probabilities(rows) == pytest.approx(
        booster.predict(xgboost.DMatrix(rows)).astype(float), abs=1e-6
    )
    one_by_one = np.concatenate([scorer.probabilities(rows[n : n + 1]) for n in range(200)])
    assert one_by_one.tobytes() == scorer.probabilities(rows).tobytes()
    assert (np.diff(scorer.quantiles(rows), axis=1) >= 0).all()


# -- drift ---------------------------------------------------------------------------------------


def test_the_stability_index_is_that_of_a_hand_calculation():
    assert index([0.5, 0.5], [0.6, 0.4]) == pytest.approx(
        0.1 * np.log(0.6 / 0.5) - 0.1 * np.log(0.4 / 0.5)
    )
    assert shares_of(np.array([1.0, 2, 3, np.nan]), [2.0]) == [0.5, 0.25, 0.25]


def test_a_moved_feature_drifts_and_the_others_do_not():
    draw = np.random.default_rng(6)
    rows = draw.normal(0, 1, (5000, 2)).astype(np.float32)
    kept = reference(rows, ("still", "moved"), draw.random(5000))
    recent = {
        "still": draw.normal(0, 1, 500),
        "moved": draw.normal(1, 1, 500),
        "probability": draw.random(500),
    }
    found = compare(kept, recent)
    assert found["changed"] == ["moved"]
    assert found["sentence"].startswith("what comes in no longer looks like the training: moved (")
    assert compare(kept, recent | {"moved": np.full(500, np.nan)})["changed"] == ["moved"]


# -- the usual features --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asset_class", "timeframe", "symbols"),
    [
        ("crypto", 60, ["BTC/USDT"]),
        ("crypto", 300, []),
        ("crypto", 3600, ["ETH/USDT"]),
        ("stock", 86_400, ["SPY"]),
        ("fx", 900, []),
    ],
)
def test_the_usual_features_are_columns(asset_class, timeframe, symbols):
    feeds = ("fear_greed", "macro:VIXCLS", "macro:DGS10")
    texts = default_features(asset_class, timeframe, symbols, feeds)
    assert len(feature_plan(texts, timeframe).named) == len(texts) + 1
    assert ("leader" in texts) == (asset_class == "crypto" and symbols != ["BTC/USDT"])
    assert ("hour" in texts) == (timeframe < 86_400)
    assert ("fear_greed" in texts) == (asset_class == "crypto")
    assert ("vix" in texts) == (asset_class == "stock")
