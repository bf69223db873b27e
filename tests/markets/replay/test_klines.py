"""Bars from trades: against a venue's own candles, and the rules for quiet and partial minutes."""

import itertools
from decimal import Decimal

import pytest

from markets.replay.klines import TradeBars
from tests.markets.replay.conftest import DATA

TRADES = DATA / "crypto" / "freqtrade_XRPETH_trades_2019-10.parquet"
CANDLES = DATA / "crypto" / "freqtrade_XRPETH_1m_2019-10.parquet"
MINUTE = 60_000


@pytest.mark.skipif(not TRADES.exists(), reason="the trades are not here")
def test_the_bars_of_real_trades_equal_the_venues_own_candles():
    import pandas as pd

    trades = pd.read_parquet(TRADES)
    candles = pd.read_parquet(CANDLES).set_index("ts")
    bars = TradeBars(MINUTE, int(candles.index[0]))
    closed = []
    for row in trades.itertuples():
        price, amount = Decimal(repr(row.price)), Decimal(repr(row.amount))
        is_sell = row.side == "sell"
        closed += bars.add(row.timestamp, price, amount, int(row.id), is_sell=is_sell)
    closed += bars.advance(int(candles.index[-1]) + MINUTE)
    traded = [bar for bar in closed if bar.trades]
    assert [bar.open_ms for bar in traded] == list(candles.index)
    for bar in traded:
        own = candles.loc[bar.open_ms]
        assert float(bar.open) == own.open
        assert float(bar.high) == own.high
        assert float(bar.low) == own.low
        assert float(bar.close) == own.close
        assert float(bar.volume) == pytest.approx(own.volume, rel=1e-12)
    assert sum(bar.trades for bar in traded) == len(trades)
    every = [bar.open_ms for bar in closed]
    assert every == list(range(every[0], every[-1] + 1, MINUTE))
    for earlier, later in itertools.pairwise(closed):
        if not later.trades:
            flat = (later.open, later.high, later.low, later.close)
            assert flat == (earlier.close,) * 4
            assert later.volume == 0


def add(bars, at_ms, price, quantity="1", trade_id=1, *, is_sell=False):
    return bars.add(at_ms, Decimal(price), Decimal(quantity), trade_id, is_sell=is_sell)


def test_amounts_are_exact_and_split_by_taker():
    bars = TradeBars(MINUTE, 0)
    add(bars, 0, "0.1", "0.1", 5)
    add(bars, 1, "0.2", "0.2", 6, is_sell=True)
    add(bars, MINUTE - 1, "0.3", "0.3", 7)
    (bar,) = add(bars, MINUTE, "9")
    assert bar.row(MINUTE) == [
        0,
        "0.1",
        "0.3",
        "0.1",
        "0.3",
        "0.6",
        59_999,
        "0.14000000",
        3,
        "0.4",
        "0.10000000",
        "0",
    ]
    assert (bar.first_id, bar.last_id) == (5, 7)


def test_a_minute_that_began_before_the_recording_is_never_closed():
    bars = TradeBars(MINUTE, 30_000)
    assert add(bars, 31_000, "5") == []
    assert add(bars, 61_000, "6") == []
    (whole,) = add(bars, 125_000, "7")
    assert (whole.open_ms, whole.open) == (60_000, 6)


def test_a_quiet_minute_is_flat_at_the_last_close_and_opens_with_its_first_trade():
    bars = TradeBars(MINUTE, 0)
    add(bars, 0, "5")
    closed = bars.advance(3 * MINUTE)
    assert [(b.open_ms, float(b.open), float(b.close), b.trades) for b in closed] == [
        (0, 5.0, 5.0, 1),
        (MINUTE, 5.0, 5.0, 0),
        (2 * MINUTE, 5.0, 5.0, 0),
    ]
    (bar,) = add(bars, 3 * MINUTE + 5, "6") + bars.advance(4 * MINUTE)
    assert (bar.open_ms, bar.open, bar.low, bar.trades) == (3 * MINUTE, 6, 6, 1)


def test_without_any_trade_there_is_no_bar():
    assert TradeBars(MINUTE, 0).advance(10 * MINUTE) == []


def test_a_trade_of_a_closed_minute_changes_nothing():
    bars = TradeBars(MINUTE, 0)
    add(bars, 0, "5")
    add(bars, MINUTE, "6")
    assert add(bars, MINUTE - 1, "100") == []
    (bar,) = bars.advance(2 * MINUTE)
    assert (bar.high, bar.trades) == (6, 1)
