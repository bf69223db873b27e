"""`x.candle`: 61 patterns of TA-Lib, drawn by hand, defined a second time, cut anywhere."""

import numpy as np
import pytest
import talib
from talib import abstract

from signals.columns import ArrayBars, ColumnError, assert_causal
from signals.columns.words.candle_table import BEARISH, BULLISH, CANDLES, EITHER
from signals.strategies import Strategy, nothing
from tests.signals.columns.columns_of import calculated, described
from tests.signals.real_bars import REPO, btc_1m

QUARTER, DAY = 900, 86400

# Twelve usual days of a body of 1 and wicks of 0.2, then the pattern: open, high, low, close.
USUAL = [(100.0, 101.2, 99.8, 101.0), (101.0, 101.2, 99.8, 100.0)] * 6
DRAWN = {
    "engulfing": (1, [(100, 100.2, 98.8, 99), (98.5, 101.2, 98.3, 101)]),
    "engulfing down": (-1, [(99, 100.2, 98.8, 100), (100.5, 100.7, 97.8, 98)]),
    "harami": (1, [(103, 103.2, 98.8, 99), (100, 101.2, 99.9, 101)]),
    "doji": (1, [(100, 101, 99, 100.02)]),
    "dragonfly_doji": (1, [(100, 100.02, 98, 100.01)]),
    "gravestone_doji": (1, [(100, 102, 99.99, 100.01)]),
    "hammer": (1, [(100, 100.2, 97.8, 98), (97.7, 98.05, 95.9, 98)]),
    "hanging_man": (-1, [(100, 102.2, 99.8, 102), (102.1, 102.45, 100, 102.4)]),
    "inverted_hammer": (1, [(102, 102.2, 98.8, 99), (98.4, 100.9, 98.38, 98.7)]),
    "shooting_star": (-1, [(100, 103.2, 99.8, 103), (103.3, 105.8, 103.28, 103.6)]),
    "piercing_line": (1, [(103, 103.2, 99.8, 100), (99.5, 102.2, 99.3, 102)]),
    "dark_cloud_cover": (-1, [(100, 103.2, 99.8, 103), (103.5, 103.7, 100.8, 101)]),
    "morning_star": (
        1,
        [(105, 105.2, 99.8, 100), (99, 99.4, 98.6, 99.2), (99.6, 103.2, 99.5, 103)],
    ),
    "evening_star": (
        -1,
        [(100, 105.2, 99.8, 105), (106, 106.4, 105.6, 106.2), (105.5, 105.7, 101.8, 102)],
    ),
    "three_white_soldiers": (
        1,
        [(100, 103.02, 99.9, 103), (102, 105.02, 101.9, 105), (104, 107.02, 103.9, 107)],
    ),
    "identical_three_crows": (
        -1,
        [(110, 110.1, 106.98, 107), (107, 107.1, 103.98, 104), (104, 104.1, 100.98, 101)],
    ),
    "marubozu": (1, [(100, 104, 100, 104)]),
    "kicking": (1, [(104, 104, 100, 100), (105, 109, 105, 109)]),
}


def bars_of(rows):
    table = np.array(rows, dtype=float)
    opens = np.arange(len(table), dtype=np.int64) * DAY
    return ArrayBars(opens, *table.T, np.ones(len(table)))


def pattern(name, **options):
    return lambda x: getattr(x.candle(**options) if options else x.candle, name)


@pytest.mark.parametrize("case", DRAWN)
def test_a_pattern_drawn_by_hand_is_found_on_the_bar_that_completes_it(case):
    name = case.split()[0]
    sign, rows = DRAWN[case]
    bars = bars_of([*USUAL, *rows, *USUAL])
    found = calculated(pattern(name), bars, DAY)
    assert found[len(USUAL) + len(rows) - 1] == sign
    assert (found[len(USUAL) : len(USUAL) + len(rows) - 1] == 0).all()


@pytest.mark.parametrize("name", [name for name, one in CANDLES.items() if one.penetration])
def test_penetration_says_how_far_the_last_candle_must_reach(name):
    assert (
        CANDLES[name].penetration
        == abstract.Function(CANDLES[name].function).parameters["penetration"]
    )
    described(pattern(name, penetration=0.9), DAY)


def test_a_star_that_reaches_half_into_the_body_is_one_only_up_to_there():
    _, rows = DRAWN["morning_star"]
    bars = bars_of([*USUAL, *rows])
    # The first body goes from 105 to 100, the last close is 103: 60 % of it.
    assert calculated(pattern("morning_star", penetration=0.59), bars, DAY)[-1] == 1
    assert calculated(pattern("morning_star", penetration=0.61), bars, DAY)[-1] == 0


def test_the_table_holds_every_pattern_of_the_library_with_its_own_lookback():
    functions = talib.get_function_groups()["Pattern Recognition"]
    assert sorted(one.function for one in CANDLES.values()) == sorted(functions)
    for one in CANDLES.values():
        found = abstract.Function(one.function)
        assert one.lookback == found.lookback
        assert one.penetration == dict(found.parameters).get("penetration")


@pytest.fixture(scope="module")
def quarters():
    return btc_1m(60, 60).resampled(QUARTER)


def gapped(count=4000):
    """Candles that make rare patterns: on a grid, with gaps, with and without wicks."""
    dice = np.random.default_rng(12)
    body = dice.choice([0, 0, 0.1, 1, 3, 8], count) * dice.choice([-1, 1], count)
    gap = dice.choice([0, 0, 0, 0.5, -0.5, 2, -2], count)
    close = np.round(1e4 + np.cumsum(body + gap), 1)
    open_ = np.round(close - body, 1)
    high = np.maximum(open_, close) + dice.choice([0, 0, 0.1, 0.5, 2, 8], count)
    low = np.minimum(open_, close) - dice.choice([0, 0, 0.1, 0.5, 2, 8], count)
    opens = np.arange(count, dtype=np.int64) * QUARTER
    return ArrayBars(opens, open_, high, low, close, np.ones(count))


@pytest.mark.parametrize("name", CANDLES)
def test_the_sign_says_what_the_table_claims(name):
    found = calculated(pattern(name), gapped(), QUARTER)
    signs = set(found[np.isfinite(found)].astype(int))
    direction = CANDLES[name].direction
    if direction == BULLISH:
        assert signs <= {0, 1}
    elif direction == BEARISH:
        assert signs <= {0, -1}
    assert signs <= {-1, 0, 1}
    assert np.isnan(found[: CANDLES[name].lookback]).all()


@pytest.mark.parametrize("name", CANDLES)
def test_pieces_and_a_later_beginning_change_no_bit(name, quarters):
    bars = ArrayBars.of(quarters, slice(0, 2500))
    whole = calculated(pattern(name), bars, QUARTER)
    cuts = np.unique(np.random.default_rng(3).integers(1, len(whole), 12)).tolist()
    assert np.array_equal(calculated(pattern(name), bars, QUARTER, cuts), whole, equal_nan=True)
    need = described(pattern(name), QUARTER).node.need
    there = [int(row) for row in np.flatnonzero(whole) if need < row < len(whole)]
    for row in (*there[-12:], len(whole) - 1, len(whole) - 500):
        near = ArrayBars.of(bars, slice(row - need, row + 1))
        assert calculated(pattern(name), near, QUARTER)[-1] == whole[row]


def watching(describe):
    class Watching(Strategy):
        """Stores a pattern as conditions, whose changes are cut at."""

        timeframe = "15m"

        def columns(self, x):
            made = describe(x)
            return {"up": made > 0, "down": made < 0}

        def decide(self, b):
            return nothing("watching")

    return Watching()


@pytest.mark.parametrize("name", CANDLES)
def test_every_pattern_is_causal(name):
    bars = ArrayBars.of(gapped(), slice(0, 1100))
    assert assert_causal(watching(pattern(name)), bars, QUARTER, cuts=2) >= 1


def test_engulfing_is_one_body_over_the_other(quarters):
    """Nison: the second body takes in the first, of the other colour; one end may be equal."""

    def bullish(x):
        opened, closed = x.open.lag(1), x.close.lag(1)
        wider = ((x.close >= opened) & (x.open < closed)) | (
            (x.close > opened) & (x.open <= closed)
        )
        return (closed < opened) & (x.close >= x.open) & wider

    ours = calculated(lambda x: x.candle.bullish("engulfing"), quarters, QUARTER)
    theirs = calculated(bullish, quarters, QUARTER)
    assert np.array_equal(ours[5:], theirs[5:])
    assert ours[5:].sum() > 300


def test_a_doji_has_a_body_of_a_tenth_of_the_usual_range(quarters):
    ours = calculated(lambda x: x.candle.doji, quarters, QUARTER)
    body = np.abs(quarters.close - quarters.open)
    usual = calculated(lambda x: (x.high - x.low).sma(10).lag(1), quarters, QUARTER)
    clear = np.abs(body - 0.1 * usual) > 1e-9
    expected = (body <= 0.1 * usual)[clear]
    assert np.array_equal(ours[clear][20:] == 1, expected[20:])


def test_any_of_some_is_one_of_them(quarters):
    bars = ArrayBars.of(quarters, slice(0, 1500))
    both = calculated(
        lambda x: x.candle.any_bearish("engulfing", "dark_cloud_cover"), bars, QUARTER
    )
    one = calculated(lambda x: x.candle.bearish("engulfing"), bars, QUARTER)
    other = calculated(lambda x: x.candle.bearish("dark_cloud_cover"), bars, QUARTER)
    assert np.array_equal(both[20:], np.maximum(one, other)[20:])
    every = calculated(lambda x: x.candle.any_bearish(), bars, QUARTER)
    directed = [name for name, found in CANDLES.items() if found.direction in (BEARISH, EITHER)]
    signs = [calculated(pattern(name), bars, QUARTER)[20:] for name in directed]
    assert np.array_equal(every[20:] == 1, np.min(signs, axis=0) == -1)


REFUSALS = [
    (lambda x: x.candle.engulfin, "Did you mean engulfing?"),
    (lambda x: x.candle.bullish("morningstar"), "Did you mean morning_star?"),
    (lambda x: x.candle.bullish("evening_star"), "evening_star is a bearish pattern"),
    (lambda x: x.candle.bearish("doji"), "doji has no direction"),
    (lambda x: x.candle.bullish("spinning_top"), "only the colour of its candle"),
    (lambda x: x.candle.bullish(3), 'takes a name like "engulfing"'),
    (lambda x: x.candle(penetration=0.5).hammer, "hammer has no penetration"),
    (lambda x: x.candle(penetration=1.5).morning_star, "takes 0 to 1"),
    (lambda x: x.candle(penetration=True).morning_star, "takes 0 to 1"),
]


@pytest.mark.parametrize(("ask", "sentence"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_cannot_be_is_refused_with_a_sentence(ask, sentence):
    with pytest.raises(ColumnError, match=sentence):
        described(ask, DAY)


def test_every_pattern_stands_in_the_documentation():
    page = (REPO / "docs" / "candlesticks.md").read_text()
    assert [name for name in CANDLES if f"| `{name}` |" not in page] == []
