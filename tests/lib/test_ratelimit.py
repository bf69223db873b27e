"""The weight budget: shares by priority, the venue's own count, silence when told."""

import pytest

from mystic.lib.http import RateLimited
from mystic.lib.ratelimit import Priority, WeightBudget

pytestmark = pytest.mark.asyncio
MINUTE = 60_000


class Time:
    """A clock that moves only when somebody waits."""

    def __init__(self, at_ms: int = 10 * MINUTE + 15_000) -> None:
        self.at_ms = at_ms
        self.waited_s: list[float] = []

    def wall_ms(self) -> int:
        return self.at_ms

    async def sleep(self, seconds: float) -> None:
        self.waited_s.append(seconds)
        self.at_ms += round(seconds * 1000)


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def budget(clock):
    return WeightBudget(
        100, used_header="x-mbx-used-weight-1m", wall_ms=clock.wall_ms, sleep=clock.sleep
    )


@pytest.mark.parametrize(
    ("priority", "admitted"),
    [
        (Priority.BACKFILL, 50),
        (Priority.CHART, 70),
        (Priority.LIVE, 90),
        (Priority.STOP, 95),
        (Priority.ORDER, 100),
    ],
)
async def test_each_priority_has_its_share_of_the_minute(budget, clock, priority, admitted):
    for _ in range(admitted):
        await budget.acquire(1, priority)
    assert clock.waited_s == []
    await budget.acquire(1, priority)
    assert clock.waited_s == [45.0]
    assert budget.used == 1


async def test_urgent_work_passes_while_back_fill_waits(budget, clock):
    await budget.acquire(50, Priority.BACKFILL)
    await budget.acquire(20, Priority.CHART)
    await budget.acquire(20, Priority.LIVE)
    await budget.acquire(10, Priority.ORDER)
    assert (budget.used, clock.waited_s) == (100, [])


async def test_the_venues_count_wins_where_it_is_higher(budget, clock):
    await budget.acquire(5)
    budget.heard(200, {"x-mbx-used-weight-1m": "79"})
    assert budget.used == 79
    budget.heard(200, {"x-mbx-used-weight-1m": "3"})
    assert budget.used == 79
    budget.heard(200, {"x-mbx-used-weight-1m": "lots"})
    assert budget.used == 79
    await budget.acquire(2)
    assert clock.waited_s == [45.0]


async def test_one_large_request_is_never_locked_out(budget, clock):
    await budget.acquire(250, Priority.BACKFILL)
    assert clock.waited_s == []
    await budget.acquire(1, Priority.LIVE)
    assert clock.waited_s == [45.0]


async def test_silence_refuses_at_once_until_its_end(budget, clock):
    budget.limited(10.0, is_ban=False)
    with pytest.raises(RateLimited) as told:
        await budget.acquire(1, Priority.LIVE)
    assert 10.0 <= told.value.retry_after_s <= 11.01
    assert (clock.waited_s, budget.used) == ([], 0)
    clock.at_ms += 11_002
    await budget.acquire(1)
    assert budget.used == 1


async def test_without_a_hint_the_silence_doubles_until_something_succeeds(budget, clock):
    spans = []
    for _ in range(3):
        clock.at_ms = max(clock.at_ms, budget.blocked_until_ms)
        before = clock.at_ms
        budget.limited(None, is_ban=False)
        spans.append((budget.blocked_until_ms - before) / 1000)
    assert 2.5 <= spans[0] <= 5.51
    assert 5.0 <= spans[1] <= 11.01
    assert 10.0 <= spans[2] <= 22.01
    budget.heard(200, {})
    clock.at_ms = budget.blocked_until_ms
    before = clock.at_ms
    budget.limited(None, is_ban=False)
    assert (budget.blocked_until_ms - before) / 1000 <= 5.51


async def test_a_stored_ban_is_restored_and_never_shortened(budget, clock):
    budget.block_until(clock.at_ms + 60_000, is_ban=True)
    budget.block_until(clock.at_ms + 1_000)
    with pytest.raises(RateLimited) as told:
        await budget.acquire(1)
    assert (told.value.retry_after_s, told.value.is_ban) == (60.0, True)
