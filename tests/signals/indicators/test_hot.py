"""Compiled or not, switched in the middle or not: the same bits; and when compiling begins."""

import subprocess
import sys

import numpy as np
import pytest

from signals.columns import ArrayBars
from signals.indicators import hot
from signals.indicators.ema import smooth
from signals.indicators.hot import Hot, Streamed
from tests.signals.columns.columns_of import calculated
from tests.signals.columns.words_table import WORDS
from tests.signals.real_bars import btc_1m

MINUTE = 60
NEVER = 10**12
ALL = WORDS | {
    "rsi": lambda x: x.close.rsi(5),
    "atr": lambda x: x.atr(5),
    "adx": lambda x: x.adx(5),
    "plus_di": lambda x: x.plus_di(5),
}


@pytest.fixture
def holed():
    """Real bars, some without a move and some without a value."""
    bars = ArrayBars.of(btc_1m(60, 1), slice(0, 500))
    prices = {}
    for name in ("open", "high", "low", "close", "volume"):
        values = getattr(bars, name).copy()
        values[200:215] = values[200]
        values[[40, 41, 300]] = np.nan
        prices[name] = values
    return ArrayBars(bars.open_time, **prices)


def everything(bars, cuts=()):
    with np.errstate(all="ignore"):
        return {name: calculated(word, bars, MINUTE, cuts) for name, word in ALL.items()}


def test_compiled_and_plain_give_the_same_bits(holed, monkeypatch):
    monkeypatch.setattr(Hot, "chosen", lambda self, count: None)
    plain = everything(holed)
    monkeypatch.undo()

    made = {}

    def at_once(self, count):
        if id(self) not in made:
            made[id(self)] = self.compile()
        return made[id(self)]

    monkeypatch.setattr(Hot, "chosen", at_once)
    compiled = everything(holed)
    for name, values in plain.items():
        assert np.array_equal(values, compiled[name], equal_nan=True), name
    assert len(made) == 15

    # From plain to compiled in the middle of a series, as it happens in a running process.
    def by_size(self, count):
        return self.compile() if count > 100 else None

    monkeypatch.setattr(Hot, "chosen", by_size)
    switched = everything(holed, cuts=(90, 350, 420))
    for name, values in plain.items():
        assert np.array_equal(values, switched[name], equal_nan=True), name


def test_a_long_series_is_compiled_only_when_that_pays(monkeypatch):
    values = np.arange(1000.0)
    one = Hot(smooth)
    state = Streamed(one, [np.nan, 0.0, 0.0], 5, 0.3)
    monkeypatch.setattr(Hot, "asked", 0)
    monkeypatch.setattr(hot, "WORTH_COMPILING", 2500)
    monkeypatch.setattr(hot, "WORTH_LOADING", NEVER)
    monkeypatch.setattr(hot.sys, "modules", {**sys.modules, "numba": None})
    monkeypatch.delitem(hot.sys.modules, "numba")
    for _ in range(4):
        state.push(values)
    assert not one.is_compiled
    monkeypatch.undo()
    monkeypatch.setattr(hot, "WORTH_COMPILING", 2500)
    monkeypatch.setattr(hot, "WORTH_LOADING", 0)
    state.push(values)
    assert one.is_compiled


def test_read_only_and_strided_inputs_are_taken():
    one = Hot(smooth)
    one.compile()
    values = np.arange(20.0)
    frozen = values.copy()
    frozen.flags.writeable = False
    table = np.column_stack((values, values))
    wanted = Streamed(one, [np.nan, 0.0, 0.0], 5, 0.3).push(values)
    for form in (frozen, table[:, 1]):
        found = Streamed(one, [np.nan, 0.0, 0.0], 5, 0.3).push(form)
        assert np.array_equal(found, wanted, equal_nan=True)


def test_a_few_bars_do_not_load_the_compiler():
    code = (
        "import sys, numpy; from signals.indicators.ema import ema;"
        "ema(numpy.arange(100_000.0), 20); assert 'numba' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
