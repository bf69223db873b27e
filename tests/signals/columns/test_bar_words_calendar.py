"""Words on time and periods against the calendar itself, bar by bar."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from signals.columns import ArrayBars, ColumnError
from signals.indicators.zones import zone_offsets
from tests.signals.columns.columns_of import calculated, described, from_time
from tests.signals.columns.samples import walk
from tests.signals.real_bars import btc_1m

MINUTE, QUARTER, HOUR, FOUR_HOURS, DAY = 60, 900, 3600, 14400, 86400


def epoch(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def at(texts, step):
    """Bars that open at these times (UTC)."""
    one = walk(len(texts), step=step)
    opens = np.array([epoch(text) for text in texts])
    return ArrayBars(opens, one.open, one.high, one.low, one.close, one.volume)


def every(step, first, days):
    return walk(days * DAY // step, start=epoch(first), step=step)


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
)
def test_clock_words_are_those_of_the_zone(zone):
    bars = every(HOUR, "2023-01-01", 800)
    words = {
        "hour": lambda now: now.hour,
        "minute": lambda now: now.minute,
        "minutes_since_midnight": lambda now: now.hour * 60 + now.minute,
        "weekday": lambda now: now.weekday(),
        "day_of_month": lambda now: now.day,
        "month": lambda now: now.month,
    }
    clock = [datetime.fromtimestamp(one, ZoneInfo(zone)) for one in bars.open_time.tolist()]
    for name, read in words.items():
        ours = calculated(lambda x, name=name: getattr(x, name)(zone), bars, HOUR)
        assert ours.tolist() == [read(now) for now in clock]


@pytest.mark.parametrize(
    ("name", "zone", "hours"),
    [
        ("sydney", "Australia/Sydney", (7, 16)),
        ("tokyo", "Asia/Tokyo", (9, 18)),
        ("london", "Europe/London", (8, 17)),
        ("new_york", "America/New_York", (8, 17)),
    ],
)
def test_sessions_keep_their_local_hours_over_daylight_saving(name, zone, hours):
    bars = every(QUARTER, "2024-01-01", 366)
    inside, minutes = [], []
    for opened in bars.open_time.tolist():
        now = datetime.fromtimestamp(opened, ZoneInfo(zone))
        inside.append(float(now.weekday() < 5 and hours[0] <= now.hour < hours[1]))
        minutes.append((now.hour - hours[0]) * 60 + now.minute if inside[-1] else None)
    assert calculated(lambda x: x.session(name), bars, QUARTER).tolist() == inside
    ours = calculated(lambda x: x.minutes_into_session(name), bars, QUARTER)
    assert [None if np.isnan(one) else one for one in ours] == minutes


def test_london_opens_an_hour_earlier_in_utc_from_the_last_sunday_of_march():
    bars = at(
        [
            "2024-03-29 07:59",
            "2024-03-29 08:00",
            "2024-04-01 06:59",
            "2024-04-01 07:00",
            "2024-04-01 15:59",
            "2024-04-01 16:00",
            "2024-04-06 10:00",
        ],
        MINUTE,
    )
    assert calculated(lambda x: x.session("london"), bars, MINUTE).tolist() == [0, 1, 0, 1, 1, 0, 0]


def test_the_clock_changes_at_the_second_of_the_time_zone_database():
    changes, added = zone_offsets("America/New_York")
    place = np.searchsorted(changes, epoch("2024-03-10 07:00"))
    assert changes[place] == epoch("2024-03-10 07:00")
    assert added[place - 1 : place + 1].tolist() == [-5 * 3600, -4 * 3600]
    assert zone_offsets("Asia/Tokyo")[1].tolist() == [9 * 3600]


def periods_of(bars, period):
    """The UTC day, ISO week or month of each bar, by the standard library."""
    kinds = {
        "day": lambda now: now.date().toordinal(),
        "week": lambda now: (now - timedelta(days=now.weekday())).date().toordinal(),
        "month": lambda now: now.year * 12 + now.month,
    }
    return [kinds[period](datetime.fromtimestamp(one, UTC)) for one in bars.open_time.tolist()]


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_previous_period_and_first_bar(period):
    bars = btc_1m(20, 90).resampled(HOUR)
    step = HOUR
    periods = periods_of(bars, period)
    grouped = {}
    for row, one in enumerate(periods):
        grouped.setdefault(one, []).append(row)
    order = list(grouped)
    before = dict(zip(order[1:], order[:-1], strict=True))
    first = calculated(lambda x: x.is_first_bar_of(period), bars, step)
    assert np.flatnonzero(first).tolist() == [rows[0] for rows in grouped.values()]
    for word, values, pick in (
        ("previous_high", bars.high, np.max),
        ("previous_low", bars.low, np.min),
        ("previous_close", bars.close, lambda rows: rows[-1]),
    ):
        ours = calculated(lambda x, word=word: getattr(x, word)(period), bars, step)
        wanted = [
            pick(values[grouped[before[one]]]) if one in before else np.nan for one in periods
        ]
        assert np.array_equal(ours, wanted, equal_nan=True)


def test_day_open():
    bars = btc_1m(20, 4)
    ours = calculated(lambda x: x.day_open(), bars, MINUTE)
    day = bars.open_time // DAY
    first = {one: bars.open[np.flatnonzero(day == one)[0]] for one in np.unique(day).tolist()}
    assert ours.tolist() == [first[one] for one in day.tolist()]


def test_the_previous_day_reaches_over_a_long_weekend_and_no_further():
    days = ["2024-03-28", "2024-04-02", "2024-04-08"]
    bars = at([f"{day} 14:00" for day in days], HOUR)
    ours = calculated(lambda x: x.previous_close("day"), bars, HOUR)
    assert np.isnan(ours[0])
    assert ours[1] == bars.close[0]
    assert np.isnan(ours[2])


@pytest.mark.parametrize(
    ("name", "describe", "timeframe"),
    [
        ("week", lambda x: x.obv("week"), HOUR),
        ("month", lambda x: x.vwap("month").line, FOUR_HOURS),
        ("sydney", lambda x: x.accumulation("sydney"), QUARTER),
        ("previous week", lambda x: x.previous_high("week"), HOUR),
        ("previous month", lambda x: x.previous_low("month"), FOUR_HOURS),
        ("first of month", lambda x: x.is_first_bar_of("month"), FOUR_HOURS),
        ("days", lambda x: x.relative_volume_at_time(5), HOUR),
    ],
)
def test_longer_periods_need_only_their_derived_history(name, describe, timeframe):
    bars = btc_1m(0, 150).resampled(timeframe)
    need = described(describe, timeframe).node.need
    far = calculated(describe, bars, timeframe)
    for row in (len(far) - 1, len(far) - 5, len(far) - 100, len(far) - 233):
        opened = int(bars.open_time[row])
        near = calculated(describe, from_time(bars, opened - need * timeframe, row), timeframe)[-1]
        assert np.isclose(near, far[row], rtol=1e-9, atol=0, equal_nan=True)


def test_a_reset_needs_one_period():
    assert described(lambda x: x.obv("day"), MINUTE).node.need == 1439
    assert described(lambda x: x.vwap("week").upper, HOUR).node.need == 167
    assert described(lambda x: x.accumulation("month"), DAY).node.need == 30
    assert described(lambda x: x.vwap("london").line, QUARTER).node.need == 35
    assert described(lambda x: x.previous_high("week"), HOUR).node.need == 335


REFUSED = {
    "obv without": (lambda x: x.obv(), 'say when it begins anew: obv(reset="day")'),
    "vwap without": (lambda x: x.vwap(), "adds up from where the calculation began"),
    "accumulation without": (lambda x: x.accumulation(), "which is not the same place"),
    "an unknown reset": (lambda x: x.obv("year"), "takes one of day, week, month, sydney"),
    "a number as reset": (lambda x: x.vwap(20), "takes one of day"),
    "an unknown session": (lambda x: x.session("paris"), "takes one of sydney, tokyo, london"),
    "a day as session": (lambda x: x.minutes_into_session("day"), "takes one of sydney"),
    "a session as period": (lambda x: x.previous_high("london"), "takes one of day, week, month"),
    "a month of minutes": (lambda x: x.obv("month"), "looks back over 44,640 1m bars"),
    "weeks of minutes": (lambda x: x.previous_low("week"), "ask for it on a longer timeframe"),
    "many days": (lambda x: x.relative_volume_at_time(20), "at most 12,000"),
    "no zone": (lambda x: x.hour("Europe/Atlantis"), 'a time zone like "Europe/London"'),
    "the machine's zone": (lambda x: x.hour("localtime"), 'a time zone like "Europe/London"'),
    "a number as zone": (lambda x: x.weekday(2), 'a time zone like "Europe/London"'),
    "a path as zone": (lambda x: x.hour("../etc/passwd"), 'a time zone like "Europe/London"'),
    "a centred dpo": (lambda x: x.dpo(20, centered=True), "a centred window ends after the bar"),
    "a sum without an end": (lambda x: x.volume.cumsum(), "adds up from where the calculation"),
    "a line without an end": (lambda x: x.adl(), "use a word that begins anew"),
    "a zigzag": (lambda x: x.zigzag(5), "marks a bar by later ones; use x.smc.swing_high"),
    "chikou": (lambda x: x.ichimoku().chikou, "has not happened yet"),
    "a stop without a step": (lambda x: x.psar(0, 0.2), "0 < step <= limit"),
    "a stop beyond its limit": (lambda x: x.psar(0.3, 0.2), "0 < step <= limit"),
    "a fractional window": (lambda x: x.adx(2.5), "adx takes a whole number of bars"),
    "a window of one": (lambda x: x.cci(1), "cci takes at least 2"),
    "text as width": (lambda x: x.keltner(20, "2"), "finite number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_sentence(name):
    attempt, sentence = REFUSED[name]
    with pytest.raises(ColumnError) as refused:
        described(attempt, MINUTE)
    assert sentence in str(refused.value)


def test_long_bars_have_no_session():
    for timeframe in (FOUR_HOURS, DAY):
        with pytest.raises(ColumnError, match="lies partly outside of the london session"):
            described(lambda x: x.session("london"), timeframe)
