"""BTC and ETH of 2019 with feeds beside them, for every strategy that comes with Mystic.

Bars are recorded (Bitfinex, minutes without trades are absent). The VIX is FRED's of 2018, a year
later. Nobody recorded the rest for those days: order books, news, mood and unusual options are test
tapes, made of the bars up to the moment at which each point becomes known.
"""

import csv
import gzip
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest

from signals.columns import ArrayBars, ArraySeries, Coverage, Points
from signals.columns.feeds import BOOK_FIELDS
from signals.strategies.registry import CLASSES
from tests.signals.real_bars import btc_1m, data_file

MINUTE, HOUR, DAY = 60, 3600, 86_400
BTC, ETH = "BTC/USDT", "ETH/USDT"
APRIL = 90  # the day of 2019 with which the recorded ETH begins


@cache
def _eth_table():
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(data_file("crypto/bitfinex_ETHUSD_1m_2019-04_2019-09.parquet"))
    return {name: table[name].to_numpy() for name in table.column_names}


def eth_1m(begin, days):
    table = _eth_table()
    opens = table["ts"] // 1000
    rows = slice(*np.searchsorted(opens, [begin, begin + days * DAY]))
    prices = [table[name][rows] for name in ("open", "high", "low", "close", "volume")]
    return ArrayBars(opens[rows].astype(np.int64), *(one.astype(np.float64) for one in prices))


@cache
def world(first_day=APRIL, days=182):
    """Return a provider of both symbols with all feeds, and where it begins."""
    btc = btc_1m(first_day, days)
    begin = int(btc.open_time[0]) // DAY * DAY
    series = {(BTC, MINUTE): btc, (ETH, MINUTE): eth_1m(begin, days)}
    span = Coverage(begin, begin + days * DAY - MINUTE)
    feeds = {("fear_greed", None): mood(begin, days), **macro(begin, days)}
    for (symbol, _), bars in series.items():
        feeds |= {(f"book.{name}", symbol): tape for name, tape in books(bars).items()}
        feeds[("news", symbol)] = tone(bars)
        feeds[("unusual_options", symbol)] = options(bars)
    feeds[("market_news", None)] = tone(btc)
    return ArraySeries(series, dict.fromkeys(series, span), feeds), begin


def books(bars):
    """Each minute's book, known at its end: where the bar closed within itself, and what moved."""
    closes = bars.open_time + MINUTE
    number = bars.open_time // MINUTE
    height = np.where(bars.high > bars.low, bars.high - bars.low, np.nan)
    place = np.nan_to_num((bars.close - bars.low) / height, nan=0.5)
    imbalance = 0.9 * (2 * place - 1)
    range_ = np.nan_to_num(height / bars.close, nan=1e-4)
    values = {
        "spread": 1e-5 * (5 + number % 31),
        "imbalance": imbalance,
        "micro_offset": imbalance * 1e-5,
        "order_flow_imbalance": np.sign(bars.close - bars.open) * bars.volume,
        "bid_depth": 5 + bars.volume,
        "ask_depth": 5 + bars.volume * (1 - place),
        "void_above": 2e-4 + range_ * (number % 5 + 1) / 4,
        "void_below": 2e-4 + range_ * (number % 7 + 1) / 4,
        "buy_volume": bars.volume * place,
        "sell_volume": bars.volume * (1 - place),
    }
    assert set(values) == set(BOOK_FIELDS)
    found = {}
    for name, value in values.items():
        # Now and then a minute has no void, or nobody counted its flow.
        is_whole = name in {"spread", "imbalance", "micro_offset", "bid_depth", "ask_depth"}
        there = (number % 11 != 0) | is_whole
        found[name] = Points(closes[there], value[there].astype(np.float64))
    return found


def tone(bars):
    """An hour's tone follows its change, known a minute and some seconds after its end."""
    hours = bars.resampled(HOUR)
    change = hours.close / hours.open - 1
    there = hours.open_time // HOUR % 3 > 0
    return Points((hours.open_time + HOUR + 77)[there], np.clip(change * 60, -0.95, 0.95)[there])


def options(bars):
    """Net premium of the day so far, every half hour, known seconds after its chain."""
    halves = bars.resampled(1800)
    first = np.concatenate(([True], np.diff(halves.open_time // DAY) > 0))
    day_open = halves.open[np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))]
    return Points(halves.open_time + 1815, (halves.close / day_open - 1) * 5e7)


def mood(begin, days):
    """From fear to greed and back within a fortnight, known some seconds after midnight."""
    number = np.arange(-2, days)
    return Points(begin + number * DAY + 23, 50 + 40 * np.sin(number / 14 * 2 * np.pi))


def macro(begin, days):
    """The recorded VIX of a year before, each day's value known the next noon; the curve beside."""
    with gzip.open(data_file("macro/vix.csv.gz"), "rt", newline="") as lines:
        rows = [(row["Date"], row["vix"]) for row in csv.DictReader(lines)]
        rows = [(day, value) for day, value in rows if value not in {"", "."}]
    at = [
        int(datetime.strptime(day, "%m/%d/%Y").replace(tzinfo=UTC).timestamp()) + 365 * DAY
        for day, _ in rows
    ]
    known = np.array(at, dtype=np.int64) + DAY + DAY // 2
    values = np.array([float(value) for _, value in rows])
    kept = (known > begin - 30 * DAY) & (known < begin + days * DAY)
    number = known[kept] // DAY
    return {
        ("macro:VIXCLS", None): Points(known[kept], values[kept]),
        ("macro:T10Y2Y", None): Points(known[kept] + 3, 0.2 - 0.3 * np.sin(number / 20)),
    }


SAMPLES = {
    "CandleReversal": (BTC, {}),
    "FearGreedContrarian": (BTC, {}),
    "FeeAware": (BTC, {}),
    "MacroRegime": (BTC, {}),
    "MeanReversion": (BTC, {}),
    "MomentumRotation": (ETH, {"universe": f"{BTC},{ETH}", "top": 1}),
    "NewsSentiment": (BTC, {}),
    "PairsArbitrage": (ETH, {"partner": BTC}),
    "SmcConfluence": (BTC, {}),
    "TrendPullback": (BTC, {}),
    "UnusualOptions": (BTC, {}),
    "VoidContinuation": (BTC, {}),
    "VoidFade": (BTC, {}),
    "VolumeBreakout": (BTC, {}),
}
"""On what each strategy that comes with Mystic is tried, with which parameters."""


def sample(name):
    """Return the instrument and an instance of a strategy by its class name."""
    symbol, params = SAMPLES[name]
    return symbol, CLASSES[name](**params)


class Arriving:
    """What a process knows at a moment: bars and points come as they close, others' a little late.

    Asking for anything later fails, so an evaluation that looks ahead fails too.
    """

    def __init__(self, whole, own, moment, *, late_s=0):
        self.whole, self.own, self.moment, self.late_s = whole, own, moment, late_s

    def _until(self, instrument):
        return self.moment - (0 if instrument == self.own else self.late_s)

    def coverage(self, instrument, timeframe):
        span = self.whole.coverage(instrument, timeframe)
        if span is None:
            return None
        last = self._until(instrument) // timeframe * timeframe - timeframe
        last = min(span.last_open, last)
        return Coverage(span.first_open, last) if last >= span.first_open else None

    def bars(self, instrument, timeframe, start_open, end_open):
        assert end_open + timeframe <= self._until(instrument)
        return self.whole.bars(instrument, timeframe, start_open, end_open)

    def points(self, feed, instrument, after, through):
        assert through <= self.moment
        settled = self.moment - self.late_s
        found = self.whole.points(feed, instrument, after, min(through, settled))
        return Points(found.available_at, found.value, settled)
