"""Why, and why not: the conditions of one bar, taken apart."""

import numpy as np
import pytest

from signals.columns import ArrayBars, ArraySeries, Verdict, evaluate
from signals.columns.explain import explain
from signals.columns.wording import spelled
from signals.strategies import Entry, Exit, Strategy, enter_long, nothing
from signals.strategies.registry import CLASSES
from tests.signals.columns.samples import market

HOUR = 3600


BEFORE = 600
"""Level bars in front, so that the first of a test has its history."""


def ramp(closes):
    closes = np.concatenate((np.full(BEFORE, float(closes[0])), np.asarray(closes, dtype=float)))
    opens = np.arange(len(closes), dtype=np.int64) * 60
    return ArrayBars(opens, closes, closes + 1, closes - 1, closes, np.ones(len(closes)))


def of(strategy, bars, place):
    provider = ArraySeries({("it", 60): bars})
    return explain(strategy, provider, instrument="it", bar_open=(BEFORE + place) * 60)


class Rules(Strategy):
    timeframe = "1m"

    def columns(self, x):
        return {"average": x.close.sma(3)}

    def rules(self, x):
        return (
            Entry(
                when={
                    "it rises": x.close > x.close.lag(1),
                    "it is high": (x.close > 100) & (x.close - 2 > x.close.sma(3)),
                    "volume came": x.volume > 5,
                },
                stop=x.close - 1,
                confidence={"rise": (x.close - x.close.lag(1)) * 0.1},
                threshold=0.5,
                why="a rise",
            ),
            Exit(when={"it fell": x.close < x.close.lag(1)}, why="a fall"),
        )


def test_every_condition_has_its_truth_and_the_first_that_fails_is_named():
    found = of(Rules(), ramp([98, 99, 100, 101, 102, 103]), 5)
    assert found.decision.reason == "it is high: no"
    leave, enter = found.rules
    assert (leave.kind, leave.why, leave.holds) == ("exit", "a fall", False)
    assert (enter.kind, enter.why, enter.holds, enter.threshold) == ("entry", "a rise", False, 0.5)
    assert [(one.name, one.term.value, one.is_decisive) for one in enter.conditions] == [
        ("it rises", True, False),
        ("it is high", False, True),
        ("volume came", False, False),
    ]
    (part,) = enter.parts
    assert (part.name, part.term.value) == ("confidence.rise", pytest.approx(0.1))
    (column,) = found.columns
    assert (column.name, column.term.text, column.term.value) == ("average", "close.sma(3)", 102.0)


def test_a_condition_is_taken_apart_down_to_prices():
    found = of(Rules(), ramp([98, 99, 100, 101, 102, 103]), 5)
    high = found.rules[1].conditions[1].term
    assert high.text == "(close > 100) & ((close - 2) > close.sma(3))"
    left, right = high.terms
    assert (left.text, left.value) == ("close > 100", True)
    assert [(one.text, one.value) for one in left.terms] == [("close", 103.0)]
    assert right.value is False
    assert [(one.text, one.value) for one in right.terms] == [
        ("close - 2", 101.0),
        ("close.sma(3)", 102.0),
    ]


def test_what_is_not_known_says_so():
    class Missing(Rules):
        def rules(self, x):
            ratio = (x.close / (x.close - x.close)) > 1
            return (Entry(when={"ratio": ratio}, stop=x.close - 1),)

    found = of(Missing(), ramp([98, 99, 100, 101]), 3)
    assert found.rules[0].conditions[0].term.value is None
    assert found.decision.reason == "ratio: not known"


def test_another_timeframe_names_the_bar_it_was_read_from():
    class Hourly(Rules):
        def rules(self, x):
            up = x.tf("1h", lambda h: h.close > h.open)
            return (Entry(when={"the hour rises": up}, stop=x.close - 1),)

    bars = ramp(np.linspace(100, 200, 200))
    found = of(Hourly(), bars, 150)
    term = found.rules[0].conditions[0].term
    assert (term.text, term.value, term.bar_open) == ("1h: close > open", True, 11 * HOUR)
    (inner,) = term.terms
    assert [(one.text, one.value) for one in inner.terms] == [
        ("close", bars.close[719]),
        ("open", bars.open[660]),
    ]


def test_the_free_form_shows_its_columns_and_its_word():
    class Free(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"rise": x.close.crossed_above(100)}

        def decide(self, b):
            return enter_long(stop=b.close - 1, why="rose") if b.rise else nothing("no rise")

    bars = ramp([99, 99, 101, 102])
    assert of(Free(), bars, 2).decision.verdict is Verdict.ENTER_LONG
    found = of(Free(), bars, 3)
    assert (found.decision.reason, found.rules) == ("no rise", ())
    assert found.columns[0].term.text == "(close > 100) & (close.lag(1) <= 100)"


def test_a_bar_that_is_not_there_has_no_explanation():
    assert of(Rules(), ramp([98, 99, 100]), 30) is None


def test_without_history_only_the_word_is_given():
    found = of(Rules(), ramp([98, 99, 100]), 1 - BEFORE)
    assert found.decision.verdict is Verdict.WARMING_UP
    assert found.rules == ()


@pytest.mark.parametrize("cls", CLASSES.values())
def test_it_says_what_the_decision_said(cls):
    provider, last = market()
    found = evaluate(cls(), provider, instrument="it", from_open=0, through_open=last)
    for one in [one for one in found if one.verdict is not Verdict.WARMING_UP][-300::60]:
        told = explain(cls(), provider, instrument="it", bar_open=one.bar_open)
        assert told.decision == one
        for rule in told.rules:
            failing = [clause.name for clause in rule.conditions if clause.is_decisive]
            assert rule.holds is (not failing)
        named = {clause.name: clause.term.value for clause in told.columns}
        assert {name: value for name, value in named.items() if value is not None} == {
            name: value for name, value in one.values.items() if name in named
        }


def test_every_word_can_be_spelled():
    from signals.columns.compiled import compile_strategy

    for cls in CLASSES.values():
        compiled = compile_strategy(cls())
        for node in compiled.plan.nodes:
            assert spelled(node)
