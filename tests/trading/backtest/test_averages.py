"""Average prices of trades, held to exact fractions of every fill."""

from fractions import Fraction

import numpy as np
import pytest

from trading.backtest import layout
from trading.backtest.averages import set_averages

ENTRY, EXIT = layout.T_ENTRY, layout.T_EXIT


def fill(slot, side, quantity, price):
    return [0, slot, 0, side, quantity, price, 0, 0, 0]


def trade(slot, side, first, last, fills):
    row = [0] * layout.TRADE_SIZE
    own = [one for one in fills[first:last] if one[1] == slot]
    entries, exits = ([one for one in own if one[3] == way] for way in (side, -side))
    row[layout.T_SLOT], row[layout.T_SIDE] = slot, side
    row[layout.T_FIRST_FILL], row[layout.T_LAST_FILL] = first, last
    row[layout.T_ENTRY_FILLS], row[layout.T_EXIT_FILLS] = len(entries), len(exits)
    row[ENTRY] = entries[0][5]
    row[EXIT] = exits[-1][5] if exits else 0
    return row


def nearest(fills):
    quantity = sum(one[4] for one in fills)
    return (Fraction(sum(one[4] * one[5] for one in fills), quantity) + Fraction(1, 2)) // 1


@pytest.mark.parametrize("kind", [np.int64, object])
@pytest.mark.parametrize("most", [10, 10**17])
def test_averages_are_those_of_exact_fractions(kind, most):
    rng = np.random.default_rng(most)
    for _ in range(200):
        fills, trades, wanted, opened = [], [], [], {}
        for _ in range(60):
            slot = int(rng.integers(3))
            side, first = opened.setdefault(slot, (int(rng.choice([-1, 1])), len(fills)))
            own = [one for one in fills[first:] if one[1] == slot]
            is_exit = bool(own) and rng.random() < 0.4
            price = int(rng.integers(1, 2**49))
            fills.append(fill(slot, -side if is_exit else side, int(rng.integers(1, most)), price))
            if is_exit and rng.random() < 0.5:
                trades.append(trade(slot, side, first, len(fills), fills))
                own = [one for one in fills[first:] if one[1] == slot]
                ways = ([one for one in own if one[3] == way] for way in (side, -side))
                wanted.append([nearest(one) for one in ways])
                del opened[slot]
        table = np.array(trades, dtype=kind).reshape(-1, layout.TRADE_SIZE)
        set_averages(table, np.array(fills, dtype=kind))
        assert table[:, [ENTRY, EXIT]].tolist() == wanted


def test_an_open_trade_has_no_exit_price():
    fills = [fill(0, 1, 2, 100), fill(0, 1, 1, 103)]
    table = np.array([trade(0, 1, 0, 2, fills)])
    set_averages(table, np.array(fills))
    assert table[0, [ENTRY, EXIT]].tolist() == [101, 0]
