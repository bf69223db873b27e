"""What cannot be simulated is refused before anything runs, with a sentence."""

from dataclasses import replace

import numpy as np
import pytest

from tests.trading.backtest.small import BARE, TERMS, bars_of, decided, listing_of
from trading.backtest.door import BarsError
from trading.backtest.engine import simulate
from trading.backtest.portfolio import Slot

FLAT = (10, 10, 10, 10)
GOOD = listing_of([FLAT] * 3)


def changed(**columns):
    """The good bars with some columns in place of theirs."""
    arrays = {name: np.array(values) for name, values in columns.items()}
    return replace(GOOD, bars=replace(GOOD.bars, **arrays))


@pytest.mark.parametrize(
    ("listing", "sentence"),
    [
        (changed(open_time=[0, 60, 60]), "bars must be in order of time, each once"),
        (changed(open_time=[60, 0, 120]), "bars must be in order of time, each once"),
        (changed(open=[10.0, np.nan, 10]), "a price is missing or not above 0"),
        (changed(high=[10.0, np.nan, 10]), "a price is missing or not above 0"),
        (changed(high=[10.0, np.inf, 10]), "a price is missing or not above 0"),
        (changed(low=[10.0, -1, 10]), "a price is missing or not above 0"),
        (changed(low=[10.0, 0.001, 10]), "a price is missing or not above 0"),
        (changed(volume=[1.0, np.nan, 1]), "a volume is missing or below 0"),
        (changed(volume=[1.0, -1, 1]), "a volume is missing or below 0"),
        (changed(high=[10.0, 9, 10]), "a bar's high lies below its low"),
        (changed(open=[10.0, 11, 10]), "a bar's open or close lies outside its low and high"),
        (changed(close=[10.0, 9, 10]), "a bar's open or close lies outside its low and high"),
        (replace(GOOD, timeframe=0), "bars of 0 s; they must last 1 s or more"),
    ],
)
def test_impossible_bars_are_refused_by_their_symbol(listing, sentence):
    with pytest.raises(BarsError, match=f"ABC/USD: {sentence}"):
        simulate([listing], [Slot(0, decided(3, enter=[0]), 60)], BARE)


def test_decisions_out_of_order_and_slots_of_nothing_are_refused():
    told = decided(3, enter=[0])
    for opens in ([0, 0, 60], [60, 0, 120]):
        with pytest.raises(BarsError, match="ABC/USD: decisions must be in order of time"):
            simulate([GOOD], [Slot(0, replace(told, bar_open=np.array(opens)), 60)], BARE)
    with pytest.raises(BarsError, match="decisions every 0 s"):
        simulate([GOOD], [Slot(0, told, 0)], BARE)
    with pytest.raises(BarsError, match="a slot names instrument 1; there are 1"):
        simulate([GOOD], [Slot(1, told, 60)], BARE)


def test_money_is_counted_to_one_scale():
    other = replace(GOOD, terms=replace(TERMS, quote_scale=8))
    with pytest.raises(BarsError, match="different scales"):
        simulate([GOOD, other], [Slot(0, decided(3), 60)], BARE)


def test_nothing_to_trade_on_is_no_fault():
    empty = replace(GOOD, bars=bars_of([FLAT], first=0).of(GOOD.bars, slice(0, 0)))
    found = simulate([empty], [Slot(0, decided(3, enter=[0]), 60)], BARE)
    assert (len(found.times), len(found.trades), found.denied) == (0, 0, {})
