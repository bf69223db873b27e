"""A source of stocks asked by the hours of its market, however late it is."""

import pytest

from markets.providers.base import CandleRow
from markets.sessions import Calendar
from markets.streaming.stock_rest import ALLOWANCE_S, HoursRest
from mystic.lib.ratelimit import WeightBudget

MINUTE, HOUR = 60, 3600
FRIDAY = 1_795_185_000  # 2026-11-20 14:30 UTC
FRIDAY_CLOSE = FRIDAY + 6 * HOUR + 1800
MONDAY = FRIDAY + 72 * HOUR
NYSE = Calendar.of("XNYS", [(FRIDAY, FRIDAY_CLOSE), (MONDAY, MONDAY + 6 * HOUR + 1800)])


class LateSource:
    """A source that shows bars only some seconds after they ended."""

    source, is_official = "replay:late", False

    def __init__(self, *, lag_s=0, early=()):
        self.lag_s = lag_s
        self.now = FRIDAY
        self.asked = []
        self.budget = WeightBudget(1000)
        self.times = [
            *early,
            *range(FRIDAY, FRIDAY_CLOSE, MINUTE),
            *range(MONDAY, MONDAY + HOUR, MINUTE),
        ]

    async def klines(self, native_id, timeframe, start=None, end=None, limit=1000, *, priority):
        self.asked.append((start, end))
        end = self.now if end is None else end
        shown = [t for t in self.times if t + timeframe <= self.now - self.lag_s and t < end]
        rows = [CandleRow(t, 1, 2, 0.5, 1, 1) for t in shown if start is None or t >= start]
        return rows[:limit] if start is not None else rows[-limit:]


def hours_rest(source, calendar=NYSE):
    rest = HoursRest(source, calendar=lambda: calendar, timeframe=MINUTE, wall=lambda: source.now)
    rest.probe_id = "AAPL"
    return rest


async def known(rest):
    return await rest.server_time() // 1000


@pytest.mark.asyncio
async def test_a_late_source_is_known_up_to_what_it_showed():
    source = LateSource(lag_s=900)
    rest = hours_rest(source)
    source.now = FRIDAY + HOUR
    assert await known(rest) == FRIDAY + HOUR - 900
    assert len(source.asked) == 1
    # It is looked for anew only after a while, and never goes back.
    source.now += 10
    assert await known(rest) == FRIDAY + HOUR - 900
    assert len(source.asked) == 1
    rest.heard(FRIDAY + HOUR - 300)
    rest.heard(FRIDAY)
    assert await known(rest) == FRIDAY + HOUR - 300
    rest.heard(FRIDAY + 9 * HOUR)
    assert rest.newest == source.now


@pytest.mark.asyncio
async def test_long_after_the_close_all_of_a_session_is_told():
    source = LateSource()
    rest = hours_rest(source)
    rest.heard(FRIDAY_CLOSE - HOUR)
    source.now = FRIDAY_CLOSE + 300
    assert await known(rest) == FRIDAY_CLOSE
    source.now = FRIDAY_CLOSE + ALLOWANCE_S + 1
    assert await known(rest) == source.now
    source.now = MONDAY - 60
    assert await known(rest) == source.now


@pytest.mark.asyncio
async def test_a_source_that_tells_a_day_at_its_end_loses_no_bar():
    source = LateSource(lag_s=24 * HOUR)
    rest = hours_rest(source)
    rest.heard(FRIDAY - 10 * HOUR)
    source.now = FRIDAY_CLOSE + 2 * HOUR
    assert await known(rest) == FRIDAY - 10 * HOUR
    source.lag_s = 0
    rest._probe_after = 0.0
    assert await known(rest) == source.now


@pytest.mark.asyncio
async def test_nobody_is_asked_for_a_closed_market():
    source = LateSource()
    rest = hours_rest(source)
    source.now = MONDAY - HOUR
    assert await rest.klines("AAPL", MINUTE, FRIDAY_CLOSE, MONDAY) == []
    assert source.asked == []
    found = await rest.klines("AAPL", MINUTE, FRIDAY_CLOSE - 2 * MINUTE, MONDAY)
    assert [row.open_time for row in found] == [FRIDAY_CLOSE - 2 * MINUTE, FRIDAY_CLOSE - MINUTE]


@pytest.mark.asyncio
async def test_bars_outside_the_session_are_left_out_and_looked_past():
    early = range(FRIDAY - 5 * HOUR, FRIDAY, MINUTE)
    source = LateSource(early=early)
    source.times = [FRIDAY - 24 * HOUR * 3, *source.times]
    thursday = (FRIDAY - 24 * HOUR * 3, FRIDAY - 24 * HOUR * 3 + HOUR)
    calendar = Calendar.of("XNYS", [thursday, *NYSE.sessions])
    rest = hours_rest(source, calendar)
    source.now = FRIDAY - 60
    found = await rest.klines("AAPL", MINUTE, limit=100)
    assert [row.open_time for row in found] == [thursday[0]]
    assert len(source.asked) == 3
    source.now = FRIDAY + 2 * MINUTE
    found = await rest.klines("AAPL", MINUTE, limit=100)
    assert [row.open_time for row in found] == [FRIDAY, FRIDAY + MINUTE]


@pytest.mark.asyncio
async def test_without_a_calendar_everything_is_asked_for():
    source = LateSource()
    rest = hours_rest(source, Calendar("XNYS"))
    source.now = FRIDAY + HOUR
    assert len(await rest.klines("AAPL", MINUTE, FRIDAY, FRIDAY + HOUR)) == 60
    assert await known(rest) == FRIDAY + HOUR
