"""The reference trade lists, trade by trade: their rules and data are beside them."""

import csv
import gzip
import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from signals.columns import ArrayBars
from signals.columns.bulk import DecisionArrays
from tests.signals.real_bars import data_file, numbers, read_csv
from trading.backtest.assumptions import Assumptions
from trading.backtest.engine import simulate
from trading.backtest.layout import T_LEAVE
from trading.backtest.portfolio import Listing, Slot
from trading.backtest.results import Leave
from trading.execution.fees import PAPER
from trading.execution.terms import Terms
from trading.risk.values import Limits

TERMS = Terms(base_scale=13, quote_scale=12, price_scale=8)
UNIT = 10**12
ALL_IN = Limits(1_000_000, 2**61, 1, 2**61, 1_000_000, 999_999, 7_000_000)
RULES = Assumptions(
    cash=10_000 * UNIT,
    scale=12,
    limits=ALL_IN,
    half_spread_ppm=0,
    impact_ppm=0,
    volume_share_ppm=0,
    market_band_ppm=0,
    patience_s=0,
    stops="account",
)
TAGS = {
    "R1_allin_next_open": RULES,
    "R2_allin_sl2_tp4_of_entry": replace(
        RULES, limits=replace(ALL_IN, stop_ppm=20_000, take_milli=2_000)
    ),
}
LEAVES = {"0": {Leave.SIGNAL}, "1": {Leave.STOP}, "2": {Leave.TAKE}, "9": {Leave.OPEN}}
SECONDS = {"goog": 86_400, "btc1h": 3_600, "btc5m": 300}


@cache
def btc_1m():
    """BTC/USD of 2019 with the absent minutes filled from the close before."""
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(data_file("crypto/bitfinex_BTCUSD_1m_2019-01_2019-12.parquet"))
    column = {name: table[name].to_numpy() for name in table.column_names}
    times = 1_546_300_800 + 60 * np.arange(525_600)
    at = np.searchsorted(column["ts"] // 1_000, times, side="right") - 1
    is_there = column["ts"][np.maximum(at, 0)] // 1_000 == times
    close = column["close"][np.maximum(at, 0)]
    prices = [np.where(is_there, column[name][at], close) for name in ("open", "high", "low")]
    volume = np.where(is_there, column["volume"][at], 0.0)
    return ArrayBars(times, *prices, close, volume)


@cache
def bars_for(name):
    if name != "goog":
        return btc_1m().resampled(SECONDS[name])
    rows = read_csv("equity/GOOG_1d_2004_2013.csv.gz")
    first = next(iter(rows[0]))
    days = np.array([np.datetime64(row[first][:10]) for row in rows])
    opens = days.astype("datetime64[s]").astype(np.int64)
    columns = {key.lower(): numbers(rows, key) for key in rows[0] if key != first}
    return ArrayBars(opens, *(columns[key] for key in ("open", "high", "low", "close", "volume")))


def crossings(bars):
    """SMA 10 and 30 of the closes, crossed exactly, in integers."""
    units = np.rint(bars.close * 10**8).astype(np.int64)
    total = np.concatenate(([0], np.cumsum(units)))
    fast, slow = (np.full(len(units), 0) for _ in range(2))
    fast[29:] = (total[30:] - total[20:-10]) * 3
    slow[29:] = total[30:] - total[:-30]
    up, down = np.zeros(len(units), dtype=bool), np.zeros(len(units), dtype=bool)
    up[30:] = (fast[30:] > slow[30:]) & (fast[29:-1] <= slow[29:-1])
    down[30:] = (fast[30:] < slow[30:]) & (fast[29:-1] >= slow[29:-1])
    return up, down


@cache
def simulated(name, tag, *, is_compiled=False):
    bars = bars_for(name)
    up, down = crossings(bars)
    verdict = np.where(up, 1, np.where(down, 2, 0)).astype(np.int8)
    nothing = np.full(len(verdict), np.nan)
    decisions = DecisionArrays(bars.open_time, verdict, bars.close, nothing, nothing, nothing, {})
    listing = Listing(name, TERMS, PAPER, bars, SECONDS[name])
    slots = [Slot(0, decisions, SECONDS[name])]
    return simulate([listing], slots, TAGS[tag], is_compiled=is_compiled)


def reference(name, tag):
    with gzip.open(data_file(f"reference/{name}__{tag}.csv.gz"), "rt", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("name", SECONDS)
def test_every_trade_of_the_reference_list_comes_out(name, tag):
    expected = reference(name, tag)
    bars, found = bars_for(name), simulated(name, tag).trades
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        entered, left = int(theirs["entry_i"]), int(theirs["exit_i"])
        assert ours.opened_at == bars.open_time[entered]
        assert ours.entry_price / 10**8 == pytest.approx(float(theirs["entry_price"]), rel=1e-9)
        assert ours.quantity / 10**13 == pytest.approx(float(theirs["qty"]), rel=1e-8)
        assert ours.leave in LEAVES[theirs["reason"]]
        if left < 0:
            assert ours.closed_at is None
            continue
        is_inside = ours.leave is not Leave.SIGNAL
        # What happens inside a bar bears the bar's last second.
        assert ours.closed_at == bars.open_time[left] + (SECONDS[name] - 1 if is_inside else 0)
        assert ours.exit_price / 10**8 == pytest.approx(float(theirs["exit_price"]), rel=1e-9)
        assert ours.profit / UNIT == pytest.approx(float(theirs["pnl"]), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("name", SECONDS)
def test_final_equity_is_the_reference_to_the_ninth_digit(name, tag):
    summary = json.loads(data_file("reference/summary.json").read_text())
    found = simulated(name, tag)
    assert found.equity[-1] / UNIT == pytest.approx(summary[name][tag]["final_equity"], rel=1e-9)
    reasons = summary[name][tag]["reasons"]
    counted = np.bincount(found.trades.column(T_LEAVE), minlength=7).tolist()
    assert counted == [
        reasons.get("0", 0),
        reasons.get("1", 0),
        0,
        reasons.get("2", 0),
        0,
        0,
        reasons.get("9", 0),
    ]


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("name", ["goog", "btc1h"])
def test_the_equity_curve_is_the_reference(name, tag):
    curve = numbers(reference(name, f"{tag}__equity"), "equity")
    found = simulated(name, tag).equity / UNIT
    assert len(found) == len(curve)
    assert np.allclose(found, curve, rtol=2e-9, atol=0)
