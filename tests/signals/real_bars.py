"""Recorded market data for the tests of signals; they are skipped where it is absent."""

import csv
import gzip
import json
import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from signals.columns import ArrayBars

REPO = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MYSTIC_TEST_DATA") or REPO.parent / "shared" / "data")


def data_file(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"needs the recorded data file {name}")
    return path


def read_csv(name):
    with gzip.open(data_file(name), "rt", newline="") as lines:
        return list(csv.DictReader(lines))


def numbers(rows, column):
    return np.array([float(row[column]) if row[column] else np.nan for row in rows])


@cache
def _btc_table():
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(data_file("crypto/bitfinex_BTCUSD_1m_2019-01_2019-12.parquet"))
    return {name: table[name].to_numpy() for name in table.column_names}


@cache
def btc_1m(first_day, days):
    """Bitfinex BTC/USD 1m bars from a day of 2019 on; minutes without trades have no row."""
    table = _btc_table()
    opens = table["ts"] // 1000
    begin = opens[0] // 86400 * 86400 + first_day * 86400
    rows = slice(*np.searchsorted(opens, [begin, begin + days * 86400]))
    prices = [table[name][rows] for name in ("open", "high", "low", "close", "volume")]
    return ArrayBars(opens[rows].astype(np.int64), *(one.astype(np.float64) for one in prices))


@cache
def eurusd_15m():
    rows = read_csv("fx_smc/EURUSD_15M.csv.gz")
    opens = [
        int(datetime.strptime(row["Date"], "%Y.%m.%d %H:%M:%S").replace(tzinfo=UTC).timestamp())
        for row in rows
    ]
    prices = (numbers(rows, name) for name in ("Open", "High", "Low", "Close", "Tickvol"))
    return ArrayBars(np.array(opens), *prices)


@cache
def daily_quotes():
    """The 502 daily quotes for which Stock.Indicators publishes expected values."""
    rows = read_csv("indicators/stockindicators_default.csv.gz")
    opens = [
        int(datetime.strptime(row["date"], "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
        for row in rows
    ]
    prices = (numbers(rows, name) for name in ("open", "high", "low", "close", "volume"))
    return ArrayBars(np.array(opens), *prices)


def expected(name, field):
    with gzip.open(data_file(f"indicators/expected/{name}.standard.json.gz"), "rt") as text:
        rows = json.load(text)
    return np.array([np.nan if row[field] is None else row[field] for row in rows], dtype=float)
