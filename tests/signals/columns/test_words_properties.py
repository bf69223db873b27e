"""Every word on a column: causal, the same bits however it is cut, independent of its beginning."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as drawn

from signals.columns import ArrayBars, assert_causal
from signals.strategies import Strategy, nothing
from tests.signals.columns.columns_of import calculated, described
from tests.signals.columns.words_table import TOPICS, WORDS
from tests.signals.real_bars import btc_1m

MINUTE = 60


@pytest.mark.parametrize("topic", TOPICS)
def test_every_word_is_causal(topic):
    class Watching(Strategy):
        """Stores the words of a topic; whether each rose makes the changes to cut at."""

        timeframe = "1m"

        def columns(self, x):
            columns = {name: word(x) for name, word in TOPICS[topic].items()}
            rose = {f"{name} rose": one > one.lag(1) for name, one in columns.items()}
            return columns | rose

        def decide(self, b):
            return nothing("watching")

    bars = ArrayBars.of(btc_1m(100, 3), slice(0, 1700))
    assert assert_causal(Watching(), bars, MINUTE, cuts=12) == 12


@pytest.mark.parametrize("name", WORDS)
def test_pieces_of_any_size_give_the_same_bits(name):
    bars = btc_1m(40, 1)
    whole = calculated(WORDS[name], bars, MINUTE)
    assert np.isfinite(whole).sum() > 300
    random = np.random.default_rng(7)
    for pieces in (3, 40):
        cuts = np.unique(random.integers(1, len(whole), pieces)).tolist()
        assert np.array_equal(calculated(WORDS[name], bars, MINUTE, cuts), whole, equal_nan=True)
    some = ArrayBars.of(bars, slice(0, 120))
    singles = calculated(WORDS[name], some, MINUTE, range(1, 120))
    assert np.array_equal(singles, whole[:120], equal_nan=True)


@pytest.mark.parametrize("name", WORDS)
def test_the_beginning_does_not_matter_after_the_derived_history(name):
    bars = btc_1m(40, 3)
    history = described(WORDS[name], MINUTE).node.need
    whole = calculated(WORDS[name], bars, MINUTE)
    for last in (3000, 3111, 3333):
        assert history < last
        later = ArrayBars.of(bars, slice(last - history, last + 1))
        value = calculated(WORDS[name], later, MINUTE)[-1]
        if np.isnan(whole[last]):
            assert np.isnan(value)
        else:
            assert value == pytest.approx(whole[last], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", WORDS)
def test_the_first_value_comes_within_the_derived_history(name):
    bars = btc_1m(40, 1)
    column = described(WORDS[name], MINUTE)
    values = calculated(WORDS[name], bars, MINUTE)
    known = np.isfinite(values)
    assert np.argmax(known) <= column.node.need


price = drawn.one_of(
    drawn.sampled_from([1.0, 2.0, 2.0, 3.0, float("nan")]),
    drawn.floats(0.01, 1e6, allow_nan=False),
)


@settings(max_examples=40, deadline=None)
@given(
    values=drawn.lists(price, min_size=1, max_size=60),
    cuts=drawn.sets(drawn.integers(1, 59)),
    name=drawn.sampled_from(sorted(WORDS)),
)
def test_any_values_cut_anywhere_give_the_same_bits(values, cuts, name):
    made = np.array(values)
    bars = ArrayBars(np.arange(len(made)) * MINUTE, made, made + 1, made - 1, made, made * 2)
    inside = sorted(cut for cut in cuts if cut < len(made))
    with np.errstate(all="ignore"):
        whole = calculated(WORDS[name], bars, MINUTE)
        pieces = calculated(WORDS[name], bars, MINUTE, inside)
    assert np.array_equal(whole, pieces, equal_nan=True)
