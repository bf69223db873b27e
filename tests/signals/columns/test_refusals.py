"""Every way of looking ahead is refused, with a sentence that says why."""

from typing import Any

import numpy as np
import pytest

from signals.columns import ColumnError, Entry, Exit, Space, compile_strategy
from signals.columns.clock import Clock
from signals.columns.graph import Graph
from signals.strategies import Strategy


@pytest.fixture
def x():
    return Space(Graph(), Clock(None, 300))


LEAKS = {
    "a negative lag": (lambda x: x.close.lag(-1), "negative lag reads bars that have not closed"),
    "a lag of minus a million": (lambda x: x.close.lag(-(10**6)), "have not closed yet"),
    "shift": (lambda x: x.close.shift(-1), "shift can shift forward; use .lag"),
    "diff": (lambda x: x.close.diff(-1), "can shift forward"),
    "pct_change": (lambda x: x.close.pct_change(), "can shift forward"),
    "the next row": (lambda x: x.close[1], "cannot be indexed ([1]): it has no rows, later bars"),
    "the last row": (lambda x: x.close[-1], "cannot be indexed"),
    "a slice": (lambda x: x.close[1:], "cannot be indexed"),
    "iloc": (lambda x: x.close.iloc[-1], "reaches for rows"),
    "tail": (lambda x: x.close.tail(1), "reaches for rows"),
    "iterating": (lambda x: list(x.close), "cannot be iterated"),
    "unpacking": (lambda x: [*x.close], "cannot be iterated"),
    "membership": (lambda x: 5 in x.close, "no rows to search"),
    "the length": (lambda x: len(x.close), "no length"),
    "if": (lambda x: 1 if x.close > 3 else 0, "combine conditions with & | ~"),
    "and": (lambda x: (x.close > 3) and (x.open > 3), "instead of and, or, not, if"),
    "a chained comparison": (lambda x: 1 < x.close < 3, "instead of and, or, not, if"),
    "the mean of everything": (lambda x: x.close - x.close.mean(), "looks at the whole sample"),
    "the greatest of everything": (lambda x: x.close.max(), "looks at the whole sample"),
    "standardising": (lambda x: x.close.zscore(), "looks at the whole sample"),
    "a quantile": (lambda x: x.close.quantile(0.9), "looks at the whole sample"),
    "python's max": (lambda x: max(x.close), "cannot be iterated"),
    "python's sum": (lambda x: sum(x.close), "cannot be iterated"),
    "a centred mean": (lambda x: x.close.sma(20, center=True), "centred window ends after the bar"),
    "a centred maximum": (lambda x: x.high.rolling_max(5, center=True), "would look ahead"),
    "a centred average": (lambda x: x.close.ema(5, center=True), "would look ahead"),
    "a pandas window": (lambda x: x.close.rolling(5), "would hand out the whole series"),
    "back-filling": (lambda x: x.close.bfill(), "fills a gap from other bars, later ones"),
    "forward-filling": (lambda x: x.close.fillna(0), "stays missing"),
    "the array": (lambda x: x.close.values, "would hand out the whole series"),
    "numpy": (lambda x: np.asarray(x.close), "numpy on a column would hand out"),
    "a numpy function": (lambda x: np.log(x.close), ""),
    "one number": (lambda x: float(x.close), "differs from bar to bar"),
    "x as rows": (lambda x: x[0], "x cannot be indexed"),
    "iterating x": (list, "x cannot be iterated"),
    "the length of x": (len, "x has no length"),
    "the frame": (lambda x: x.frame, "x has no frame. It has"),
    "a typing mistake": (lambda x: x.clsoe, "Did you mean close?"),
    "a method that is not there": (
        lambda x: x.close.rolling_maximum(3),
        "Did you mean rolling_max?",
    ),
    "an smc word that is not there": (lambda x: x.smc.bulish_ob, "Did you mean bullish_ob?"),
    "a finer timeframe": (lambda x: x.tf("1m", lambda h: h.close), "goes up, from 5m"),
    "a timeframe that is not there": (lambda x: x.tf("7m", lambda h: h.close), "x.tf knows 1s, 1m"),
    "an unaligned timeframe": (
        lambda x: x.close > _escaped(x, "1h"),
        "their bars close at different times",
    ),
    "an unaligned inner column": (lambda x: x.tf("1h", lambda h: x.close), "its own argument"),
    "no column from x.tf": (lambda x: x.tf("1h", lambda h: 3), "must return a column"),
    "a nameless symbol": (lambda x: x.symbol("", lambda b: b.close), 'a name like "BTC/USDT"'),
    "another strategy's column": (
        lambda x: x.close + Space(Graph(), Clock(None, 300)).close,
        "different strategies",
    ),
    "a window of nothing": (lambda x: x.close.sma(0), "at least 1"),
    "a fractional window": (lambda x: x.close.sma(2.5), "whole number of bars"),
    "a window of True": (lambda x: x.close.lag(bars=True), "whole number of bars"),
    "an endless window": (lambda x: x.close.sma(10**6), "at most 2000"),
    "a column as window": (lambda x: x.close.sma(x.close), "whole number of bars"),
    "an option": (lambda x: x.close.sma(5, min_periods=1), "no option min_periods"),
    "adding words": (lambda x: x.close + "a", "a column or a finite number"),
    "adding nothing": (lambda x: x.close + float("nan"), "a column or a finite number"),
    "and of numbers": (lambda x: x.close & x.open, "Put each comparison in parentheses"),
    "precedence": (lambda x: (x.close > 1) & x.open > 1, "Put each comparison in parentheses"),
    "precedence, other side": (lambda x: 1 & (x.open > 1), "Put each comparison in parentheses"),
    "turning a number round": (lambda x: ~x.close, "turns a condition round"),
    "a swing of nothing": (lambda x: x.smc(swing=0).trend, "at least 1"),
}


def _escaped(x, timeframe):
    kept = []
    x.tf(timeframe, lambda h: kept.append(h.close) or h.close)
    return kept[0]


@pytest.mark.parametrize("name", LEAKS)
def test_it_is_refused_with_a_sentence(name, x):
    attempt, sentence = LEAKS[name]
    with pytest.raises((ColumnError, TypeError)) as refused:
        attempt(x)
    if name != "a numpy function":  # numpy itself refuses, because a column opts out of ufuncs
        assert refused.type is not TypeError
    assert sentence in str(refused.value)


TRUTH: Any = True
NUMBER: Any = 0.3


def compiled(**methods):
    return compile_strategy(type("Sample", (Strategy,), methods)())


def always(x):
    return {"always": x.close > 0}


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (lambda self, x: (Entry(when=x.close > 1, stop=x.low),), "conditions by name"),
        (lambda self, x: (Entry(when={}, stop=x.low),), "conditions by name"),
        (lambda self, x: (Entry(when={"up": x.close}, stop=x.low),), "must be a condition"),
        (lambda self, x: (Entry(when={"up": TRUTH}, stop=x.low),), "must be a column"),
        (lambda self, x: (Entry(when=always(x), stop=NUMBER),), "stop must be a column"),
        (lambda self, x: (Exit(when=always(x)), 3), "returns Entry and Exit"),
        (
            lambda self, x: (Entry(when=always(x), stop=_escaped(x, "1h")),),
            "stop lives on 1h; return it from x.tf",
        ),
        (
            lambda self, x: (Entry(when=always(x), stop=x.low, confidence={"a": NUMBER}),),
            "must be a column",
        ),
    ],
    ids=[
        "unnamed",
        "no condition",
        "a number",
        "a truth",
        "a constant stop",
        "no rule",
        "an unaligned stop",
        "a constant part",
    ],
)
def test_rules_are_checked_before_anything_is_evaluated(rules, sentence):
    with pytest.raises(ColumnError, match=sentence.replace("(", r"\(")):
        compiled(rules=rules)


def test_columns_must_be_columns():
    with pytest.raises(ColumnError, match="columns level must be a column, not 5"):
        compiled(columns=lambda self, x: {"level": 5})


def test_hasattr_still_answers(x):
    assert not hasattr(x, "frame")
    assert not hasattr(x.close, "shift")
    assert not hasattr(x.smc, "future")
