"""Named budgets: one count for a process, for all processes over Redis, windows of any length."""

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from mystic.lib import ratelimit
from mystic.lib.budget_redis import RedisLedger
from mystic.lib.budget_windows import Snapshot, Usage
from mystic.lib.clock import now_ms
from mystic.lib.http import RateLimited
from mystic.lib.ratelimit import Priority, WeightBudget, Window, budget_named
from tests.lib.test_ratelimit import Time

pytestmark = pytest.mark.asyncio
MINUTE = 60_000
REDIS = os.environ.get("REDIS_URL", "")


@pytest.fixture(autouse=True)
def own_registry():
    ratelimit.share(redis_url="", egress="default")
    yield
    ratelimit.share(redis_url=REDIS, egress="default")


@pytest.fixture
def redis_url():
    if not REDIS:
        pytest.skip("needs REDIS_URL")
    # A database that no other test empties, and keys of this test alone.
    url = urlunsplit(urlsplit(REDIS)._replace(path="/14"))
    ratelimit.share(redis_url=url, egress=f"test-{uuid4()}")
    return url


def ms(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1000


async def test_budgets_of_one_name_count_together_and_others_do_not():
    first, second = budget_named("venue", 100), budget_named("venue", 100)
    other = budget_named("elsewhere", 100)
    await first.acquire(30, Priority.LIVE)
    await second.acquire(20, Priority.ORDER)
    assert (first.used, second.used, other.used) == (50, 50, 0)
    (shared,) = [one for one in ratelimit.budgets() if one.name == "venue"]
    (usage,) = shared.snapshot().usages
    assert (usage.used, usage.by) == (50, {"live": 30, "order": 20})


async def test_a_private_budget_joins_a_shared_one():
    private, named = WeightBudget(100), budget_named("venue", 100)
    await named.acquire(10)
    private.join("venue")
    await private.acquire(5)
    assert (named.used, private.used) == (15, 15)


async def test_a_silence_holds_for_every_budget_of_the_name():
    budget_named("venue", 100).limited(60.0, is_ban=True)
    with pytest.raises(RateLimited) as told:
        await budget_named("venue", 100).acquire(1, Priority.ORDER)
    assert told.value.is_ban
    assert 59 < told.value.retry_after_s <= 66.1


async def test_a_window_of_two_seconds_lets_one_pass():
    clock = Time(at_ms=10_000_500)
    budget = WeightBudget(1, window_s=2, wall_ms=clock.wall_ms, sleep=clock.sleep)
    for _ in range(3):
        await budget.acquire(1, Priority.BACKFILL)
    assert (clock.waited_s, clock.at_ms) == ([1.5, 2.0], 10_004_000)


async def test_two_windows_hold_together_and_a_used_up_month_is_refused_at_once():
    clock = Time(at_ms=ms(2026, 11, 30, 23, 0, 0))
    budget = WeightBudget(25, more=(Window.month(30),), wall_ms=clock.wall_ms, sleep=clock.sleep)
    for _ in range(30):
        await budget.acquire(1, Priority.ORDER)
    assert clock.waited_s == [60.0]
    with pytest.raises(RateLimited, match=r"used up for 1\.0 h more") as told:
        await budget.acquire(1, Priority.ORDER)
    assert told.value.retry_after_s == 3540.0
    clock.at_ms = ms(2026, 12, 1)
    await budget.acquire(1, Priority.BACKFILL)
    assert budget.used == 1


@pytest.mark.parametrize(
    ("at", "start", "end"),
    [
        ((2026, 11, 21, 14), (2026, 11, 1), (2026, 12, 1)),
        ((2026, 12, 31, 23, 59, 59), (2026, 12, 1), (2027, 1, 1)),
        ((2028, 2, 29), (2028, 2, 1), (2028, 3, 1)),
    ],
)
async def test_a_month_is_that_of_the_calendar(at, start, end):
    assert Window.month(9000).span(ms(*at)) == (ms(*start), ms(*end))


async def test_the_most_urgent_of_those_that_wait_goes_first():
    clock = Time(at_ms=10_000_500)
    order = []
    turns = asyncio.Event()

    async def sleep(seconds):
        await turns.wait()
        await asyncio.sleep(0)

    async def ask(priority):
        budget = WeightBudget(1, window_s=2, name="slow", wall_ms=clock.wall_ms, sleep=sleep)
        await budget.acquire(1, priority)
        order.append(priority)
        clock.at_ms += 2000

    await budget_named("slow", 1, window_s=2).acquire(0)
    budget = WeightBudget(1, window_s=2, name="slow", wall_ms=clock.wall_ms, sleep=sleep)
    await budget.acquire(1)
    wishes = [Priority.BACKFILL, Priority.CHART, Priority.ORDER, Priority.LIVE]
    tasks = [asyncio.create_task(ask(priority)) for priority in wishes]
    for _ in range(5):
        await asyncio.sleep(0)
    clock.at_ms += 2000
    turns.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 10)
    assert order == [Priority.ORDER, Priority.LIVE, Priority.CHART, Priority.BACKFILL]


async def test_what_was_known_before_the_start_is_respected():
    at_ms = now_ms()
    window = Window.month(9000)
    start_ms, _ = window.span(at_ms)
    usage = Usage(window, start_ms, 8999, {"chart": 8000})
    ratelimit.recall("gecko", Snapshot([usage], at_ms + 30_000, is_ban=True))
    budget = budget_named("gecko", 25, more=(window,))
    with pytest.raises(RateLimited) as told:
        await budget.acquire(1, Priority.ORDER)
    assert (told.value.is_ban, 25 < told.value.retry_after_s <= 30) == (True, True)
    budget.blocked_until_ms = 0
    await budget.acquire(1, Priority.ORDER)
    with pytest.raises(RateLimited, match="used up"):
        await budget.acquire(1, Priority.ORDER)


async def test_threads_never_take_more_than_the_limit():
    budgets = [budget_named("venue", 1000) for _ in range(8)]
    taken = Counter()

    def spend(budget, number):
        for _ in range(1000):
            grant = budget._ledger.take(
                budget.windows, 1, Priority.ORDER, now_ms=30 * MINUTE + number
            )
            taken[grant.is_granted] += grant.is_granted

    threads = [threading.Thread(target=spend, args=(budget, n)) for n, budget in enumerate(budgets)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken[True] == 1000


PROGRAM = """
import asyncio, sys
from mystic.lib import ratelimit
from mystic.lib.budget_redis import RedisLedger

async def main(url, egress, limit, wanted):
    ratelimit.share(redis_url=url, egress=egress)
    budget = ratelimit.budget_named("venue", limit, window_s=1)
    ledger, take, starts = budget._ledger, budget._ledger.take, []
    def noted(*args, **kwargs):
        grant = take(*args, **kwargs)
        if grant.is_granted:
            starts.append(grant.start_ms)
        return grant
    ledger.take = noted
    async def ask():
        for _ in range(wanted // 4):
            await budget.acquire(1, ratelimit.Priority.ORDER)
    await asyncio.gather(*(ask() for _ in range(4)))
    assert not ledger.fault, ledger.fault
    print(*starts)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


def processes(url, *, count, limit, wanted):
    egress = f"test-{uuid4()}"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url, egress, str(limit), str(wanted)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    return [one.communicate(timeout=60)[0].split() for one in started]


async def test_four_processes_over_redis_never_pass_the_limit(redis_url):
    told = await asyncio.to_thread(processes, redis_url, count=4, limit=60, wanted=60)
    windows = Counter(start for starts in told for start in starts)
    assert sum(windows.values()) == 240
    assert max(windows.values()) <= 60
    assert len(windows) >= 4


BAN = """
import sys
from mystic.lib import ratelimit
ratelimit.share(redis_url=sys.argv[1], egress=sys.argv[2])
ratelimit.budget_named("venue", 100).limited(30.0, is_ban=True)
"""


async def test_what_one_process_hears_silences_the_others(redis_url):
    budget = budget_named("venue", 100)
    await budget.acquire(1)
    egress = ratelimit._registry.egress
    heard = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", BAN, redis_url, egress], check=False
    )
    assert heard.returncode == 0
    for one in (budget, budget_named("venue", 100)):
        with pytest.raises(RateLimited) as told:
            await one.acquire(1, Priority.ORDER)
        assert (told.value.is_ban, 5 < told.value.retry_after_s <= 33.1) == (True, True)
    budget.block_until(now_ms() + 1000)
    (shared,) = ratelimit.budgets()
    assert shared.snapshot().blocked_until_ms > now_ms() + 4_000


async def test_redis_counts_by_priority_month_and_by_the_venues_own_word(redis_url):
    windows = (Window.month(9000),)
    budget = budget_named("venue", 1000, more=windows, used_header="x-used")
    await budget.acquire(3, Priority.LIVE)
    await budget.acquire(4, Priority.CHART)
    budget.heard(200, {"x-used": "600"})
    assert budget.used == 600
    await budget.acquire(1, Priority.CHART)
    (shared,) = ratelimit.budgets()
    minute, month = shared.snapshot().usages
    assert month.by == {"live": 3, "chart": 5}
    # A minute may have turned between the words.
    assert (minute.used, minute.by) in [(601, month.by), (1, {"chart": 1})]


async def test_other_egress_other_count(redis_url):
    await budget_named("venue", 100).acquire(40)
    ratelimit.share(redis_url=redis_url, egress=f"test-{uuid4()}")
    budget = budget_named("venue", 100)
    await budget.acquire(1)
    assert budget.used == 1


async def test_without_redis_half_is_counted_in_memory_and_the_reason_logged(caplog):
    ledger = RedisLedger("redis://127.0.0.1:1/0", "test:venue")
    windows = (Window(100, 3600 * 24),)
    grants = [ledger.take(windows, 1, Priority.ORDER, now_ms=MINUTE) for _ in range(80)]
    assert sum(grant.is_granted for grant in grants) == 50
    assert [r.message for r in caplog.records if "half of it is counted" in r.message] != []
    assert len(caplog.records) == 1
    ledger.block(2 * MINUTE, is_ban=True, now_ms=MINUTE)
    assert ledger.take(windows, 1, Priority.ORDER, now_ms=MINUTE + 1).blocked_ms == MINUTE - 1


async def test_redis_is_asked_again_when_it_is_back(redis_url):
    parts = urlsplit(redis_url)
    away = RedisLedger(urlunsplit(parts._replace(netloc="127.0.0.1:1")), "test:back")
    at_ms = now_ms()
    windows = (Window(100),)
    away.take(windows, 1, Priority.ORDER, now_ms=at_ms)
    assert away.fault
    here = RedisLedger(redis_url, f"{uuid4()}:back")
    away._client, away._take = here._client, here._take
    away._away_until_s = 0.0
    assert away.take(windows, 2, Priority.ORDER, now_ms=at_ms).used == 2
    assert away.fault == ""
