"""Feeds beside the bars: read only from `available_at` on, the same bits however they are cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.columns import (
    BLOCK,
    ArrayBars,
    ArraySeries,
    ColumnError,
    Coverage,
    EvaluationCache,
    LookaheadError,
    Points,
    Tape,
    assert_causal,
    evaluate,
)
from signals.columns.feeds import BOOK_FIELDS, KINDS, as_of
from signals.strategies import Strategy, nothing
from tests.signals.columns.samples import walk
from tests.signals.real_bars import btc_1m

DAY = 86_400


def times(*moments):
    return np.array(moments, dtype=np.int64)


def points(*rows, **more):
    at, values = zip(*rows, strict=True)
    return Points(times(*at), np.array(values, dtype=np.float64), **more)


class Reader(Strategy):
    """Reads every kind of feed, plain, smoothed, on another clock and of another symbol."""

    timeframe = "1m"

    def columns(self, x):
        mood, tone = x.feed("fear_greed"), x.news(max_age="2h")
        return {
            "mood": mood,
            "fearful": mood < 30,
            "rate": x.macro("DGS10"),
            "tone": tone,
            "tone_smooth": tone.otherwise(0).ema(9),
            "book": x.book.imbalance,
            "book_fresh": x.book(max_age=90).imbalance,
            "tone_up": tone > tone.lag(1),
            "hour_mood": x.tf("1h", lambda h: h.feed("fear_greed").lag(1)),
            "other_tone": x.symbol("ETH/USD", lambda b: b.news().sma(3)),
        }

    def decide(self, b):
        return nothing("reading") if b.has("mood") else nothing("blind")


def tapes(begin, days, key):
    """Feeds over a span, each with its own rhythm; deterministic."""
    dice = np.random.default_rng(4)
    end = begin + days * DAY

    def made(step, jitter, instrument):
        at = np.arange(begin - 3 * DAY, end, step, dtype=np.int64)
        at = np.sort(at + dice.integers(0, jitter, len(at)))
        return instrument, Points(at, dice.normal(0, 1, len(at)))

    rows = {
        "fear_greed": made(DAY, 4000, None),
        "macro:DGS10": made(DAY, 9000, None),
        "news": made(3600, 7000, key),
        "book.imbalance": made(60, 1, key),
    }
    feeds = {(name, instrument): found for name, (instrument, found) in rows.items()}
    feeds["news", "ETH/USD"] = made(5400, 2000, None)[1]
    return feeds


@pytest.fixture(scope="module")
def world():
    bars = btc_1m(200, 6)
    begin = int(bars.open_time[0]) // DAY * DAY
    span = Coverage(begin, begin + 6 * DAY - 60)
    series = {(1, 60): bars, ("ETH/USD", 60): bars}
    covered = dict.fromkeys(series, span)
    feeds = tapes(begin, 6, 1)
    return series, covered, feeds, begin


def known(world, moment):
    """A provider with the bars that had closed and the points that were known at a moment."""
    series, covered, feeds, _ = world
    bars = {k: ArrayBars.of(v, v.open_time + 60 <= moment) for k, v in series.items()}
    spans = {k: Coverage(v.first_open, min(v.last_open, moment - 60)) for k, v in covered.items()}
    cut = {
        k: Points(v.available_at[v.available_at <= moment], v.value[v.available_at <= moment])
        for k, v in feeds.items()
    }
    return ArraySeries(bars, spans, cut)


def decided(strategy, provider, first, last, cache=None):
    return evaluate(
        strategy, provider, instrument=1, from_open=first, through_open=last, cache=cache
    )


def test_a_value_is_read_from_the_close_at_which_it_was_known():
    values = as_of(times(100, 160, 160), np.array([1.0, 2.0, 3.0]), times(99, 100, 159, 160), 999)
    np.testing.assert_array_equal(values, [np.nan, 1, 1, 3])


def test_a_point_is_forgotten_after_its_age():
    values = as_of(times(100), np.array([7.0]), times(100, 160, 161, 400), 60)
    np.testing.assert_array_equal(values, [7, 7, np.nan, np.nan])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(-9, 9)), max_size=12),
    st.integers(0, 200),
)
def test_as_of_equals_a_loop_over_all_points(rows, max_age):
    rows = sorted(rows, key=lambda row: row[0])
    moments = times(*range(0, 301, 20))
    found = as_of(
        times(*(at for at, _ in rows)),
        np.array([value for _, value in rows], dtype=float),
        moments,
        max_age,
    )
    for moment, value in zip(moments.tolist(), found.tolist(), strict=True):
        seen = [row for row in rows if row[0] <= moment]
        wanted = float("nan")
        if seen and moment - seen[-1][0] <= max_age:
            wanted = float(seen[-1][1])
        assert value == wanted or (value != value and wanted != wanted)


def test_values_by_hand():
    """One-minute bars from 0; the close of the bar at 60 is 120."""

    class Plain(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"mood": x.feed("fear_greed"), "old": x.feed("fear_greed", max_age="1m")}

    feeds = {("fear_greed", None): points((121, 40), (180, 20))}
    provider = ArraySeries({(1, 60): walk(6)}, feeds=feeds)
    found = decided(Plain(), provider, 0, 300)
    assert [one.values.get("mood") for one in found] == [None, None, 20, 20, 20, 20]
    assert [one.values.get("old") for one in found] == [None, None, 20, 20, None, None]


def test_bars_one_by_one_with_restarts_equal_the_whole(world):
    series, covered, feeds, begin = world
    strategy = Reader()
    whole = {
        one.bar_open: one
        for one in decided(strategy, ArraySeries(series, covered, feeds), begin, begin + 6 * DAY)
    }
    opens = sorted(whole)
    border = next(one for one in opens[len(opens) // 2 :] if one % (BLOCK * 60) == 0)
    live = [one for one in opens if border - 3600 <= one < border + 3600]
    cache = EvaluationCache()
    for number, bar_open in enumerate(live):
        if number % 37 == 36:
            cache = EvaluationCache()
        now = known(world, bar_open + 60)
        assert decided(strategy, now, bar_open, bar_open, cache) == [whole[bar_open]]
    seen = {name for one in live for name in whole[one].values}
    assert {"mood", "rate", "tone", "book", "hour_mood", "other_tone"} <= seen


@settings(max_examples=25, deadline=None)
@given(
    st.integers(600, 1100),
    st.lists(st.tuples(st.integers(1, 50_000), st.integers(-5, 5)), min_size=1, max_size=8),
)
def test_points_that_come_later_change_no_earlier_decision(bar, late):
    bars = walk(1200)
    cut = bar * 60 + 60
    early = points(*((at, at % 7) for at in range(30, cut, 1000)))
    rows = sorted((cut + offset, value) for offset, value in late)
    more = Points(
        np.concatenate((early.available_at, times(*(at for at, _ in rows)))),
        np.concatenate((early.value, np.array([value for _, value in rows], dtype=float))),
    )

    class Smooth(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"mood": x.feed("fear_greed").ema(5), "tone": x.news()}

    def run(found):
        keys = {("fear_greed", None): found, ("news", 1): found}
        provider = ArraySeries({(1, 60): bars}, feeds=keys)
        return decided(Smooth(), provider, 0, bar * 60)

    assert run(early) == run(more)


class Watching(Strategy):
    timeframe = "1m"

    def columns(self, x):
        tone, mood = x.news(), x.feed("fear_greed")
        return {"tone": tone, "up": tone > tone.lag(1), "mood": mood, "cheer": mood > mood.lag(1)}

    def decide(self, b):
        return nothing("watching")


def hourly(bars, known_later=0):
    """A point in the middle of each hour; `known_later` seconds after what is claimed."""
    at = np.arange(int(bars.open_time[0]) // 3600 * 3600 + 1800, int(bars.open_time[-1]), 3600)
    values = np.random.default_rng(2).normal(0, 1, len(at))
    return Tape(at, values, at + known_later)


def test_feeds_are_causal_on_real_bars():
    bars = ArrayBars.of(btc_1m(100, 3), slice(0, 1700))
    feeds = {("news", "series"): hourly(bars), ("fear_greed", None): hourly(bars)}
    assert assert_causal(Watching(), bars, 60, cuts=20, feeds=feeds) == 20


def test_a_point_that_claims_to_be_known_one_bar_early_is_found():
    bars = ArrayBars.of(btc_1m(100, 3), slice(0, 1700))
    feeds = {("news", "series"): hourly(bars, 60), ("fear_greed", None): hourly(bars)}
    with pytest.raises(LookaheadError, match="with later bars it gives"):
        assert_causal(Watching(), bars, 60, feeds=feeds)


def test_a_feed_that_is_not_settled_is_waited_for():
    class Book(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"book": x.book.spread}

    def run(settled):
        feeds = {("book.spread", 1): points((60, 1), (120, 2), settled=settled)}
        provider = ArraySeries({(1, 60): walk(5)}, feeds=feeds)
        return [one.bar_open for one in decided(Book(), provider, 0, 240)]

    assert run(299) == [0, 60, 120, 180]
    assert run(300) == [0, 60, 120, 180, 240]
    assert run(59) == []


def test_another_symbols_feed_is_waited_for_too():
    class Other(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"book": x.symbol("B/C", lambda b: b.book.spread)}

    feeds = {("book.spread", "B/C"): points((60, 1), settled=180)}
    series = {(1, 60): walk(5), ("B/C", 60): walk(5)}
    provider = ArraySeries(series, dict.fromkeys(series, Coverage(-600, 240)), feeds)
    found = decided(Other(), provider, 0, 240)
    assert [one.bar_open for one in found] == [0, 60, 120]
    assert [one.values["book"] for one in found] == [1, 1, 1]


def refused(describe):
    class Wrong(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"wrong": describe(x)}

    with pytest.raises(ColumnError) as caught:
        decided(Wrong(), ArraySeries({(1, 60): walk(3)}), 0, 60)
    return str(caught.value)


@pytest.mark.parametrize(
    ("describe", "sentence"),
    [
        (lambda x: x.feed("fear_gred"), "x.feed has no fear_gred. Did you mean fear_greed?"),
        (lambda x: x.feed("book.imbalanse"), "Did you mean book.imbalance?"),
        (lambda x: x.feed("zzz"), "It knows fear_greed, market_news, news, unusual_options, book."),
        (lambda x: x.feed(3), 'x.feed takes a name like "fear_greed", not 3'),
        (lambda x: x.macro("dgs 10"), "x.macro takes a series like \"DGS10\", not 'dgs 10'"),
        (lambda x: x.macro(None), 'x.macro takes a series like "DGS10", not None'),
        (lambda x: x.feed("macro:"), "x.macro takes a series"),
        (lambda x: x.book.spraed, "x.book has no spraed. Did you mean spread?"),
        (lambda x: x.book.values, "would hand out the whole series"),
        (lambda x: x.fed("fear_greed"), "x has no fed. Did you mean feed?"),
        (lambda x: x.news(max_age=0), "max_age of news wants seconds"),
        (lambda x: x.news(max_age="8d"), "from 1 s to 7 d, not '8d'"),
        (lambda x: x.book(max_age="2h").spread, "from 1 s to 1 h, not '2h'"),
        (lambda x: x.news(max_age="soon"), "not 'soon'"),
        (lambda x: x.news(max_age=True), "not True"),
        (lambda x: x.news(max_age=-5), "not -5"),
    ],
)
def test_a_wrong_name_or_age_is_refused_with_a_sentence(describe, sentence):
    assert sentence in refused(describe)


def test_every_feed_has_a_column():
    def describe(x):
        named = {name: x.feed(name) for name in KINDS}
        named |= {field: getattr(x.book, field) for field in BOOK_FIELDS}
        return sum(named.values(), start=x.close * 0)

    class All(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"sum": describe(x)}

    feeds = {(name, None if kind.of_market else 1): points((60, 1)) for name, kind in KINDS.items()}
    (found,) = decided(All(), ArraySeries({(1, 60): walk(1)}, feeds=feeds), 0, 0)
    assert found.values["sum"] == len(KINDS) + len(BOOK_FIELDS)
