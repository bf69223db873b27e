"""Every word on bars: causal, the same bits however it is cut, independent of its beginning."""

import numpy as np
import pytest

from signals.columns import (
    BLOCK,
    ArrayBars,
    EvaluationCache,
    Verdict,
    assert_causal,
    evaluate,
)
from signals.columns.words import (
    averages,
    calendar,
    candles,
    catalogue,
    change,
    memory,
    oscillators,
    statistics,
    trend,
    volatility,
    volume,
)
from signals.columns.words.calendar import CalendarWords
from signals.columns.words.oscillators import OscillatorWords
from signals.columns.words.trend import TrendWords
from signals.columns.words.volatility import VolatilityWords
from signals.columns.words.volume import VolumeWords
from signals.strategies import Strategy, nothing
from tests.signals.columns.columns_of import calculated, described, from_time
from tests.signals.columns.samples import Until, market
from tests.signals.real_bars import REPO, btc_1m, numbers, read_csv

MINUTE, QUARTER, HOUR, DAY = 60, 900, 3600, 86400

TREND = {
    "adx": lambda x: x.adx(9),
    "plus_di": lambda x: x.plus_di(9),
    "minus_di": lambda x: x.minus_di(9),
    "aroon up": lambda x: x.aroon(25).up,
    "aroon down": lambda x: x.aroon(25).down,
    "aroon oscillator": lambda x: x.aroon(25).oscillator,
    "psar": lambda x: x.psar(0.02, 0.2),
    "supertrend line": lambda x: x.supertrend(10, 3).line,
    "supertrend is_up": lambda x: x.supertrend(10, 3).is_up,
    "ichimoku conversion": lambda x: x.ichimoku().conversion,
    "ichimoku base": lambda x: x.ichimoku().base,
    "ichimoku span_a": lambda x: x.ichimoku().span_a,
    "ichimoku span_b": lambda x: x.ichimoku().span_b,
    "vortex plus": lambda x: x.vortex(14).plus,
    "vortex minus": lambda x: x.vortex(14).minus,
    "trix": lambda x: x.trix(7),
    "choppiness": lambda x: x.choppiness(14),
    "heikin_ashi open": lambda x: x.heikin_ashi().open,
    "heikin_ashi high": lambda x: x.heikin_ashi().high,
    "heikin_ashi low": lambda x: x.heikin_ashi().low,
    "heikin_ashi close": lambda x: x.heikin_ashi().close,
}
OSCILLATORS = {
    "stochastic k": lambda x: x.stochastic(14, 3, 3).k,
    "stochastic d": lambda x: x.stochastic(14, 3, 3).d,
    "stochastic_rsi k": lambda x: x.stochastic_rsi(9).k,
    "stochastic_rsi d": lambda x: x.stochastic_rsi(9).d,
    "cci": lambda x: x.cci(20),
    "mfi": lambda x: x.mfi(14),
    "williams_r": lambda x: x.williams_r(14),
    "ultimate": lambda x: x.ultimate(7, 14, 28),
    "awesome": lambda x: x.awesome(),
    "tsi": lambda x: x.tsi(12, 6),
    "ppo line": lambda x: x.ppo(6, 13, 5).line,
    "ppo signal": lambda x: x.ppo(6, 13, 5).signal,
    "ppo histogram": lambda x: x.ppo(6, 13, 5).histogram,
    "cmo": lambda x: x.cmo(14),
    "dpo": lambda x: x.dpo(20),
    "fisher line": lambda x: x.fisher(9).line,
    "fisher trigger": lambda x: x.fisher(9).trigger,
}
VOLATILITY = {
    "true_range": lambda x: x.true_range(),
    "natr": lambda x: x.natr(9),
    "keltner upper": lambda x: x.keltner(12, 2, 9).upper,
    "keltner middle": lambda x: x.keltner(12, 2, 9).middle,
    "keltner lower": lambda x: x.keltner(12, 2, 9).lower,
    "donchian upper": lambda x: x.donchian(20).upper,
    "donchian middle": lambda x: x.donchian(20).middle,
    "donchian lower": lambda x: x.donchian(20).lower,
    "chandelier long": lambda x: x.chandelier(9, 3).long,
    "chandelier short": lambda x: x.chandelier(9, 3).short,
    "realised_volatility": lambda x: x.realised_volatility(20),
    "parkinson": lambda x: x.parkinson(20),
    "garman_klass": lambda x: x.garman_klass(20),
    "squeeze": lambda x: x.squeeze(9),
    "ulcer_index": lambda x: x.ulcer_index(14),
}
VOLUME = {
    "obv": lambda x: x.obv("day"),
    "obv of london": lambda x: x.obv("london"),
    "accumulation": lambda x: x.accumulation("day"),
    "vwap upper": lambda x: x.vwap("day", 2).upper,
    "vwap line": lambda x: x.vwap("day").line,
    "vwap lower": lambda x: x.vwap("new_york").lower,
    "vwap_of_last": lambda x: x.vwap_of_last(20),
    "chaikin_money_flow": lambda x: x.chaikin_money_flow(20),
    "force_index": lambda x: x.force_index(7),
    "ease_of_movement": lambda x: x.ease_of_movement(14),
    "relative_volume": lambda x: x.relative_volume(20),
    "relative_volume_at_time": lambda x: x.relative_volume_at_time(2),
}
CALENDAR = {
    "hour": lambda x: x.hour("Europe/London"),
    "minute": lambda x: x.minute("Asia/Kolkata"),
    "minutes_since_midnight": lambda x: x.minutes_since_midnight(),
    "weekday": lambda x: x.weekday("America/New_York"),
    "day_of_month": lambda x: x.day_of_month(),
    "month": lambda x: x.month(),
    "session": lambda x: x.session("london"),
    "minutes_into_session": lambda x: x.minutes_into_session("tokyo"),
    "is_first_bar_of": lambda x: x.is_first_bar_of("day"),
    "day_open": lambda x: x.day_open(),
    "previous_high": lambda x: x.previous_high("day"),
    "previous_low": lambda x: x.previous_low("day"),
    "previous_close": lambda x: x.previous_close("day"),
}
WORDS = {**TREND, **OSCILLATORS, **VOLATILITY, **VOLUME, **CALENDAR}


def test_no_operator_is_calculated_in_two_ways():
    modules = (trend, oscillators, volatility, volume, calendar, averages, statistics, change)
    names = [name for module in (*modules, memory, catalogue, candles) for name in module.KERNELS]
    assert len(names) == len(set(names))


def test_every_word_is_tested_and_documented():
    page = (REPO / "docs" / "indicators-bars.md").read_text()
    mixins = (TrendWords, OscillatorWords, VolatilityWords, VolumeWords, CalendarWords)
    names = {
        name
        for mixin in mixins
        for one in mixin.__mro__
        if one.__module__.startswith("signals.columns.words")
        for name in vars(one)
        if not name.startswith("_")
    }
    assert len(names) == 55
    assert {name for name in names if f"x.{name}(" not in page} == set()
    assert names == {key.split()[0] for key in WORDS}


def watching(describe, name="15m"):
    class Watching(Strategy):
        """Stores one column; its sign against the last bar makes the changes to cut at."""

        timeframe = name

        def columns(self, x):
            column = describe(x)
            return {"column": column, "known": column.known(), "up": column > column.lag(1)}

        def decide(self, b):
            return nothing("watching")

    return Watching()


LONGER = {
    "obv of the week": (lambda x: x.obv("week"), "1h"),
    "obv of new_york": (lambda x: x.obv("new_york"), "1h"),
    "accumulation of sydney": (lambda x: x.accumulation("sydney"), "1h"),
    "vwap of the month": (lambda x: x.vwap("month", 2).lower, "4h"),
    "previous week": (lambda x: x.previous_high("week"), "1h"),
    "previous month": (lambda x: x.previous_low("month"), "4h"),
    "first bar of the week": (lambda x: x.is_first_bar_of("week"), "1h"),
    "first bar of the month": (lambda x: x.is_first_bar_of("month"), "4h"),
}


@pytest.mark.parametrize("name", LONGER)
def test_words_over_longer_periods_are_causal_and_cut_anywhere(name):
    describe, timeframe = LONGER[name]
    step = {"1h": HOUR, "4h": 4 * HOUR}[timeframe]
    bars = btc_1m(0, 300).resampled(step)
    part = ArrayBars.of(bars, slice(0, 1750))
    assert assert_causal(watching(describe, timeframe), part, step, cuts=3) >= 1
    whole = calculated(describe, part, step)
    cuts = np.unique(np.random.default_rng(5).integers(1, len(whole), 60)).tolist()
    assert np.array_equal(calculated(describe, part, step, cuts), whole, equal_nan=True)
    singles = calculated(describe, part, step, range(300, 420))
    assert np.array_equal(singles, whole, equal_nan=True)


@pytest.fixture(scope="module")
def quarters():
    return btc_1m(60, 40).resampled(QUARTER)


@pytest.mark.parametrize("name", WORDS)
def test_every_word_is_causal(name, quarters):
    bars = ArrayBars.of(quarters, slice(0, 1700))
    assert assert_causal(watching(WORDS[name]), bars, QUARTER, cuts=3) >= 1


@pytest.mark.parametrize("name", WORDS)
def test_pieces_of_any_size_give_the_same_bits(name):
    bars = ArrayBars.of(btc_1m(60, 2), slice(0, 2000))
    whole = calculated(WORDS[name], bars, MINUTE)
    dice = np.random.default_rng(3)
    some = np.unique(dice.integers(1, 2000, 20)).tolist()
    singles = [*range(1, 15), *range(1440, 1470)]
    for cuts in (some, singles):
        assert np.array_equal(calculated(WORDS[name], bars, MINUTE, cuts), whole, equal_nan=True)


@pytest.mark.parametrize("name", WORDS)
def test_the_beginning_has_no_influence_after_the_derived_history(name, quarters):
    need = described(WORDS[name], QUARTER).node.need
    last = len(quarters.open_time) - 1
    for row in (last, last - 40, last - 300):
        opened = int(quarters.open_time[row])
        long = from_time(quarters, opened - max(10 * need, 500) * QUARTER, row)
        short = from_time(quarters, opened - need * QUARTER, row)
        far = calculated(WORDS[name], long, QUARTER)
        near = calculated(WORDS[name], short, QUARTER)[-1]
        scale = np.nanmax(np.abs(far[-50:])) if np.isfinite(far[-50:]).any() else 1.0
        assert np.isnan(near) == np.isnan(far[-1])
        assert np.isnan(near) or abs(near - far[-1]) <= 1e-9 * max(scale, 1e-9), (near, far[-1])


class EveryBarWord(Strategy):
    """All words on bars at once."""

    timeframe = "15m"

    def columns(self, x):
        return {name.replace(" ", "_"): describe(x) for name, describe in WORDS.items()}

    def decide(self, b):
        return nothing("watching")


def test_live_bars_with_and_without_memory_equal_the_backtest():
    provider, begin = market(first_day=200, days=26)
    strategy = EveryBarWord()
    through = begin + 26 * DAY - QUARTER
    whole = evaluate(strategy, provider, instrument=1, from_open=begin, through_open=through)
    known = {one.bar_open: one for one in whole if one.verdict is not Verdict.WARMING_UP}
    border = max(one for one in known if one % (BLOCK * QUARTER) == 0)
    live = [one for one in known if border - 5 * QUARTER <= one < border + 7 * QUARTER]
    assert len(live) == 12
    cache = EvaluationCache()
    for number, bar_open in enumerate(live):
        now = Until(provider, bar_open + QUARTER)
        span = {"instrument": 1, "from_open": bar_open, "through_open": bar_open}
        assert evaluate(strategy, now, cache=cache, **span) == [known[bar_open]]
        if number % 6 == 0:
            assert evaluate(strategy, now, **span) == [known[bar_open]]
    # Nearly all have a value there, two of the sessions are closed.
    assert len(known[live[-1]].values) > 70


@pytest.mark.parametrize("name", ["zeros", "penny", "toobig"])
def test_extreme_quotes_give_a_number_or_none(name):
    rows = read_csv(f"indicators/stockindicators_{name}.csv.gz")
    prices = [numbers(rows, field) for field in ("open", "high", "low", "close", "volume")]
    bars = ArrayBars(np.arange(len(rows), dtype=np.int64) * HOUR, *prices)
    assert len(rows) > 100
    for describe in WORDS.values():
        found = calculated(describe, bars, HOUR)
        assert len(found) == len(rows)
        assert not np.isinf(found).any()
