"""Strategies that read feeds: live, restarted and over the whole history they conclude the same."""

import numpy as np
import pytest

from markets.models import BookStat, Candle, Instrument, MacroPoint, SentimentPoint, Venue
from markets.selectors import bars_load
from signals.columns import (
    ArrayBars,
    ArraySeries,
    ColumnError,
    Coverage,
    EvaluationCache,
    Points,
    Verdict,
    evaluate,
)
from signals.feed import Feed, extents
from signals.strategies import Strategy, nothing
from tests.signals.app.conftest import START, store, walk

pytestmark = pytest.mark.django_db
BARS = 900


class Reads(Strategy):
    timeframe = "1m"

    def columns(self, x):
        return {
            "mood": x.feed("fear_greed"),
            "rate": x.macro("DGS10").ema(4),
            "tone": x.news(max_age="3h"),
            "market": x.feed("market_news"),
            "book": x.book.imbalance,
            "fresh": x.book(max_age="1m").imbalance,
        }

    def decide(self, b):
        return nothing("reading")


def mood(name, instrument, value, at, period=None):
    SentimentPoint.objects.create(
        name=name, instrument=instrument, value=value, period=at if period is None else period,
        available_at=at, source=f"replay:{name}", received_at_ms=at * 1000,
    )  # fmt: skip


@pytest.fixture
def told(btc):
    """Points between START and the last bar, at moments off the minute and on it."""
    venue = Venue.objects.create(code="replay:fred", name="FRED (replay)", is_replay=True)
    rate = Instrument.objects.create(
        venue=venue, symbol="DGS10", native_id="DGS10", base="DGS10", quote="", asset_class="macro"
    )
    for n in range(15):
        at = START + n * 3600 + 17
        mood("fear_greed", None, 40.0 + n, at)
        mood("news", btc, n / 20, START + n * 3600)
        mood("news", None, -n / 20, at + 1)
        MacroPoint.objects.create(
            instrument=rate, period=f"2026-01-{n + 1:02}", value=4 + n / 100, available_at=at,
            vintage=f"2026-02-{n + 1:02}", source="replay:fred", received_at_ms=0,
        )  # fmt: skip
    BookStat.objects.bulk_create(
        BookStat(
            instrument_id=btc.pk,
            open_time=START + n * 60,
            imbalance=(n % 19 - 9) / 10,
            samples=1,
            source="replay:binance",
        )
        for n in range(BARS)
        if n % 7
    )
    return rate


def decide(provider, btc, first, last, cache=None):
    return evaluate(
        Reads(), provider, instrument=btc.pk, from_open=first, through_open=last, cache=cache
    )


def fed(btc):
    feed = Feed(extents([btc.pk], 60), 60)
    feed.read_ahead([btc.pk])
    return feed


def test_bars_as_they_close_equal_the_whole_and_arrays_of_the_same_points(btc, told):
    rows = walk(BARS)
    store(btc, rows)
    first = START + 520 * 60
    last = START + (BARS - 1) * 60
    whole = {one.bar_open: one for one in decide(fed(btc), btc, first, last)}
    assert len(whole) == BARS - 520
    assert all(len(one.values) >= 5 for one in whole.values())

    bars = bars_load(btc.pk, 60, limit=BARS)

    def tape(name, rows_):
        at, values = zip(*rows_, strict=True)
        return Points(np.array(at, dtype=np.int64), np.array(values, dtype=float))

    moments = [START + n * 3600 + 17 for n in range(15)]
    feeds = {
        ("fear_greed", None): tape("", [(at, 40.0 + n) for n, at in enumerate(moments)]),
        ("macro:DGS10", None): tape("", [(at, 4 + n / 100) for n, at in enumerate(moments)]),
        ("market_news", None): tape("", [(at + 1, -n / 20) for n, at in enumerate(moments)]),
        ("news", btc.pk): tape("", [(START + n * 3600, n / 20) for n in range(15)]),
        ("book.imbalance", btc.pk): tape(
            "", [(START + n * 60 + 60, (n % 19 - 9) / 10) for n in range(BARS) if n % 7]
        ),
    }
    key = (btc.pk, 60)
    arrays = ArraySeries({key: ArrayBars.of(bars)}, {key: Coverage(START, last)}, feeds)
    assert decide(arrays, btc, first, last) == list(whole.values())

    # The same, bar by bar: only what had closed and was known is stored at each moment.
    Candle.objects.all().delete()
    later = {model: list(model.objects.all()) for model in (SentimentPoint, MacroPoint, BookStat)}
    for model in later:
        model.objects.all().delete()
    store(btc, rows[:700])
    known = START + 700 * 60

    def known_at(row):
        return row.open_time + 60 if isinstance(row, BookStat) else row.available_at

    def release(through):
        for model, waiting in later.items():
            model.objects.bulk_create([row for row in waiting if known_at(row) <= through])
            later[model] = [row for row in waiting if known_at(row) > through]

    release(known - 60)
    cache = EvaluationCache()
    for n in range(700, 724):
        store(btc, rows[n : n + 1])
        opens = START + n * 60
        release(opens + 60)
        if n == 712:
            cache = EvaluationCache()
        found = decide(fed(btc), btc, opens, opens, cache)
        if n % 6 == 0:
            assert decide(fed(btc), btc, opens - 60, opens - 60) == [whole[opens - 60]]
        # A minute of the book without a row is waited for until the next bar.
        assert found == [whole[opens]] or not n % 7


def test_points_of_a_feed_cost_one_question_of_the_database(btc, told, django_assert_num_queries):
    store(btc, walk(30))
    feed = fed(btc)
    feed.points("fear_greed", btc.pk, START, START + 600)
    with django_assert_num_queries(0):
        found = feed.points("fear_greed", btc.pk, START + 60, START + 3700)
    assert found.available_at.tolist() == [START + 3617]


def test_a_series_that_nobody_reads_is_a_sentence(btc, told):
    store(btc, walk(30))

    class Wrong(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"rate": x.macro("DGS1O")}

    (found,) = evaluate(Wrong(), fed(btc), instrument=btc.pk, from_open=START, through_open=START)
    assert found.verdict is Verdict.WARMING_UP
    assert found.reason == "the macro series DGS1O is not read. Did you mean DGS10?"
    with pytest.raises(ColumnError, match=r"DGS1O is not read\. Did you mean DGS10\?"):
        fed(btc).points("macro:DGS1O", btc.pk, START, START + 60)


def test_a_feed_of_a_symbol_that_is_not_known_has_no_points(btc, told):
    store(btc, walk(30))
    assert len(fed(btc).points("news", "NO/SUCH", 0, START).value) == 0
