"""Definitions: what is kept of written rules, what is refused, and when two are the same."""

import copy
import json

import pytest

from signals.columns import ColumnError, Entry, Exit, Space, compile_strategy
from signals.columns.clock import Clock
from signals.columns.graph import Graph
from signals.strategies.definition_reading import DefinitionError, definition_read
from signals.strategies.written import RESERVED, WrittenStrategy, written

RULES = {
    "name": "Dips",
    "about": "Buy dips above the average.",
    "timeframe": "5m",
    "params": {
        "fast": {"default": 12, "low": 2, "high": 50, "step": 1, "label": "Fast", "unit": "bars"},
        "leader": {"default": "ETH/USDT"},
    },
    "columns": {"line": "close.ema(fast)", "range": "atr(14)"},
    "entries": [
        {
            "when": {
                "the trend is up": "close > line",
                "the leader is up": "symbol(leader, close > close.ema(24))",
            },
            "stop": "close - 2 * range",
            "take": "close + 6 * range",
            "confidence": {"trend": "(line > line.lag(3)) * 0.6", "always": 0.3},
            "threshold": 0.5,
            "why": "a dip",
        }
    ],
    "exits": [{"when": {"the trend is over": "close < line"}, "why": "over"}],
}


def rules(**changes):
    return {**copy.deepcopy(RULES), **changes}


def faults(data, **options):
    with pytest.raises(DefinitionError) as caught:
        definition_read(data, **options)
    return dict(caught.value.faults)


def test_both_forms_hold_the_same_and_keep_their_order():
    first = definition_read(RULES, reserved=RESERVED)
    stored = first.stored()
    assert stored["entries"][0]["when"][0] == ["the trend is up", "close > line"]
    assert stored["columns"] == [["line", "close.ema(fast)"], ["range", "atr(14)"]]
    # A database that sorts the members of mappings changes nothing.
    again = definition_read(json.loads(json.dumps(stored, sort_keys=True)))
    assert again == first
    assert definition_read(first.exported()) == first
    assert list(first.exported()["entries"][0]["when"]) == ["the trend is up", "the leader is up"]
    assert first.exported()["params"]["leader"] == {"default": "ETH/USDT"}
    assert first.exported()["entries"][0]["confidence"]["always"] == "0.3"


def test_what_is_left_out_has_its_default():
    short = {
        "name": "a",
        "timeframe": "1m",
        "entries": [{"when": {"b": "close>open"}, "stop": "1"}],
    }
    found = definition_read(short, reserved=RESERVED)
    entry = found.entries[0]
    assert (entry.take, entry.confidence, entry.threshold, entry.why) == (None, 1.0, 0.0, "")
    assert (found.params, found.columns, found.exits, found.about) == ((), (), (), "")


WRONG = [
    ([], "", "an object is wanted"),
    ({**RULES, "code": "1"}, "/code", "this is not known; there are name, about"),
    (rules(name=" "), "/name", "a name is wanted"),
    (rules(name="a" * 81), "/name", "the text has 81 characters; at most 80 fit"),
    (rules(name="a\u202eb"), "/name", "the text holds a character that cannot be seen"),
    (rules(name=7), "/name", "a text is wanted"),
    (rules(timeframe="7m"), "/timeframe", "a timeframe is wanted, one of 1s, 1m, 5m"),
    (rules(timeframe=300), "/timeframe", "a timeframe is wanted"),
    (rules(entries=[]), "/entries", "at least one entry is wanted, with a stop"),
    (rules(entries=None), "/entries", "at least one entry is wanted, with a stop"),
    (rules(entries={"when": 1}), "/entries", "a list is wanted"),
    (rules(entries=[1]), "/entries/0", "an object is wanted"),
    (rules(entries=[{"when": {"a": "close>1"}}]), "/entries/0/stop", "an expression is wanted"),
    (rules(entries=[{"when": {}, "stop": "1"}]), "/entries/0/when", "at least one condition"),
    (rules(entries=[{"when": {"": "close"}, "stop": "1"}]), "/entries/0/when", "each needs a name"),
    (rules(entries=list(RULES["entries"]) * 6), "/entries", "there are 6; at most 5 are allowed"),
    (rules(exits=[{"when": {}}]), "/exits/0/when", "at least one condition is wanted"),
    (rules(columns={"Line": "close"}), "/columns/Line", "a name has small letters"),
    (rules(columns={"if": "close"}), "/columns/if", "a name has small letters"),
    (rules(columns={"close": "open"}), "/columns/close", "close is a word of the language"),
    (rules(columns={"x": "open"}), "/columns/x", "x is a word of the language"),
    (rules(columns={"fast": "open"}), "/columns/fast", "fast is a parameter already"),
    (rules(columns={"a": 1.5, "b": None}), "/columns/b", "an expression is wanted"),
    (rules(columns={f"c{n}": "1" for n in range(41)}), "/columns", "there are 41; at most 40"),
    (rules(columns=[["a", "1"], ["a", "2"]]), "/columns/a", "this name is given twice"),
    (rules(columns="close"), "/columns", "an object is wanted"),
    (rules(params={"a": {"default": True}}), "/params/a/default", "a number is wanted"),
    (rules(params={"a": {"default": 1e300}}), "/params/a/default", "the number is too large"),
    (rules(params={"a": {}}), "/params/a/default", "a number is wanted"),
    (rules(params={"a": {"default": 1, "max": 3}}), "/params/a/max", "this is not known"),
    (rules(params={"a/b": 1}), "/params/a~1b", "a name has small letters"),
]


@pytest.mark.parametrize(("data", "place", "sentence"), WRONG)
def test_a_fault_is_said_with_its_place(data, place, sentence):
    found = faults(data, reserved=RESERVED)
    assert found[place].startswith(sentence)


def test_every_fault_is_found_at_once():
    entry = {"when": {"a": "close > 1"}, "stop": "1", "threshold": 2, "confidence": -1}
    found = faults(rules(name="", columns={"open": "1"}, entries=[entry]), reserved=RESERVED)
    assert set(found) == {
        "/name",
        "/columns/open",
        "/entries/0/threshold",
        "/entries/0/confidence",
    }


def test_a_word_that_came_later_does_not_break_stored_rules():
    found = definition_read(rules(columns={"close": "open"}))
    assert found.columns == (("close", "open"),)


def test_a_parameter_is_held_to_its_bounds():
    definition = definition_read(RULES)
    assert WrittenStrategy(definition, {"fast": 20}).params == {"fast": 20, "leader": "ETH/USDT"}
    for wrong, place in (({"fast": 51}, "/params/fast"), ({"slow": 1}, "/params/slow")):
        with pytest.raises(DefinitionError) as caught:
            WrittenStrategy(definition, wrong)
        assert dict(caught.value.faults).keys() == {place}


def test_expressions_that_cannot_be_are_said_with_their_places():
    data = rules(columns={"line": "close.emma(fast)", "later": "soon"})
    data["entries"][0]["stop"] = "close -"
    data["exits"][0]["when"] = {"a/b": "close"}
    found = dict(written(data).faults())
    assert found["/columns/line"] == "character 7: a column has no emma. Did you mean ema?"
    assert found["/columns/later"].startswith("character 1: there is no word soon.")
    assert found["/entries/0/stop"].startswith("character 7: this cannot be read")
    assert found["/exits/0/when/a~1b"].endswith(
        "a condition is wanted, such as close > close.ema(50)"
    )
    assert any(place.startswith("/entries/0/stop") for place in found)
    with pytest.raises(ColumnError, match=r"^/columns/line: character 7: a column has no emma"):
        compile_strategy(written(data))


def test_the_version_is_what_the_rules_mean():
    first = written(RULES).version
    assert len(first) == 16
    assert written(rules(name="Other", about="")).version == first
    assert written(RULES, {"fast": 12}).version == first
    others = [
        written(RULES, {"fast": 13}).version,
        written(rules(timeframe="15m")).version,
        written(rules(columns={"range": "atr(14)", "line": "close.ema(fast)"})).version,
        written(rules(exits=[])).version,
    ]
    assert len({first, *others}) == 5


def test_two_written_strategies_are_kept_apart():
    def key(condition):
        entry = {"when": {"up": condition}, "stop": "low"}
        data = rules(params={}, columns={}, exits=[], entries=[entry])
        return compile_strategy(written(data)).key

    assert key("close > open") != key("close < open")
    assert key("close > open") == key("close > open")


def test_rules_become_entries_and_exits():
    compiled = compile_strategy(written(RULES))
    entry, leave = compiled.entries[0], compiled.exits[0]
    assert [name for name, _ in entry.when] == ["the trend is up", "the leader is up"]
    assert [name for name, _ in entry.parts] == ["confidence.trend", "confidence.always"]
    assert (entry.threshold, entry.why, leave.why) == (0.5, "a dip", "over")
    assert [name for name, _ in compiled.named] == ["line", "range"]
    x = Space(Graph(), Clock(None, 300))
    assert [type(one) for one in written(RULES).rules(x)] == [Entry, Exit]


HEAVY = [
    (
        {"a": "close" + ".sma(2000)" * 15, "b": "a" + ".sma(2000)" * 15},
        "it needs 74,966 5m bars before the first decision; at most 60,000 are allowed",
    ),
    (
        {"a": " + ".join(f'symbol("{one}/USDT", close)' for one in "ABCDEFG")},
        "it looks at 9 series (symbols and timeframes); at most 8 are allowed",
    ),
]


@pytest.mark.parametrize(("columns", "sentence"), HEAVY)
def test_what_would_take_too_much_memory_is_refused(columns, sentence):
    found = dict(written(rules(columns={**columns, "line": "open", "range": "1"})).faults())
    assert found[""].startswith(sentence)


def test_many_long_windows_are_too_many_together():
    columns = {f"c{n}": f"close.rsi({1900 + n})" for n in range(40)}
    columns |= {"line": "close", "range": "1"}
    del columns["c0"], columns["c1"]
    found = dict(written(rules(columns=columns)).faults())
    assert "values at once" in found[""] or "bars before the first decision" in found[""]
