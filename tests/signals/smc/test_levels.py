"""Last day and week, sessions and kill zones: against the package, and written out plainly."""

import numpy as np
import pytest

from signals.columns import ArrayBars, ColumnError, assert_causal
from signals.columns.smc_levels import (
    DAY,
    HOUR,
    LEVEL_FIELDS,
    LEVEL_FLAGS,
    PERIODS,
    SESSIONS,
    PreviousOp,
    SessionOp,
)
from signals.strategies import Strategy, nothing
from tests.signals.real_bars import btc_1m, eurusd_15m, numbers, read_csv


def inputs(bars, part=slice(None)):
    return [bars.open_time[part].astype(float), bars.high[part], bars.low[part]]


def test_the_last_day_is_the_packages_but_for_its_late_midnight():
    bars = eurusd_15m()
    rows = read_csv("fx_smc/previous_high_low_result_data_1D.csv.gz")
    ours = PreviousOp("day").push(inputs(bars))
    # The package compares strictly, so that it learns of a new day one bar late.
    is_midnight = bars.open_time % DAY == 0
    assert is_midnight.sum() == 254
    for number, name in enumerate(("PreviousHigh", "PreviousLow")):
        theirs = numbers(rows, name)
        same = (ours[:, number] == theirs) | (np.isnan(ours[:, number]) & np.isnan(theirs))
        assert same[~is_midnight].sum() == 24_170 == (~is_midnight).sum()


@pytest.mark.parametrize("name", PERIODS)
def test_a_period_written_out(name):
    length, offset = PERIODS[name]
    bars = ArrayBars.of(btc_1m(100, 20), slice(None, None, 7))
    ours = PreviousOp(name).push(inputs(bars))
    period = (bars.open_time - offset) // length
    present = sorted(set(period.tolist()))
    assert len(present) >= 3
    for now in range(0, len(period), 5):
        at = present.index(period[now])
        is_first_whole = bars.open_time[0] == present[0] * length + offset
        if at == 0 or (at == 1 and not is_first_whole):
            assert np.isnan(ours[now]).all()
            continue
        rows = period == present[at - 1]
        begin = int(np.flatnonzero(period == period[now])[0])
        high, low = bars.high[rows].max(), bars.low[rows].min()
        taken = bars.high[begin : now + 1].max() > high, bars.low[begin : now + 1].min() < low
        assert ours[now].tolist() == [high, low, *taken]


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_written_out(name):
    first, over = SESSIONS[name]
    bars = ArrayBars.of(btc_1m(100, 5), slice(None, None, 11))
    ours = SessionOp(name).push(inputs(bars))
    hours = bars.open_time % DAY // HOUR
    inside = (
        (hours >= first) & (hours < over) if first < over else (hours >= first) | (hours < over)
    )
    assert ours[:, 0].tolist() == inside.tolist()
    for now in range(0, len(hours), 5):
        begun = now
        while begun >= 0 and not inside[begun]:
            begun -= 1
        last = begun
        while begun > 0 and inside[begun - 1]:
            begun -= 1
        opened = bars.open_time[begun] // DAY * DAY + first * HOUR
        opened -= DAY if opened > bars.open_time[begun] else 0
        if last < 0 or opened < bars.open_time[0]:
            assert np.isnan(ours[now, 1:]).all()
        else:
            part = slice(begun, last + 1)
            assert ours[now, 1:].tolist() == [bars.high[part].max(), bars.low[part].min()]


@pytest.mark.parametrize("size", [1, 37, 1000])
def test_a_cut_anywhere_changes_nothing(size):
    bars = btc_1m(100, 10)
    makers = [lambda name=name: PreviousOp(name) for name in PERIODS]
    makers += [lambda name=name: SessionOp(name) for name in SESSIONS]
    part = 3000 if size == 1 else len(bars.close)
    for make in makers:
        whole, piecewise = make().push(inputs(bars, slice(0, part))), make()
        edges = range(0, part, size)
        pieces = [piecewise.push(inputs(bars, slice(a, min(a + size, part)))) for a in edges]
        assert np.concatenate(pieces).tobytes() == whole.tobytes()


def watching(name, step):
    class Watching(Strategy):
        """Stores one level, and whether it changed."""

        timeframe = step

        def columns(self, x):
            column = getattr(x.smc, name)
            return {"column": column, "known": column.known(), "same": column == column.lag(1)}

        def decide(self, b):
            return nothing("watching")

    return Watching()


@pytest.mark.parametrize("name", LEVEL_FIELDS)
def test_every_level_is_causal(name):
    step, days = ("1h", 60) if "week" in name else ("5m", 8)
    assert assert_causal(watching(name, step), btc_1m(100, days), 60, cuts=3) >= 1


def test_a_level_needs_bars_that_are_shorter():
    with pytest.raises(ColumnError, match=r"x\.smc\.london needs bars of at most 1 h"):
        assert_causal(watching("london", "4h"), btc_1m(100, 5), 60)
    with pytest.raises(ColumnError, match=r"previous_week_low needs bars of at most 12 h"):
        assert_causal(watching("previous_week_low", "1d"), btc_1m(100, 5), 60)
    assert set(SESSIONS) < LEVEL_FLAGS
