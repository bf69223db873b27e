"""When a rule fires and in which words; pure."""

import math

import pytest

from notifications import rules
from notifications.rules import PriceRule, price_step, quiet_band

ABOVE, BELOW = "above", "below"


@pytest.mark.parametrize(
    ("direction", "level", "prices", "fired_at"),
    [
        # from the other side, reaching and passing
        (ABOVE, 100.0, [99, 100], [1]),
        (ABOVE, 100.0, [99, 101], [1]),
        (ABOVE, 100.0, [99, 99.99, 100.01, 102], [2]),
        (BELOW, 100.0, [101, 100], [1]),
        (BELOW, 100.0, [101, 99], [1]),
        # a first price that stands on the far side already crosses nothing
        (ABOVE, 100.0, [100], []),
        (ABOVE, 100.0, [101, 102, 103], []),
        (BELOW, 100.0, [99, 98], []),
        (BELOW, 100.0, [100, 99], []),
        # touching without coming from the other side
        (ABOVE, 100.0, [101, 100, 101], []),
        (BELOW, 100.0, [99, 100, 99], []),
        # back and again
        (ABOVE, 100.0, [99, 101, 99, 101], [1, 3]),
        (BELOW, 100.0, [101, 99, 101, 99], [1, 3]),
        # a jump over the level in one step
        (ABOVE, 100.0, [1, 1_000_000], [1]),
        # what is no price is not looked at
        (ABOVE, 100.0, [99, math.nan, math.inf, 0, -5, 101], [5]),
    ],
)
def test_price_crossings(direction, level, prices, fired_at):
    rule = PriceRule(1, 1, 1, direction, level)
    fired = []
    for n, price in enumerate(prices):
        step = price_step(rule, price)
        if step is not None:
            rule = PriceRule(1, 1, 1, direction, level, is_armed=step.is_armed)
            if step.is_fired:
                fired.append(n)
    assert fired == fired_at


def test_a_rule_that_was_armed_before_a_restart_fires_on_the_first_price():
    step = price_step(PriceRule(1, 1, 1, ABOVE, 100.0, is_armed=True), 105.0)
    assert (step.is_fired, step.is_armed) == (True, False)


@pytest.mark.parametrize(
    ("levels", "price", "band"),
    [
        ([], 5.0, (-math.inf, math.inf)),
        ([1.0, 3.0, 9.0], 5.0, (3.0, 9.0)),
        ([5.0], 5.0, (5.0, 5.0)),
        ([7.0], 5.0, (-math.inf, 7.0)),
    ],
)
def test_the_quiet_band_holds_no_level(levels, price, band):
    assert quiet_band(levels, price) == band


@pytest.mark.parametrize(
    ("confidence", "least", "rule_instrument", "is_wanted"),
    [
        (0.70, 0.7, None, True),
        (0.699, 0.7, None, False),
        (0.9, 0.7, 5, True),
        (0.9, 0.7, 6, False),
        (0.1, None, None, True),
        (0.1, "0.9", None, True),
    ],
)
def test_signal_rules(confidence, least, rule_instrument, is_wanted):
    found = rules.is_signal_wanted(
        confidence=confidence,
        instrument_id=5,
        min_confidence=least,
        rule_instrument_id=rule_instrument,
    )
    assert found is is_wanted


@pytest.mark.parametrize(
    ("state", "is_down"),
    [("down", True), ("blocked", True), ("stale", True), ("live", False), ("connecting", False)],
)
def test_source_states(state, is_down):
    assert rules.is_down(state) is is_down


def test_a_flapping_source_has_one_key_in_a_quarter_of_an_hour():
    keys = {rules.source_key("binance:stream", 900_000 + seconds) for seconds in range(0, 900, 30)}
    assert len(keys) == 1
    assert rules.source_key("binance:stream", 900_900) not in keys
    assert rules.source_key("coinbase:stream", 900_000) not in keys


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\r\nBcc: x@y.z", "a  Bcc: x@y.z"),
        ("tab\there", "tab here"),
        ("nul\x00 bell\x07", "nul bell"),
        ("right\u202eleft zero\u200bwidth", "rightleft zerowidth"),
        ("lone\ud800", "lone"),
        ("{{7*7}} {% load %} ${x} {0}", "{{7*7}} {% load %} ${x} {0}"),
    ],
)
def test_texts_hold_only_visible_characters(given, shown):
    assert rules.plain(given) == shown


def test_a_text_is_cut_to_what_a_row_holds():
    text = rules.source_text(source="s" * 500, state="down", detail="d" * 5000)
    assert len(text.title) <= rules.TITLE_LIMIT
    assert len(text.body) <= rules.BODY_LIMIT


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [
        (61000.5, 2, "61000.5"),
        (12749.64310172, 2, "12749.64"),
        (8384.4223351, 1, "8384.4"),
        (0.00001234, 8, "0.00001234"),
        (1e-9, 9, "0.000000001"),
        (30.0, 0, "30"),
        (None, 2, "none"),
        (math.nan, 2, "none"),
    ],
)
def test_figures_are_plain_and_to_the_tick(value, places, shown):
    assert rules.figure(value, places) == shown


def test_a_fill_says_what_was_bought():
    text = rules.fill_text(
        symbol="BTC/USDT",
        side="buy",
        quantity="0.01",
        price="61000.5",
        fee="0.61 USDT",
        mode="paper",
        is_whole=False,
    )
    assert text.title == "Bought 0.01 BTC/USDT at 61000.5 (paper)"
    assert text.body == "Fee 0.61 USDT.\nThe order is partly filled."


def test_a_replay_is_called_one():
    origin = rules.origin_text(source="replay:binance", is_live=False, as_of="2024-08-08T00:00:00Z")
    assert origin == "REPLAY of binance, not live, as of 2024-08-08T00:00:00Z"
