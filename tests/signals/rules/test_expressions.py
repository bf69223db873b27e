"""Expressions: what is written means the column that a class would name, and nothing else."""

import random
import string

import numpy as np
import pytest

from signals.columns import ArrayBars, ArraySeries, ColumnError, Space, evaluate
from signals.columns.clock import Clock
from signals.columns.column import METHODS
from signals.columns.expressions import MAX_LENGTH, ExpressionError, parse
from signals.columns.graph import Graph
from signals.columns.space import NAMES
from signals.columns.vocabulary import vocabulary, words_like
from signals.strategies.base import Strategy

DAY = 86_400


def space(timeframe=300):
    return Space(Graph(), Clock(None, timeframe))


def read(text, **names):
    """Return what a text says on five-minute bars."""
    return parse(text).value(space(), names)


def refused(text, **names):
    with pytest.raises(ExpressionError) as caught:
        read(text, **names)
    return caught.value.position, caught.value.sentence


def answer(text, x):
    """Return the sentence of a refusal, or nothing."""
    try:
        parse(text).column(x, {"fast": 3})
    except ColumnError as fault:
        return str(fault) or "a refusal without a sentence"
    return ""


SAME = [
    ("close", lambda x: x.close),
    ("x.close > x.close.ema(50)", lambda x: x.close > x.close.ema(50)),
    ("close > close.ema(50)", lambda x: x.close > x.close.ema(50)),
    ("2 * atr(14) - -high / 3", lambda x: 2 * x.atr(14) - -x.high / 3),
    ("30 < close.rsi(14) <= 70", lambda x: (x.close.rsi(14) > 30) & (x.close.rsi(14) <= 70)),
    (
        "close > open and not (close < low or open == high)",
        lambda x: (x.close > x.open) & ~((x.close < x.low) | (x.open == x.high)),
    ),
    (
        "(close > open) & ~(close < low) | (open != high)",
        lambda x: (x.close > x.open) & ~(x.close < x.low) | (x.open != x.high),
    ),
    (
        'tf("4h", close.ema(20) > close.ema(50))',
        lambda x: x.tf("4h", lambda h: h.close.ema(20) > h.close.ema(50)),
    ),
    (
        'x.tf("4h", x.close.ema(20) > close.ema(50))',
        lambda x: x.tf("4h", lambda h: h.close.ema(20) > h.close.ema(50)),
    ),
    (
        'symbol("BTC/USDT", tf("1h", close) / close)',
        lambda x: x.symbol("BTC/USDT", lambda s: s.tf("1h", lambda h: h.close) / s.close),
    ),
    ("smc.bullish_ob", lambda x: x.smc.bullish_ob),
    ("smc(swing=10).trend == 1", lambda x: x.smc(swing=10).trend == 1),
    ('feed("fear_greed") < 25', lambda x: x.feed("fear_greed") < 25),
    ('feed("news", max_age="2d")', lambda x: x.feed("news", max_age="2d")),
    ('macro("DGS10")', lambda x: x.macro("DGS10")),
    ("book.imbalance", lambda x: x.book.imbalance),
    ('book(max_age="5m").spread', lambda x: x.book(max_age="5m").spread),
    ("candle.hammer", lambda x: x.candle.hammer),
    ("ta.RSIIndicator(window=14).rsi", lambda x: x.ta.RSIIndicator(window=14).rsi),
    ("close.macd().histogram > 0", lambda x: x.close.macd().histogram > 0),
    ("close.bollinger(20, k=2.5).upper", lambda x: x.close.bollinger(20, k=2.5).upper),
    ("close.crossed_above(open)", lambda x: x.close.crossed_above(x.open)),
    ("max(close, open)", lambda x: x.close.at_least(x.open)),
    ("min(3, close)", lambda x: x.close.at_most(3)),
    ("abs(close - open)", lambda x: abs(x.close - x.open)),
    ("  close\n\t> open ", lambda x: x.close > x.open),
    ("close.ema(2 * 3 + 4)", lambda x: x.close.ema(10)),
]


@pytest.mark.parametrize(("text", "column"), SAME, ids=[text for text, _ in SAME])
def test_a_text_means_the_column_that_a_class_names(text, column):
    x = space()
    # One graph holds each calculation once, so that equal means the very same node.
    assert parse(text).column(x, {}).node is column(x).node


def test_parameters_and_earlier_columns_are_said_by_name():
    x = space()
    names = {"fast": 12, "leader": "ETH/USDT", "line": x.close.ema(12)}
    assert parse("close.ema(fast)").column(x, names).node is names["line"].node
    assert parse("line > 0").condition(x, names).node is (names["line"] > 0).node
    other = parse("symbol(leader, close)").column(x, names)
    assert other.node is x.symbol("ETH/USDT", lambda s: s.close).node


def test_every_public_word_can_be_reached_and_no_other():
    x = space()
    for name in NAMES:
        assert "has no" not in answer(f"x.{name}", x), name
    for name in METHODS:
        with pytest.raises(ExpressionError, match=r"^character 7: .*write"):
            read(f"close.{name}")


def test_a_lone_number_is_a_price_and_a_text_is_none():
    x = space()
    assert parse("95000").column(x, {}).node is (x.close * 0 + 95000).node
    with pytest.raises(ExpressionError, match="a column is wanted"):
        parse('"up"').column(x, {})
    with pytest.raises(ExpressionError, match="a condition is wanted"):
        parse("close").condition(x, {})


REFUSALS = [
    ("close.emma(3)", 7, "a column has no emma. Did you mean ema?"),
    ("open > clsoe", 8, "there is no word clsoe. Did you mean close?"),
    ("close = 3", 7, "to compare, write == instead of ="),
    ("close > 3 && open > 3", 11, "write and, not &&"),
    ("close > 3 || open > 3", 11, "write or, not ||"),
    ("(close > 3", 1, "this parenthesis is never closed"),
    ("close[1]", 1, "brackets reach for rows; write close.lag(1) for the bar before"),
    ("open + close.shift(-1)", 14, "a column.shift can shift forward; use .lag(n), which only"),
    ("close.lag(-1)", 7, "lag cannot take -1: a negative lag reads bars that have not closed yet"),
    ("close.ema()", 7, "write ema(bars): missing a required argument: 'bars'"),
    ("close.ema", 7, "the word ema is not a value; write ema(bars)"),
    ("ema(close, 3)", 1, "ema is said of a column: close.ema(...)"),
    ("close.macd() > 0", 7, "a group of columns is not a value; take one of it: .line, .signal"),
    ("close > 3 & open > 2", 9, "& wants conditions; this is a fixed number; put each comparison"),
    ("close and open > 1", 1, "and wants conditions; this is a number that changes"),
    ("5 > 3", 1, "this compares two numbers; one side must be a column"),
    ("close / (3 - 3) + 1 / 0", 19, "this divides by zero"),
    ("9 ** 9 ** 9 ** 9", 1, "only + - * / calculate here"),
    ("1e400", 1, "the number is too large"),
    ("9" * 900, 1, "the number is too large"),
    ("999999999999999 * 999999999999999", 1, "the number is too large"),
    ("lambda x: close", 1, 'no lambda is needed: write tf("4h"'),
    ("close if close > 1 else open", 1, "there is no if; join conditions"),
    ("[close for close in x]", 1, "this is Python, not a word of the language"),
    ("close in open", 1, "compare with < <= > >= == !="),
    ("é > clóse + é", 1, "there is no word é."),
    ("ééé + clse", 1, "there is no word"),
    ('"é" + clse', 1, "a text cannot be calculated with"),
    ("open > tf('é', close) + clse", 8, "x.tf knows"),
    ("x.feed.im_func", 8, "the word feed is called first: write feed(name, max_age=None)"),
    ("ta.RSIIndicator._name", 17, "a group of words has no _name."),
    ("ta.RSIIndicator(window=14)._table", 28, "a group of words has no _table."),
    ("ta.RSIIndicator", 4, "a group of words is not a value"),
    ("close.node", 7, "a number that changes from bar to bar has no node."),
    ("x._graph", 3, "x, the series itself, has no _graph."),
    ("close.macd().line._graph", 19, "a number that changes from bar to bar has no _graph."),
    ("close.macd()._asdict()", 14, "a group of columns has no _asdict."),
    ("smc._graph", 5, "a group of words has no _graph."),
    ("smc.__class__", 5, "a group of words has no __class__."),
    ("().__class__", 1, "one value is wanted, not several with commas"),
    ("''.__class__", 4, "a text has no .__class__"),
    ("tf('4h', close, *close)", 17, "arguments are written one by one, without *"),
    ("tf('4h', **close)", 1, "arguments are written one by one, without **"),
    ("close.ema(bars=fast)", 16, "there is no word fast."),
    ("", 1, "nothing is written here"),
    ("close > \0", 9, "the character '\\x00' has no meaning here"),
    ("close #" + " " * MAX_LENGTH, MAX_LENGTH, "the expression has 1007 characters"),
]


@pytest.mark.parametrize(
    ("text", "position", "sentence"), REFUSALS, ids=[one[0][:40] for one in REFUSALS]
)
def test_a_refusal_says_what_and_where(text, position, sentence):
    found = refused(text)
    assert found[1].startswith(sentence)
    assert found[0] == position


def test_what_is_too_deep_or_too_large_is_refused():
    for text in ("(" * 900 + "close", "-" * 900 + "close", "not " * 200 + "close"):
        refused(text)
    wide = " + ".join(["low"] * 120)
    assert refused(wide)[1].startswith("the expression is too large")
    many = "max(" + ",".join("a" * 480) + ")"
    assert refused(many)[1].startswith("the expression is too large")


def _fuzz(noise, words):
    """Return texts of many kinds: bytes, broken words, deep nesting, huge numbers."""
    yield "".join(chr(noise.randrange(1, 0x2FF)) for _ in range(noise.randrange(200)))
    yield noise.randbytes(noise.randrange(120)).decode("latin-1")
    yield " ".join(noise.choice(words) for _ in range(noise.randrange(1, 40)))
    yield "".join(noise.choice(words) for _ in range(noise.randrange(1, 25)))
    yield noise.choice("([{-~+") * noise.randrange(1, 1200) + "close"
    yield noise.choice(string.digits) * noise.randrange(1, 5000)
    yield "close" + ".lag(1)" * noise.randrange(1, 140)
    text = list(noise.choice(SAME)[0])
    for _ in range(noise.randrange(1, 4)):
        text[noise.randrange(len(text))] = noise.choice(string.printable)
    yield "".join(text)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # Python's remarks on odd numbers
def test_nothing_but_a_column_error_comes_of_noise():
    noise = random.Random(20261121)  # noqa: S311  the same noise in every run
    dunders = [f"__{one}__" for one in ("class", "import", "globals", "subclasses", "builtins")]
    signs = [*"()[]{}.,:;+-*/%@&|~^=<>!?#'\"\\$` \n\t", "==", "**", "//", ":=", "->", "..."]
    words = [*NAMES, *METHODS, *dunders, *signs, "x", "lambda", "if", "else", "for", "in", "is"]
    words += ["and", "or", "not", "await", "yield", "None", "True", "1e999", "1_0", "0x1", "1j"]
    words += ["node", "_graph", "eval", "exec", "open", "getattr", "b'a'", "f'{x}'", '"4h"', "3"]
    x, read_well = space(), 0
    for _ in range(400):
        for text in _fuzz(noise, words):
            sentence = answer(text, x)
            read_well += not sentence
            assert sentence != "a refusal without a sentence"
    assert read_well > 20
    assert refused("close + " * 1250 + "1")[1].startswith("the expression has 10001 characters")


class Typed(Strategy):
    """The same columns, once as code and once as text."""

    timeframe = "5m"
    texts = ("close.ema(9) - open", 'tf("1h", close.rsi(5))', "close > close.lag(3) and volume > 2")

    def columns(self, x):
        names = {f"text{n}": parse(text).column(x, {}) for n, text in enumerate(self.texts)}
        code = (
            x.close.ema(9) - x.open,
            x.tf("1h", lambda h: h.close.rsi(5)),
            (x.close > x.close.lag(3)) & (x.volume > 2),
        )
        return {**names, **{f"code{n}": one for n, one in enumerate(code)}}


def test_the_engine_calculates_a_text_like_code():
    noise = np.random.default_rng(4)
    opens = np.arange(20 * DAY, 30 * DAY, 300, dtype=np.int64)
    close = 100 + noise.normal(0, 1, len(opens)).cumsum()
    open_ = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(open_, close) + 0.5, np.minimum(open_, close) - 0.5
    bars = ArrayBars(opens, open_, high, low, close, noise.uniform(1, 3, len(opens)))
    found = evaluate(
        Typed(),
        ArraySeries({("a", 300): bars}),
        instrument="a",
        from_open=29 * DAY,
        through_open=int(opens[-1]),
    )
    assert len(found) == 288
    for one in found:
        assert len(one.values) == 6
        for n in range(3):
            assert one.values[f"text{n}"] == one.values[f"code{n}"]


def test_the_list_of_words_has_every_word_with_help():
    words = vocabulary()
    usages = {one.usage for one in words}
    assert {one.name for one in words} >= {*NAMES, *METHODS} - {"ta"}
    assert {"smc.trend", "book.imbalance", "candle.hammer", "close.ema(bars)"} <= usages
    assert "ta.RSIIndicator(window=14).rsi" in usages
    assert [one.usage for one in words if not one.help] == []
    assert words_like("exponential moving average")[0].usage == "close.ema(bars)"
