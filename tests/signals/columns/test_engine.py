"""What a decision says, when it can be made, and which bars it sees."""

import json
import math

import numpy as np
import pytest

from signals.columns import (
    BLOCK,
    ArrayBars,
    ArraySeries,
    Coverage,
    EvaluationCache,
    Verdict,
    evaluate,
    history_needed,
)
from signals.strategies import Entry, Exit, Strategy, enter_long, exit_long, nothing
from signals.strategies.smc_confluence import SmcConfluence
from signals.strategies.trend_pullback import TrendPullback
from tests.signals.columns.samples import Until, market, walk

HOUR = 3600


def run(strategy, bars, timeframe=60, **options):
    provider = ArraySeries({("it", timeframe): bars})
    last = int(bars.open_time[-1]) if len(bars.open_time) else 0
    span = {"from_open": 0, "through_open": last, **options}
    return evaluate(strategy, provider, instrument="it", **span)


def settled(decisions):
    return [one for one in decisions if one.verdict is not Verdict.WARMING_UP]


def sample(**methods):
    return type("Sample", (Strategy,), {"timeframe": "1m", **methods})()


def test_the_higher_timeframe_is_its_last_closed_bar():
    strategy = sample(columns=lambda self, x: {"hour": x.tf("1h", lambda h: h.close)})
    bars = walk(2000)
    found = settled(run(strategy, bars))
    assert len(found) > 1000
    for one in found:
        closed = (one.bar_open + 60) // HOUR * HOUR
        row = np.searchsorted(bars.open_time, closed) - 1
        assert one.values["hour"] == bars.close[row]
        assert bars.open_time[row] + 60 <= one.bar_open + 60


def test_the_other_symbol_is_its_last_closed_bar_and_a_late_one_is_waited_for():
    bars, other = walk(1500), walk(1500, seed=2)
    provider = ArraySeries(
        {("it", 60): bars, ("B", 60): ArrayBars.of(other, other.open_time != 900 * 60)},
        {("B", 60): Coverage(0, 1200 * 60)},
    )
    strategy = sample(columns=lambda self, x: {"other": x.symbol("B", lambda b: b.close)})
    found = evaluate(strategy, provider, instrument="it", from_open=0, through_open=1499 * 60)
    # B is complete up to bar 1200 only: the later bars are not decided yet.
    assert [one.bar_open for one in found] == [60 * i for i in range(1201)]
    values = {one.bar_open // 60: one.values["other"] for one in settled(found)}
    assert values[899] == other.close[899]
    assert values[900] == other.close[899]  # confirmed absent: the last one before holds
    assert values[901] == other.close[901]
    assert values[1200] == other.close[1200]


def test_a_late_symbol_costs_no_bar_when_it_arrives():
    provider, begin = market(days=2)
    strategy = sample(columns=lambda self, x: {"other": x.symbol("ETH/USD", lambda b: b.close)})
    start = begin + 86400

    class Late(Until):
        def coverage(self, instrument, timeframe):
            span = super().coverage(instrument, timeframe)
            if instrument != 1:
                span = Coverage(span.first_open, min(span.last_open, start + 5 * 60))
            return span

    cache = EvaluationCache()
    span = {"instrument": 1, "from_open": start, "through_open": start + 30 * 60}
    early = evaluate(strategy, Late(provider, start + 31 * 60), cache=cache, **span)
    assert early[-1].bar_open <= start + 5 * 60
    span["from_open"] = early[-1].bar_open + 60
    rest = evaluate(strategy, Until(provider, start + 31 * 60), cache=cache, **span)
    whole = evaluate(strategy, provider, **(span | {"from_open": start}))
    assert early + rest == whole


@pytest.mark.parametrize("cls", [SmcConfluence, TrendPullback])
def test_warming_up_is_a_matter_of_time_and_not_of_rows(cls):
    strategy = cls()
    provider, begin = market(first_day=100, days=12)
    needed = max(history_needed(strategy).values())
    end = begin + 12 * 86400
    found = evaluate(strategy, provider, instrument=1, from_open=begin, through_open=end)
    first = settled(found)[0]
    assert first.bar_open - begin <= needed
    assert all(one.verdict is Verdict.WARMING_UP for one in found[: found.index(first)])
    assert len(settled(found)) == len(found) - found.index(first)
    assert found[0].reason.startswith(("not enough history yet: ", "ETH/USD is not watched here"))
    assert found[0].values == {}
    # Minutes are absent in that stretch, and nobody waits for them.
    assert len(provider.bars(1, 60, begin, end).close) < (end - begin) // 60


def test_a_block_border_is_where_warming_up_ends():
    strategy = sample(columns=lambda self, x: {"fast": x.close.sma(10)})
    bars = walk(3000, start=100 * 60)
    found = run(strategy, bars)
    first = settled(found)[0].bar_open
    assert first % (BLOCK * 60) == 0
    assert history_needed(strategy) == {(None, 60): (BLOCK - 1 + (9 + 2 + 4) + 1) * 60}


def test_the_first_failing_condition_is_the_reason():
    strategy = sample(
        rules=lambda self, x: (
            Entry(
                when={"price above 100": x.close > 100, "a swing is known": x.smc.swing_low < 200},
                stop=x.low - 1,
                confidence={"height": (x.close - 100) / 10},
                threshold=0.5,
                why="high",
            ),
            Exit(when={"price under 95": x.close < 95}),
        )
    )
    close = 100 + 9 * np.sin(np.arange(2500) / 30)
    bars = ArrayBars(np.arange(2500) * 60, close, close + 1, close - 1, close, close * 0)
    found = settled(run(strategy, bars))
    seen = set()
    for one, close in zip(found, bars.close[-len(found) :], strict=True):
        confidence = min(max((close - 100) / 10, 0), 1)
        if close < 95:
            assert (one.verdict, one.reason) == (Verdict.EXIT, "price under 95")
            assert one.confidence == 1.0
        elif close <= 100:
            assert (one.verdict, one.reason) == (Verdict.NONE, "price above 100: no")
        elif confidence < 0.5:
            assert one.verdict is Verdict.NONE
            digits = 2 if f"{confidence:.2f}" != "0.50" else 4
            assert one.reason == f"confidence {confidence:.{digits}f} below {0.5:.{digits}f}"
            assert one.confidence is None
        else:
            assert (one.verdict, one.reason) == (Verdict.ENTER_LONG, "high")
            assert one.confidence == pytest.approx(confidence)
            assert one.take == close + 3 * (close - one.stop)
        assert one.price == close
        assert (one.stop is None) == (one.verdict is not Verdict.ENTER_LONG)
        seen.add(one.verdict)
    assert seen == {Verdict.NONE, Verdict.EXIT, Verdict.ENTER_LONG}


def test_close_figures_are_told_apart_in_the_reason():
    strategy = sample(
        rules=lambda self, x: (
            Entry(
                when={"always": x.close > 0},
                stop=x.low - 1,
                confidence=x.close * 0 + 0.6996,
                threshold=0.7,
            ),
        )
    )
    assert settled(run(strategy, walk(1100)))[0].reason == "confidence 0.6996 below 0.7000"


def test_a_missing_value_is_said_and_left_out():
    strategy = sample(
        columns=lambda self, x: {"void": x.close / (x.close - x.close), "up": x.close > 0},
        rules=lambda self, x: (
            Entry(when={"over the void": x.close > x.close / (x.close * 0)}, stop=x.low - 1),
        ),
    )
    one = settled(run(strategy, walk(1100)))[-1]
    assert (one.verdict, one.reason) == (Verdict.NONE, "over the void: not known")
    assert one.values == {"up": True}
    assert json.loads(json.dumps(one.values, allow_nan=False)) == one.values


@pytest.mark.parametrize(
    ("stop", "take", "reason"),
    [
        (lambda b: b.close + 1, None, "the stop 10"),
        (lambda b: -5.0, None, "the stop -5 is not below the price"),
        (lambda b: math.nan, None, "the stop is not known"),
        (lambda b: b.close - 1, lambda b: b.close - 2, "is not above the price"),
        (lambda b: b.close - 1, lambda b: math.inf, "the target inf is not above the price"),
    ],
    ids=["stop above", "stop negative", "stop nan", "target below", "target endless"],
)
def test_an_entry_whose_prices_cannot_be_is_none(stop, take, reason):
    strategy = sample(
        decide=lambda self, b: enter_long(stop=stop(b), take=take and take(b), why="buy")
    )
    flat = walk(1100)
    bars = ArrayBars(
        flat.open_time, *(np.full(1100, price) for price in (100.0, 101.0, 99.0, 100.0, 1.0))
    )
    one = settled(run(strategy, bars))[0]
    assert one.verdict is Verdict.NONE
    assert reason in one.reason
    assert (one.stop, one.take, one.confidence) == (None, None, None)


def test_decide_sees_one_bar_and_nobodys_account():
    def decide(self, b):
        assert b.bar_close == b.bar_open + 60
        minute = b.bar_open // 60 % 5
        if minute == 0:
            return b.position.flat
        if minute == 1:
            return b[0]
        if minute == 2:
            return b.clsoe
        if minute == 3:
            return 7
        return exit_long(why="x" * 400)

    found = settled(run(sample(decide=decide), walk(1100)))
    reasons = {one.bar_open // 60 % 5: (one.verdict, one.reason) for one in found}
    assert reasons[0][0] is Verdict.ERROR
    assert "b.position does not exist: a signal is concluded once for all users" in reasons[0][1]
    assert "b cannot be indexed" in reasons[1][1]
    assert "Did you mean close?" in reasons[2][1]
    assert "decide returns enter_long, exit_long or nothing, not 7" in reasons[3][1]
    assert reasons[4] == (Verdict.EXIT, "x" * 300)


def test_a_column_missing_at_the_bar_ends_decide():
    strategy = sample(
        columns=lambda self, x: {"void": x.close / (x.close * 0)},
        decide=lambda self, b: exit_long(why="void") if b.void > 1 else nothing,
    )
    one = settled(run(strategy, walk(1100)))[0]
    assert (one.verdict, one.reason) == (Verdict.NONE, "void is not known at this bar")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda bars, at: bars.close.__setitem__(at, np.nan),
        lambda bars, at: bars.high.__setitem__(at, bars.low[at] - 1),
        lambda bars, at: bars.low.__setitem__(at, -np.inf),
        lambda bars, at: bars.volume.__setitem__(at, np.nan),
        lambda bars, at: bars.open_time.__setitem__(at, bars.open_time[at] + 1),
        lambda bars, at: bars.open_time.__setitem__(at, bars.open_time[at - 1]),
    ],
    ids=["nan", "high below low", "endless low", "nan volume", "off the clock", "twice"],
)
def test_nothing_is_concluded_from_an_impossible_bar(spoil):
    strategy = sample(columns=lambda self, x: {"fast": x.close.sma(10)})
    bars = walk(1024 + 40)
    spoil(bars, 1030)
    provider = ArraySeries({("it", 60): bars}, {("it", 60): Coverage(0, 1063 * 60)})
    found = evaluate(
        strategy, provider, instrument="it", from_open=1031 * 60, through_open=1063 * 60
    )
    assert {one.verdict for one in found} == {Verdict.ERROR}
    assert "is impossible" in found[0].reason


def test_no_bars_no_decisions():
    strategy = sample()
    provider = ArraySeries({("it", 60): walk(1200)})
    span = {"from_open": 0, "through_open": 10**10}
    assert evaluate(strategy, provider, instrument="other", **span) == []
    assert len(evaluate(strategy, provider, instrument="it", **span)) == 1200
    late = {"from_open": 1200 * 60, "through_open": 10**10}
    assert evaluate(strategy, provider, instrument="it", **late) == []


def test_an_absent_bar_has_no_decision():
    bars = walk(1200)
    holed = ArrayBars.of(bars, bars.open_time != 1100 * 60)
    found = run(sample(), holed)
    opens = [one.bar_open for one in found]
    assert opens == holed.open_time.tolist()


def test_absent_minutes_before_a_block_leave_no_value_unknown():
    """2 % of these minutes are absent; every window still finds its values at a block's border."""
    provider, begin = market(first_day=200, days=5)
    strategy = sample(
        columns=lambda self, x: {
            **{f"sma{n}": x.close.sma(n) for n in (3, 10, 40, 200)},
            "lag": x.close.lag(25),
            "hour": x.tf("1h", lambda h: h.close.sma(5)),
        }
    )
    found = settled(
        evaluate(strategy, provider, instrument=1, from_open=begin, through_open=begin + 5 * 86400)
    )
    assert len(found) < 4.4 * 1440
    assert {len(one.values) for one in found} == {6}


def test_a_plan_shares_equal_calculations():
    def columns(self, x):
        return {"a": x.close.ema(9), "b": x.close.ema(9) - x.close.ema(9)}

    found = settled(run(sample(columns=columns), walk(1300)))
    assert found
    assert {one.values["b"] for one in found} == {0.0}
