"""A bar that cannot be decided yet says which series keeps it waiting, and says it once for all."""

from signals.columns import ArraySeries, Coverage, Verdict, evaluate
from signals.columns.errors import UnreadFeedError
from signals.strategies import Strategy
from tests.signals.columns.samples import Until, walk

START = 1_700_044_800  # where a block of 512 minutes begins: 2023-11-15 10:40


class Watching(Strategy):
    timeframe = "1m"

    def columns(self, x):
        return {
            "own": x.close.sma(10),
            "hour": x.tf("1h", lambda h: h.close),
            "other": x.symbol("ETH/USDT", lambda e: e.close.sma(3)),
        }


def reasons(provider, count, first=START):
    found = evaluate(
        Watching(), provider, instrument=1, from_open=first, through_open=first + count * 60
    )
    return {(one.verdict, one.reason) for one in found}


def said(reason):
    return {(Verdict.WARMING_UP, reason)}


def test_a_series_that_does_not_reach_back_is_named_with_both_times():
    provider = ArraySeries({(1, 60): walk(30, start=START)})
    assert reasons(provider, 30) == said(
        "not enough history yet: the 1m bars begin 2023-11-15 10:40, needed from 2023-11-15 10:25"
    )


def test_a_longer_chart_that_does_not_reach_back_is_named():
    early = START - 40 * 60
    provider = ArraySeries({(1, 60): walk(200, start=early)})
    assert reasons(provider, 10) == {
        (
            Verdict.WARMING_UP,
            "not enough history yet: no 1h bar has closed since the series begins",
        )
    }
    later = reasons(provider, 10, START + 80 * 60)
    assert later == said(
        "not enough history yet: the 1h bars begin 2023-11-15 10:00, needed from 2023-11-15 09:00"
    )


def test_a_symbol_that_is_not_stored_is_named_and_nothing_else_fails():
    provider = ArraySeries({(1, 60): walk(800, start=START - 400 * 60)})
    assert reasons(provider, 300) == {
        (
            Verdict.WARMING_UP,
            "ETH/USDT is not watched here, or no 1m bar of it is stored yet",
        )
    }


def test_a_symbol_that_begins_later_is_not_there_before_it_begins():
    """A backtest knows that it will begin; the decision of that bar did not."""
    own, other = walk(800, start=START - 400 * 60), walk(300, start=START + 100 * 60)
    provider = ArraySeries({(1, 60): own, ("ETH/USDT", 60): other})
    found = evaluate(
        Watching(), provider, instrument=1, from_open=START, through_open=START + 300 * 60
    )
    whole = {one.bar_open: one for one in found}
    missing = "ETH/USDT is not watched here, or no 1m bar of it is stored yet"
    short = (
        "not enough history yet: the 1m bars of ETH/USDT begin 2023-11-15 12:20, "
        "needed from 2023-11-15 10:18"
    )
    for minute in range(300):
        bar = START + minute * 60
        assert whole[bar].reason == (missing if minute < 100 else short)
        live = evaluate(
            Watching(), Until(provider, bar + 60), instrument=1, from_open=bar, through_open=bar
        )
        assert live == [whole[bar]]


def test_a_feed_that_is_not_read_here_waits_with_its_sentence():
    class Rates(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"rate": x.macro("DGS10")}

    class Unread(ArraySeries):
        def points(self, feed, instrument, after, through):
            raise UnreadFeedError("the macro series DGS10 is not read. Add it to MYSTIC_MACRO.")

    key = (1, 60)
    provider = Unread({key: walk(5, start=START)}, {key: Coverage(START - 6000, START + 240)})
    found = evaluate(Rates(), provider, instrument=1, from_open=START, through_open=START + 240)
    assert {(one.verdict, one.reason) for one in found} == {
        (Verdict.WARMING_UP, "the macro series DGS10 is not read. Add it to MYSTIC_MACRO.")
    }
    assert [one.price for one in found] == walk(5, start=START).close.tolist()
