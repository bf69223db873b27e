"""Our trades beside the lists of other engines on the same bars; every difference has its rule.

- The bars of entry and exit are the same in all lists.
- backtesting.py, vectorbt and freqtrade fill at the next open, as we do. jesse and nautilus fill at
  the close on which the signal was concluded; nobody could have traded there.
- Quantities: vectorbt keeps the fee back, as we do. backtesting.py does too, trades whole
  millionths, and stakes 0.9999999 of the money. freqtrade keeps
  nothing back: its quantity is larger by the fee's 0.1 %.
- A trade that is open at the end stays open here and is marked at the close without a fee.
  vectorbt says the same, backtesting.py leaves it out, freqtrade and jesse sell it.

The lists have no stops; with stops the reference lists of `test_reference.py` were compared.
"""

import csv
import gzip
from datetime import datetime

import numpy as np
import pytest

from tests.signals.real_bars import data_file
from tests.trading.backtest.test_reference import SECONDS, UNIT, bars_for, simulated
from trading.backtest.results import Leave

CLOSE_TO = 1e-9
FEE = 0.001


def listed(name):
    with gzip.open(data_file(f"reference/engines/{name}.csv.gz"), "rt", newline="") as lines:
        return list(csv.DictReader(lines))


def ours(name):
    return list(simulated(name, "R1_allin_next_open").trades)


def seconds(text):
    """Epoch seconds of a time in UTC."""
    at = datetime.fromisoformat(text if "+" in text else f"{text}+00:00")
    return int(at.timestamp())


def closes_before(name, times):
    """The close on which what fills at an open was decided."""
    bars = bars_for(name)
    return bars.close[np.searchsorted(bars.open_time, times) - 1]


@pytest.mark.parametrize("name", SECONDS)
def test_backtesting_py_trades_the_same_bars_and_prices_in_whole_units(name):
    theirs = listed(f"backtestingpy_{name}_allin")
    bars, mine = bars_for(name), ours(name)
    closed = [trade for trade in mine if trade.leave is not Leave.OPEN]
    assert len(theirs) == len(closed)
    kept = 0.0
    for trade, row in zip(closed, theirs, strict=True):
        assert trade.opened_at == bars.open_time[int(row["EntryBar"])]
        assert trade.closed_at == bars.open_time[int(row["ExitBar"])]
        entry, left = float(row["EntryPrice"]), float(row["ExitPrice"])
        assert trade.entry_price / 10**8 == pytest.approx(entry, rel=CLOSE_TO)
        assert trade.exit_price / 10**8 == pytest.approx(left, rel=CLOSE_TO)
        # A ten-millionth of the money, and what is less than a millionth of a unit, stays in cash
        # and does not gain or lose with the rest.
        size = int(row["Size"]) / 10**6
        kept += 1e-7 + 1e-6 / size
        assert trade.quantity / 10**13 == pytest.approx(size, rel=kept)


@pytest.mark.parametrize("name", SECONDS)
def test_vectorbt_trades_the_same_quantities_to_the_ninth_digit(name):
    theirs, mine = listed(f"vbt_{name}_allin"), ours(name)
    assert len(theirs) == len(mine)
    for trade, row in zip(mine, theirs, strict=True):
        assert trade.opened_at == seconds(row["Entry Timestamp"])
        assert trade.quantity / 10**13 == pytest.approx(float(row["Size"]), rel=1e-8)
        entry, profit = float(row["Avg Entry Price"]), float(row["PnL"])
        assert trade.entry_price / 10**8 == pytest.approx(entry, rel=CLOSE_TO)
        assert trade.profit / UNIT == pytest.approx(profit, rel=1e-7, abs=1e-7)
        assert (trade.leave is Leave.OPEN) == (row["Status"] == "Open")
        if trade.closed_at is not None:
            assert trade.closed_at == seconds(row["Exit Timestamp"])


@pytest.mark.parametrize("name", ["btc1h", "btc5m"])
def test_freqtrade_trades_the_same_and_keeps_no_fee_back(name):
    theirs, mine = listed(f"ft_{name}"), ours(name)
    assert len(theirs) == len(mine)
    held, were = 10_000.0, 10_000.0
    for trade, row in zip(mine, theirs, strict=True):
        assert trade.opened_at == int(row["open_timestamp"]) // 1_000
        entry = float(row["open_rate"])
        assert trade.entry_price / 10**8 == pytest.approx(entry, rel=1e-8)
        quantity = trade.quantity / 10**13
        assert quantity == pytest.approx(held / (entry * (1 + FEE)), rel=1e-7)
        assert float(row["amount"]) == pytest.approx(were / entry, rel=1e-5, abs=1e-8)
        held, were = held + trade.profit / UNIT, were + float(row["profit_abs"])
        if trade.leave is Leave.OPEN:
            assert row["exit_reason"] == "force_exit"
            continue
        assert row["exit_reason"] == "exit_signal"
        assert trade.closed_at == int(row["close_timestamp"]) // 1_000
        ratio = trade.profit / UNIT / (quantity * entry * (1 + FEE))
        assert ratio == pytest.approx(float(row["profit_ratio"]), abs=2e-7)


@pytest.mark.parametrize("name", ["btc1h", "btc5m"])
def test_jesse_trades_the_same_bars_at_the_closes_before(name):
    theirs, mine = listed(f"jesse_{name}"), ours(name)
    assert len(theirs) == len(mine)
    opened = np.array([trade.opened_at for trade in mine])
    assert [int(float(row["opened_at"])) // 1_000 for row in theirs] == opened.tolist()
    entered = [float(row["entry_price"]) for row in theirs]
    assert entered == pytest.approx(closes_before(name, opened), rel=CLOSE_TO)
    closed = [trade.closed_at for trade in mine if trade.closed_at is not None]
    left = [int(float(row["closed_at"])) // 1_000 for row in theirs]
    assert left[: len(closed)] == closed
    prices = [float(row["exit_price"]) for row in theirs[: len(closed)]]
    assert prices == pytest.approx(closes_before(name, closed), rel=CLOSE_TO)


@pytest.mark.parametrize("name", ["btc1h", "btc5m"])
def test_nautilus_trades_the_same_bars_at_the_closes_before(name):
    theirs, mine = listed(f"naut_{name}_0"), ours(name)
    moments = [at for trade in mine for at in (trade.opened_at, trade.closed_at) if at is not None]
    assert [seconds(row["ts_last"]) for row in theirs] == moments
    prices = [float(row["avg_px"]) for row in theirs]
    assert prices == pytest.approx(closes_before(name, moments), abs=1e-5)
