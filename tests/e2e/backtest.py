"""The same strategies over the same bars, offline: what a backtest would have decided.

What the venue never had before its first bar is known to be absent, as in the run.
"""

import json

import numpy as np

from markets.types import TIMEFRAME_NAMES
from signals.columns import ArrayBars, ArraySeries, evaluate
from signals.columns.series import Coverage
from signals.strategies.registry import build

MINUTE = 60
OF_BARS_ALONE = {"SmcConfluence", "TrendPullback", "MeanReversion", "VolumeBreakout"}
"""The others look at feeds and other symbols, which the books of a run do not hold whole."""


def stored_series(books):
    rows = books.rows("select * from markets_candle order by open_time")
    column = {
        name: np.array([row[name] for row in rows])
        for name in ("open_time", "open", "high", "low", "close", "volume")
    }
    first, last = int(column["open_time"][0]), int(column["open_time"][-1])
    before = books.one(
        "select coalesce(min(start), ?) from markets_gap where state = 'absent' and \"end\" = ?",
        first,
        first,
    )
    key = ("here", MINUTE)
    return ArraySeries({key: ArrayBars(**column)}, {key: Coverage(before, last)})


def check_decisions(books):
    """Every decision of the run, live or catching up, equals the backtest's to the last bit.

    Only at the very beginning, while the history is on its way, a bar may be decided `warming_up`.
    A bar that was refused for the quality of its data, as after a kill, is a fact of the run.
    """
    series = stored_series(books)
    compared = refused = 0
    for strategy in books.rows("select * from signals_strategy where is_active"):
        if strategy["class_name"] not in OF_BARS_ALONE:
            continue
        written = books.rows(
            "select * from signals_decision where strategy_id = ? order by bar_open",
            strategy["id"],
        )
        if not written:
            continue
        timeframe = TIMEFRAME_NAMES[strategy["timeframe"]]
        again = evaluate(
            build(strategy["class_name"], json.loads(strategy["params"]), timeframe=timeframe),
            series,
            instrument="here",
            from_open=written[0]["bar_open"],
            through_open=written[-1]["bar_open"],
        )
        expected = {
            one.bar_open: (str(one.verdict), one.reason, one.confidence, one.values)
            for one in again
        }
        is_warming = True
        for row in written:
            is_warming = is_warming and row["verdict"] == "warming_up"
            if is_warming:
                continue
            if row["verdict"] == "refused":
                refused += 1
                continue
            found = (row["verdict"], row["reason"], row["confidence"], json.loads(row["values"]))
            wanted = expected[row["bar_open"]]
            assert found == wanted, f"{row['bar_open']}: {found} is not {wanted}"
            compared += 1
    assert refused <= compared // 20
    return compared
