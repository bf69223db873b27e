"""Strategies and series that the tests of the engine share."""

import numpy as np

from signals.columns import ArrayBars, ArraySeries, Coverage
from signals.strategies import Entry, Exit, Strategy, enter_long, exit_long, nothing
from tests.signals.real_bars import btc_1m

MINUTE = 60


class EveryColumn(Strategy):
    """Every word of the language at once, in `decide`."""

    timeframe = "5m"

    def columns(self, x):
        macd, bands = x.close.macd(3, 8, 4), x.close.bollinger(20, 2.5)
        fast = x.close.ema(5)
        return {
            "lag": x.close.lag(3),
            "sma": x.high.sma(7),
            "stdev": x.low.stdev(9),
            "ema": fast,
            "rsi": x.close.rsi(7),
            "atr": x.atr(5),
            "macd": macd.line,
            "signal": macd.signal,
            "histogram": macd.histogram,
            "upper": bands.upper,
            "lower": bands.lower,
            "max": x.high.rolling_max(11),
            "min": x.low.rolling_min(11),
            "arithmetic": (2 * x.close - x.open / 3 + 1 - (-x.low) * 0.5) / (x.high - x.low),
            "reversed": 1 / x.close + abs(5 - x.close.lag(1)),
            "held": (x.close - x.open).clip(-1, 1).otherwise(0),
            "above": x.close.crossed_above(fast),
            "below": x.close.crossed_below(fast),
            "logic": ((x.close > x.open) & (x.volume >= 1)) | ~(x.low <= x.low.lag(1)),
            "same": (x.close == x.close.lag(1)) | (x.open != x.close.lag(1)),
            "hour": x.tf("1h", lambda h: h.close.ema(4) - h.open.lag(1)),
            "hour_up": x.tf("1h", lambda h: h.close > h.close.sma(3)),
            "hour_smooth": x.tf("1h", lambda h: h.close).ema(3),
            "other": x.symbol("ETH/USD", lambda b: b.close.rsi(5)),
            "other_hour": x.symbol("ETH/USD", lambda b: b.tf("15m", lambda q: q.high.sma(2))),
            **{
                name: getattr(x.smc(swing=3), name)
                for name in ("trend", "swing_high", "bullish_ob", "bullish_ob_top", "bearish_fvg")
            },
            "hour_trend": x.tf("15m", lambda q: q.smc(swing=2).trend),
        }

    def decide(self, b):
        if b.above and b.hour_up:
            return enter_long(stop=b.close - 2 * b.atr, why=f"rsi {b.rsi:.6f}")
        if b.below and b.logic:
            return exit_long(why="below")
        return nothing("no cross")


class Crossing(Strategy):
    """A small one made of rules."""

    timeframe = "1m"

    def columns(self, x):
        return {"fast": x.close.sma(3), "slow": x.close.sma(8)}

    def rules(self, x):
        fast, slow = x.close.sma(3), x.close.sma(8)
        return (
            Entry(
                when={
                    "fast above slow": fast > slow,
                    "a new high": x.high >= x.high.rolling_max(5),
                },
                stop=x.low.rolling_min(5) - 0.1,
                confidence={"trend": (fast > slow) * 0.5, "volume": (x.volume > 5) * 0.25},
                threshold=0.6,
                why="crossing",
            ),
            Exit(when={"crossed down": fast.crossed_below(slow)}, why="over"),
        )


def market(first_day=200, days=5):
    """BTC under 1 and under the name ETH/USD (its own bars, a day later); holes are absences."""
    btc = btc_1m(first_day, days)
    later = btc_1m(first_day + days, days)
    shift = btc.open_time[0] // 86400 * 86400 - later.open_time[0] // 86400 * 86400
    other = ArrayBars(
        later.open_time + shift, later.open, later.high, later.low, later.close, later.volume
    )
    begin = int(btc.open_time[0]) // 86400 * 86400
    span = Coverage(begin, begin + days * 86400 - MINUTE)
    series = {(1, MINUTE): btc, ("ETH/USD", MINUTE): other}
    return ArraySeries(series, dict.fromkeys(series, span)), begin


class Until:
    """A provider that knows only what had closed at a moment."""

    def __init__(self, whole, moment=0):
        self.whole, self.moment = whole, moment
        self.asked = 0

    def coverage(self, instrument, timeframe):
        span = self.whole.coverage(instrument, timeframe)
        last = min(span.last_open, self.moment // timeframe * timeframe - timeframe)
        return Coverage(span.first_open, last) if last >= span.first_open else None

    def bars(self, instrument, timeframe, start_open, end_open):
        assert end_open + timeframe <= self.moment
        self.asked += 1
        return self.whole.bars(instrument, timeframe, start_open, end_open)


def walk(count, *, seed=1, start=0, step=MINUTE):
    """A plain random walk, for tests of form rather than of numbers."""
    random = np.random.default_rng(seed)
    close = 100 + np.cumsum(random.normal(0, 0.5, count))
    open_ = np.concatenate(([100.0], close[:-1]))
    wick = random.random(count)
    return ArrayBars(
        start + np.arange(count, dtype=np.int64) * step,
        open_,
        np.maximum(open_, close) + wick,
        np.minimum(open_, close) - wick,
        close,
        random.random(count) * 10,
    )
