"""A history decided at once equals the decisions one by one, to the bit."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.columns import ArrayBars, ArraySeries, Coverage, Points, evaluate
from signals.columns.bulk import CODES, ColumnCache, DecisionArrays, decide_all
from signals.columns.decisions import Verdict
from signals.columns.errors import ColumnError
from signals.indicators.hot import Beside, Hot
from signals.strategies import Entry, Exit, Param, Strategy, column, enter_long, exit_long, nothing
from signals.strategies.registry import CLASSES
from tests.signals.columns.bulk_cases import assert_same, compared
from tests.signals.columns.samples import Crossing, EveryColumn, market, walk
from tests.signals.columns.words_table import WORDS
from tests.signals.strategies.world import SAMPLES, sample, world

MINUTE, DAY = 60, 86_400
BEGIN = 1_546_300_800
COUNT = 6_000
SPAN = (BEGIN, BEGIN + COUNT * MINUTE)


@pytest.fixture(params=["plain", "compiled"])
def mode(request, monkeypatch):
    """Both forms of every calculation, whatever ran before in this process."""
    if request.param == "plain":
        for kind in (Hot, Beside):
            monkeypatch.setattr(kind, "chosen", lambda self, count: None)
    else:
        for kind in (Hot, Beside):
            monkeypatch.setattr(kind, "chosen", lambda self, count: self.compile())


def made(count=COUNT, *, holes=(), seed=1):
    """A walk of a strategy's own series, 1, and of ETH/USD; rows left out are absent bars."""
    series = {}
    for place, name in enumerate((1, "ETH/USD")):
        bars = walk(count, seed=seed + place, start=BEGIN)
        keep = np.ones(count, dtype=bool)
        for first, last in holes:
            keep[first + 7 * place : last] = False
        series[name, MINUTE] = ArrayBars.of(bars, keep)
    whole = Coverage(BEGIN, BEGIN + (count - 1) * MINUTE)
    return ArraySeries(series, dict.fromkeys(series, whole))


class Cross(Strategy):
    timeframe = "1m"
    fast = Param(10, low=2, high=200)
    slow = Param(30, low=3, high=400)

    def rules(self, x):
        fast, slow = x.close.sma(self.fast), x.close.ema(self.slow)
        return (
            Entry(
                when={"up": fast.crossed_above(slow)},
                stop=x.close - 2 * x.atr(5),
                take=x.close + 2 * x.atr(5),
                confidence=1.0,
                threshold=0.5,
                why="up",
            ),
            Exit(when={"down": fast.crossed_below(slow)}, why="down"),
        )


class TwoEntries(Strategy):
    """Parts of a confidence, two entries, stops and targets that cannot be."""

    timeframe = "1m"

    def rules(self, x):
        mean = x.close.sma(20)
        return (
            Entry(
                when={"low": x.close < mean, "falls": x.close < x.close.lag(3)},
                stop=(x.close - x.open.lag(1)) * 50 + x.close,
                confidence={"a": (x.volume > 5) * 0.3, "b": x.volume / 20, "c": mean / mean * 0.1},
                threshold=0.6,
            ),
            Entry(
                when={"high": x.close > mean},
                stop=x.close.rolling_min(4) - 0.5,
                take=(x.close > x.open).then(x.close + 1, x.close - 1),
                confidence=0.4,
                threshold=0.2,
                why="high",
            ),
            Exit(when={"odd": (x.close - x.open) > 1, "more": x.volume > 8}),
            Exit(when={"quiet": x.volume < 0.1}, why="quiet"),
        )


class Coded(Strategy):
    """`decide` with missing values, sentinels, errors and wrong answers."""

    timeframe = "1m"

    def columns(self, x):
        return {
            "rsi": x.close.rsi(5),
            "gap": (x.open - x.close.lag(1)) / (x.volume > 1),
            "close_above": x.close > x.close.ema(9),
            "volume": x.volume.sma(3),
        }

    def decide(self, b):
        if not b.has("gap"):
            return None
        if b.volume > 9.9:
            return "much"
        if 1.0 < b.volume < 1.05:
            return b.nothing_of_the_kind
        if b.rsi > 80:
            return exit_long(why=f"rsi {b.rsi!r} at {b.bar_close}")
        if b.rsi < 20 and b.close_above:
            return enter_long(stop=b.close - b.rsi / 10, confidence=b.rsi / 20, why="low")
        if b.rsi < 10:
            return enter_long(stop=b.close + 1, why="wrong side")
        if b.rsi < 25:
            return 1 / (b.gap - b.gap)
        return nothing("neither") if b.close_above else nothing


class Missing(Strategy):
    timeframe = "1m"

    def columns(self, x):
        return {"a": x.close / (x.volume > 5), "b": x.close.lag(2), "not a name": x.open}

    def decide(self, b):
        return enter_long(stop=b.a - 1, why=f"{getattr(b, 'not a name')}")


class Own(Strategy):
    """A method of the strategy, on prices and on a column that begins with its block; it fails."""

    timeframe = "1m"

    @column(bars=7)
    def spread(self, w):
        if w.close[-1] > w.close[0] + 3:
            raise ValueError("too far")
        return float(w.high.max() - w.low.min())

    @column(bars=4)
    def mean(self, w):
        return float(w.fast.sum())

    def columns(self, x):
        return {
            "spread": self.spread(x),
            "mean": self.mean(x, fast=x.close.ema(5)),
            "slow": self.spread(x).ema(5),
        }

    def rules(self, x):
        spread = self.spread(x)
        return (Entry(when={"wide": spread > 3}, stop=x.close - spread, confidence=1.0),)


class OwnAbove(Own):
    def columns(self, x):
        return {"above": x.tf("15m", self.spread)}


class Longer(Strategy):
    """Other clocks and another symbol, some of them smoothed once more here."""

    timeframe = "5m"

    def columns(self, x):
        return {
            "up": x.tf("1h", lambda h: h.close > h.close.sma(3)),
            "held": x.tf("15m", lambda h: h.close).ema(3),
            "lagged": x.tf("15m", lambda h: h.close.lag(2).rolling_max(3)).lag(1),
            "other": x.symbol("ETH/USD", lambda b: b.close.lag(1) / b.close),
            "far": x.symbol("ETH/USD", lambda b: b.tf("15m", lambda q: q.high.sma(2))),
            "plain": x.symbol("ETH/USD", lambda b: b.close),
        }

    def decide(self, b):
        if b.up and b.held < b.close:
            return enter_long(stop=b.close - 1, why=f"{b.other} {b.far} {b.plain} {b.lagged}")
        return exit_long(why="no")


HOLES = [
    (),
    ((1000, 1005), (2600, 2610), (3100, 3101)),
    ((1500, 2300), (4000, 4500), (4990, 5990)),
]
MADE = [Cross, TwoEntries, Coded, Missing, Own, OwnAbove, Longer, Crossing]


@pytest.mark.parametrize("holes", HOLES, ids=["whole", "some absent", "blocks absent"])
@pytest.mark.parametrize("cls", MADE)
def test_all_at_once_equals_one_by_one(cls, holes, mode):
    found = compared(cls(), made(holes=holes), SPAN)
    assert {0, 3} <= set(found.verdict.tolist()) or cls in {Missing, Longer}
    assert set(found.verdict.tolist()) & {1, 2, 4}


def test_what_decide_gets_wrong_is_an_error_of_its_bar():
    found = compared(Coded(), made(), SPAN)
    reasons = {found.reasons[int(row)].split(":")[0] for row in np.flatnonzero(found.verdict == 4)}
    assert reasons == {
        "decide returns enter_long, exit_long or nothing, not 'much'",
        "UnknownColumnError",
        "ZeroDivisionError",
    }


@pytest.mark.parametrize("cls", [Cross, Coded, Longer])
@pytest.mark.parametrize(
    ("first", "last"), [(0, 700), (511, 513), (1024, 1024), (1300, 3217), (2999, 9000), (7000, 1)]
)
def test_any_part_of_a_history(cls, first, last):
    compared(cls(), made(), (BEGIN + first * MINUTE, BEGIN + last * MINUTE))


def test_pieces_of_any_size(monkeypatch):
    for rows in (1, 1500, 3000):
        monkeypatch.setattr("signals.columns.bulk.PIECE_ROWS", rows)
        compared(Cross(), made(), SPAN)
        compared(Own(), made(), SPAN)


@pytest.mark.parametrize("name", ["close", "open_time"])
def test_bars_that_cannot_be_are_errors_where_they_are_looked_at(name):
    provider = made()
    bars = provider._given[1, MINUTE]
    values = getattr(bars, name).copy()
    values[3000] = values[3000] + 10_000_000 if name == "close" else values[3000] + 1
    broken = ArrayBars.of(bars)
    object.__setattr__(broken, name, values)
    span = {(1, MINUTE): Coverage(BEGIN, BEGIN + (COUNT - 1) * MINUTE)}
    found = compared(Cross(), ArraySeries({(1, MINUTE): broken}, span), SPAN)
    assert 4 in found.verdict.tolist()


def test_an_input_that_is_not_complete_yet_ends_the_list():
    provider = made()
    late = Coverage(BEGIN, BEGIN + 4321 * MINUTE)
    waiting = ArraySeries(provider._given, {**provider._coverage, ("ETH/USD", MINUTE): late})
    found = compared(Longer(), waiting, SPAN)
    assert 0 < len(found.verdict) < 4400 // 5
    nobody = ArraySeries({(1, MINUTE): provider._given[1, MINUTE]})
    found = compared(Crossing(), nobody, (0, BEGIN - MINUTE))
    assert len(found.verdict) == 0


class Feeding(Strategy):
    timeframe = "1m"

    def columns(self, x):
        return {"mood": x.feed("fear_greed", max_age="2h"), "book": x.book.spread.ema(4)}

    def decide(self, b):
        return enter_long(stop=b.close - b.mood / 100, why=f"{b.book!r}")


@pytest.mark.parametrize("settled", [2**62, BEGIN + 4000 * MINUTE])
def test_feeds(settled, mode):
    plain = made()
    times = np.arange(BEGIN, BEGIN + COUNT * MINUTE, 1700, dtype=np.int64)
    minutes = np.arange(BEGIN, BEGIN + COUNT * MINUTE, 60, dtype=np.int64)
    feeds = {
        ("fear_greed", None): Points(times, 1.0 + times % 97, settled),
        ("book.spread", 1): Points(minutes, 1.0 + minutes % 7),
    }
    provider = ArraySeries(plain._given, plain._coverage, feeds)
    found = compared(Feeding(), provider, SPAN)
    assert CODES[Verdict.ENTER_LONG] in found.verdict.tolist()


# -- a cache of columns ----------------------------------------------------------------------


def test_a_cache_changes_nothing_and_is_bounded():
    provider, cache = made(), ColumnCache(200_000)
    for _ in range(2):
        for cls, params in (
            (Cross, {}),
            (Cross, {"fast": 12}),
            (Cross, {"slow": 31}),
            (Longer, {}),
            (TwoEntries, {}),
            (Own, {}),
        ):
            compared(cls(**params), provider, SPAN, cache=cache)
            assert 0 < cache.held_bytes <= 200_000
    compared(Cross(), made(seed=9), SPAN, cache=cache)


def test_a_cache_that_holds_nothing(mode):
    compared(Cross(), made(), SPAN, cache=ColumnCache(0))


def test_columns_are_calculated_once_for_several_parametrisations(monkeypatch):
    provider, cache = made(), ColumnCache()
    asked = []
    plain = Hot.chosen
    monkeypatch.setattr(
        Hot, "chosen", lambda self, count: asked.append(self.plain.__name__) or plain(self, count)
    )
    for fast in (5, 6, 5, 6):
        asked.append(fast)
        compared_once = decide_all(
            Cross(fast=fast),
            provider,
            instrument=1,
            from_open=SPAN[0],
            through_open=SPAN[1],
            cache=cache,
        )
        assert len(compared_once.verdict) == COUNT
    edges = [asked.index(5), asked.index(6)]
    assert {"smooth", "true_range_average", "window_sum"} <= set(asked[edges[0] : edges[1]])
    again = asked[edges[1] :]
    assert set(again[: again.index(5)]) == {6, "window_sum"}
    assert again[again.index(5) :] == [5, 6]


# -- being told, and stopped -----------------------------------------------------------------


def test_progress_is_told_and_who_is_told_may_stop(monkeypatch):
    monkeypatch.setattr("signals.columns.bulk.PIECE_ROWS", 1200)
    told = []
    compared(Cross(), made(), SPAN, tell=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 3

    class StoppedError(Exception):
        pass

    def stop(progress):
        raise StoppedError

    with pytest.raises(StoppedError):
        compared(Cross(), made(), SPAN, tell=stop)


def test_a_strategy_that_cannot_be_is_refused():
    class Later(Cross):
        def rules(self, x):
            return (x.close.lag(-1),)

    with pytest.raises(ColumnError):
        compared(Later(), made(), SPAN)


# -- every word ------------------------------------------------------------------------------

NAMES = sorted(WORDS)


class Words(Strategy):
    timeframe = "1m"
    chosen = ()

    def columns(self, x):
        return {f"c{number}": one(x) for number, one in enumerate(self.chosen)}

    def decide(self, b):
        values = [getattr(b, f"c{i}") for i in range(len(self.chosen)) if b.has(f"c{i}")]
        return enter_long(stop=b.close - 1, why=repr([b.bar_open, values]))


FORMS = {
    "plain": lambda word: word,
    "smoothed": lambda word: lambda x: word(x).ema(4),
    "summed": lambda word: lambda x: word(x).sma(6).lag(2),
    "sought": lambda word: lambda x: (word(x) * 2).rolling_max(5).stdev(3),
    "longer": lambda word: lambda x: x.tf("15m", word).rolling_min(3),
    "remembered": lambda word: lambda x: (word(x) > word(x).sma(3)).bars_since(within=9) + 1,
}


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(sorted(FORMS))), min_size=1, max_size=4
    ),
    st.sampled_from(HOLES),
)
def test_random_plans(words, holes):
    strategy = Words()
    strategy.chosen = [FORMS[form](WORDS[name]) for name, form in words]
    provider = made(3_000, holes=[one for one in holes if one[1] < 3000])
    compared(strategy, provider, (BEGIN + 1000 * MINUTE, BEGIN + 3000 * MINUTE))


# -- its speed -------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_is_many_times_faster(monkeypatch):
    for kind in (Hot, Beside):
        monkeypatch.setattr(kind, "chosen", lambda self, count: self.compile())
    count = 40_000
    provider = made(count)
    asked = {"instrument": 1, "from_open": BEGIN, "through_open": BEGIN + count * MINUTE}

    def spent(decide):
        begun = time.process_time()
        decide(Cross(), provider, **asked)
        return time.process_time() - begun

    one_by_one = min(spent(evaluate) for _ in range(2))
    at_once = min(spent(decide_all) for _ in range(5))
    assert at_once * 20 < one_by_one


# -- recorded bars ---------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [EveryColumn, Crossing])
def test_every_column_on_recorded_bars(cls):
    provider, begin = market(days=9)
    compared(cls(), provider, (begin, begin + 9 * DAY))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CLASSES))
def test_the_strategies_that_come_with_mystic(name):
    provider, begin = world(days=40)
    instrument, strategy = sample(name)
    assert set(SAMPLES) == set(CLASSES)
    days = 12 if strategy.timeframe == "1m" else 40
    found = compared(strategy, provider, (begin, begin + days * DAY), instrument=instrument)
    assert {CODES[Verdict.ENTER_LONG], CODES[Verdict.EXIT]} & set(found.verdict.tolist())


def test_arrays_of_decisions_one_by_one():
    wanted = evaluate(Crossing(), made(), instrument=1, from_open=SPAN[0], through_open=SPAN[1])
    assert_same(DecisionArrays.of(wanted), DecisionArrays.of(wanted))
