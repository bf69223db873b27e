"""Every way to look ahead that we know of, planted and caught.

What the language can see is refused with its sentence before anything is calculated. What no
language can see (a tape that lies, code that remembers, an engine that reads a bar too early) is
found by the prefix test, beside an honest twin that passes it.
"""

import re

import numpy as np
import pytest

from signals.columns import (
    ArrayBars,
    ArraySeries,
    ColumnError,
    Coverage,
    LookaheadError,
    Tape,
    Verdict,
    assert_causal,
    compile_strategy,
    enter_long,
    evaluate,
    nothing,
)
from signals.columns.run import Run
from signals.forecasting.shelf import shelf
from signals.strategies import Strategy
from tests.signals.app.conftest import START
from tests.signals.columns.samples import walk
from tests.signals.forecasting.shelved import series, shelved

OTHER = "ETH/USDT"
WHOLE = (
    "looks at the whole sample, and so at bars that have not closed yet; "
    "use a rolling window: .sma(n), .stdev(n), .rolling_max(n), .rolling_min(n)"
)
FILLS = (
    "fills a gap from other bars, later ones among them; a missing value stays missing "
    "and a condition on it does not hold; .otherwise(value) puts a constant in its place"
)
FRAME = "would hand out the whole series; a column is only ever seen at the bar that closed"
ROWS = "reaches for rows of the series; a column has no rows; use .lag(n) for an earlier bar"
SHIFTS = "can shift forward; use .lag(n), which only looks back"
NO_ROWS = "it has no rows, later bars among them; "


def before_its_close(x):
    """Smuggle the forming hour out of the function that may see it."""
    seen = []
    x.tf("1h", lambda h: seen.append(h.close) or h.close)
    return x.close - seen[0]


def unclosed_bar_of_another(x):
    seen = []
    x.symbol(OTHER, lambda b: seen.append(b.close) or b.close)
    return x.close - seen[0]


REFUSED = {
    "a negative lag": (
        lambda x: x.close.lag(-1),
        "lag cannot take -1: a negative lag reads bars that have not closed yet; use 0 or more",
    ),
    "a shift": (lambda x: x.close.shift(-1), f"a column.shift {SHIFTS}"),
    "a percentage of the next bar": (
        lambda x: x.close.pct_change(-1),
        f"a column.pct_change {SHIFTS}",
    ),
    "an index": (
        lambda x: x.close[1],
        f"a column cannot be indexed ([1]): {NO_ROWS}use .lag(n) for the value n bars ago",
    ),
    "a slice": (
        lambda x: x.close[:-1],
        (
            f"a column cannot be indexed ([slice(None, -1, None)]): {NO_ROWS}"
            "use .lag(n) for the value n bars ago"
        ),
    ),
    "a row": (lambda x: x.close.iloc, f"a column.iloc {ROWS}"),
    "the last row": (
        lambda x: x[-1],
        f"x cannot be indexed ([-1]): {NO_ROWS}use x.close.lag(n) for an earlier bar",
    ),
    "iterating": (
        lambda x: sorted(x.close),
        (
            "a column cannot be iterated: it has one value, the one at the bar that closed; "
            "use .lag(n), .sma(n), .rolling_max(n) to look back"
        ),
    ),
    "a mean of the whole sample": (lambda x: x.close - x.close.mean(), f"a column.mean {WHOLE}"),
    "a z-score of the whole sample": (
        lambda x: x.close.zscore(),
        f"zscore without a number of bars {WHOLE}, or .zscore(n)",
    ),
    "a quantile of the whole sample": (
        lambda x: x.close.median(),
        f"median without a number of bars {WHOLE}, or .median(n)",
    ),
    "scaling by the least and the greatest": (
        lambda x: (x.close - x.close.min()) / (x.close.max() - x.close.min()),
        f"a column.min {WHOLE}",
    ),
    "a centred window": (
        lambda x: x.close.sma(9, center=True),
        (
            "sma: a centred window ends after the bar that closed, so it would look ahead; "
            "windows end at the current bar"
        ),
    ),
    "filling backward": (lambda x: x.close.bfill(), f"a column.bfill {FILLS}"),
    "filling forward": (lambda x: x.close.ffill(), f"a column.ffill {FILLS}"),
    "interpolating": (lambda x: x.close.interpolate(), f"a column.interpolate {FILLS}"),
    "resampling": (lambda x: x.close.resample("1h"), f"a column.resample {FRAME}"),
    "a Fourier transform": (lambda x: np.fft.fft(x.close), f"numpy on a column {FRAME}"),
    "the values themselves": (lambda x: x.close.to_numpy(), f"a column.to_numpy {FRAME}"),
    "a longer chart before its close": (
        before_its_close,
        (
            "a 1m column cannot be combined with a 1h column: their bars close at different times; "
            "return it from x.tf or x.symbol, which align it on what had closed"
        ),
    ),
    "another symbol's unclosed bar": (
        unclosed_bar_of_another,
        (
            f"a 1m column cannot be combined with a {OTHER} 1m column: their bars close at "
            "different times; return it from x.tf or x.symbol, which align it on what had closed"
        ),
    ),
    "a longer chart that hands out this one": (
        lambda x: x.tf("1h", lambda h: x.close),
        "the function given for 1h must use its own argument",
    ),
    "a shorter chart": (
        lambda x: x.tf("1s", lambda s: s.close),
        "x.tf goes up, from 1m to a multiple of it; 1s is not one",
    ),
}


def watching(describe):
    class Watching(Strategy):
        """Stores one column; its sign against the last bar makes the changes to cut at."""

        timeframe = "1m"

        def columns(self, x):
            column = describe(x)
            return {"column": column, "up": column > column.lag(1)}

    return Watching()


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_language_can_see_is_refused_with_its_sentence(name):
    describe, sentence = REFUSED[name]
    with pytest.raises(ColumnError) as caught:
        compile_strategy(watching(describe))
    assert str(caught.value) == sentence


@pytest.fixture(scope="module")
def bars():
    return walk(1500, seed=3)


def found(strategy, bars, **besides):
    """Return the sentence with which the prefix test finds a leak."""
    with pytest.raises(LookaheadError) as caught:
        assert_causal(strategy, bars, 60, **besides)
    return str(caught.value)


DIFFERS = re.compile(
    r"with the bars up to \d+ the bar at \d+ gave BarDecision.*; with later bars it gives BarDec"
)


class TestAPointReadBeforeItWasThere:
    def test_is_found(self, bars):
        at = bars.open_time[::7] + 60
        values = np.sin(np.arange(len(at)))
        strategy = watching(lambda x: x.feed("fear_greed"))
        lying = {("fear_greed", None): Tape(at, values, at + 60)}
        assert DIFFERS.match(found(strategy, bars, feeds=lying))
        honest = {("fear_greed", None): Tape(at, values, at)}
        assert assert_causal(strategy, bars, 60, feeds=honest) > 10

    def test_a_revision_that_replaces_what_was_published_is_found(self, bars):
        """The newest vintage put in the place of the first one, a day before it came out."""
        day = np.arange(0, len(bars.open_time) * 60, 7200)
        first, revised = day // 7200 % 7 + 1.0, day // 7200 % 5 + 1.5
        strategy = watching(lambda x: x.macro("GDP"))
        lying = {("macro:GDP", None): Tape(day, revised, day + 3600)}
        assert DIFFERS.match(found(strategy, bars, feeds=lying))
        at = np.sort(np.concatenate((day, day + 3600)))
        values = np.column_stack((first, revised)).ravel()
        honest = {("macro:GDP", None): Tape(at, values, at)}
        assert assert_causal(strategy, bars, 60, feeds=honest) > 10


SERIES = {
    "a longer chart": lambda x: x.tf("15m", lambda q: q.close),
    "another symbol": lambda x: x.symbol(OTHER, lambda b: b.close),
    "a longer chart of another symbol": lambda x: x.symbol(
        OTHER, lambda b: b.tf("5m", lambda f: f.close)
    ),
}


@pytest.mark.parametrize("name", SERIES)
def test_an_engine_that_reads_a_bar_before_its_close_is_found(bars, name, monkeypatch):
    """Rows of the other series moved ahead by one of its bars: resample and fill forward."""
    strategy, others = watching(SERIES[name]), {OTHER: walk(1500, seed=4)}
    assert assert_causal(strategy, bars, 60, cuts=12, others=others) == 12
    plain = Run._feed_parent

    def early(self, parent, provider, closes, values):
        plain(self, parent, provider, closes + parent.timeframe, values)

    monkeypatch.setattr(Run, "_feed_parent", early)
    assert DIFFERS.match(found(strategy, bars, cuts=12, others=others))


@pytest.mark.parametrize("name", SERIES)
def test_a_bar_that_counts_as_closed_too_early_stays_out_of_sight(bars, name, monkeypatch):
    """Two guards stand there: which bars are fetched, and from when on a row is known."""
    strategy, others = watching(SERIES[name]), {OTHER: walk(1500, seed=4)}
    provider = ArraySeries({("BTC", 60): bars, (OTHER, 60): others[OTHER]})
    span = {"instrument": "BTC", "from_open": 600 * 60, "through_open": 1400 * 60}
    honest = evaluate(strategy, provider, **span)
    monkeypatch.setattr(
        Run, "last_closed_open", lambda self, moment: moment // self.timeframe * self.timeframe
    )
    assert evaluate(strategy, provider, **span) == honest


class TestStateOnTheSide:
    def remembering(self, condition):
        seen = {}

        class Remembers(Strategy):
            """Keeps what it saw in an evaluation over the whole and uses it in the next."""

            timeframe = "1m"

            def columns(self, x):
                return {"up": x.close > x.open}

            def decide(self, b):
                seen[b.bar_open] = b.close
                ahead = seen.get(b.bar_open + 60, 0)
                if condition(b) and ahead > b.close:
                    return enter_long(stop=b.close - 1, why="it will rise")
                return nothing

        return Remembers()

    def test_is_found(self, bars):
        assert DIFFERS.match(found(self.remembering(lambda b: True), bars))

    def test_that_acts_on_rare_bars_only_is_found_with_few_cuts(self, bars):
        """Cuts at random bars would miss it; these lie where the output changes."""
        rare = np.quantile(bars.volume, 0.99)
        strategy = self.remembering(lambda b: b.volume > rare)
        assert DIFFERS.match(found(strategy, bars, cuts=400))

    def test_a_count_of_calls_is_found(self, bars):
        calls = []

        class Counts(Strategy):
            timeframe = "1m"

            def columns(self, x):
                return {"up": x.close > x.open}

            def decide(self, b):
                calls.append(b.bar_open)
                return nothing(f"call {len(calls)}")

        assert DIFFERS.match(found(Counts(), bars))


class TestAModelAndTheBarsItSaw:
    """A model that knows its training bars by heart shines there; it is not asked about them."""

    @pytest.fixture
    def oracle(self, monkeypatch):
        monkeypatch.setattr(shelf, "refresh", None)
        shelf.put(shelved("oracle", through=START + 1200 * 60))

    def test_it_is_not_asked_about_them(self, oracle):
        span = {"instrument": "BTC", "from_open": START, "through_open": START + 1700 * 60}
        with pytest.raises(ColumnError) as caught:
            evaluate(watching(lambda x: x.model("oracle")), series(), **span)
        assert str(caught.value) == (
            "the model oracle was trained on bars up to 2023-11-16 06:40 UTC; what it says about "
            "them proves nothing, so ask for bars that close later"
        )

    def test_a_later_training_takes_its_word_back(self, oracle):
        strategy = watching(lambda x: x.model("oracle"))
        first = START + 1300 * 60
        span = {"instrument": "BTC", "from_open": first, "through_open": START + 1700 * 60}
        assert evaluate(strategy, series(), **span)[-1].values["column"] > 0
        shelf.put(shelved("oracle", version=2, through=START + 1600 * 60))
        with pytest.raises(ColumnError, match="was trained on bars up to 2023-11-16 13:20 UTC"):
            evaluate(watching(lambda x: x.model("oracle")), series(), **span)


def test_bars_out_of_order_are_refused_and_not_sorted(bars):
    """A later bar stored under an earlier time would be the future in the past."""
    rows = np.arange(len(bars.open_time))
    rows[[700, 701]] = rows[[701, 700]]
    mixed = ArrayBars.of(bars, rows)
    provider = ArraySeries({("BTC", 60): mixed}, {("BTC", 60): Coverage(0, 1499 * 60)})
    span = {"instrument": "BTC", "from_open": 600 * 60, "through_open": 720 * 60}
    decisions = evaluate(watching(lambda x: x.close), provider, **span)
    assert {one.verdict for one in decisions} == {Verdict.ERROR}
    assert decisions[0].reason == f"the 1m bar at {700 * 60} is impossible"
