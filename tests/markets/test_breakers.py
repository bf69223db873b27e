"""What is known of the sources outlives the process: bans, months, breakers, latencies."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from markets.circuits import Circuits, circuits
from markets.limits import budget_share
from markets.models import Breaker, RateBudget
from markets.services import resilience
from markets.services.breakers import (
    breakers_reconcile,
    breakers_restore,
    breakers_write,
    is_breaker_turned,
)
from markets.services.budgets import (
    budgets_forget,
    budgets_restore,
    budgets_write,
    is_budget_blocked,
)
from mystic.lib import ratelimit
from mystic.lib.circuit import CircuitState
from mystic.lib.clock import now_ms
from mystic.lib.http import Blocked, RateLimited, Refused, SourceError, Unreachable
from mystic.lib.ratelimit import Priority, WeightBudget, Window, budget_named

pytestmark = pytest.mark.django_db


def ask(held, fault=None, *, source="fred", operation="series"):
    with suppress(SourceError), held.watched(source, operation):
        if fault is not None:
            raise fault


def row(source="fred", operation="series"):
    return Breaker.objects.get(source=source, operation=operation)


@pytest.fixture(autouse=True)
def memory_only(settings):
    """Count in memory: what a restart leaves is then what the rows hold."""
    ratelimit.share(redis_url="", egress="default")
    budgets_forget()
    yield
    ratelimit.share(redis_url=settings.REDIS_URL, egress="default")


def restart():
    """Forget all that this process knows, as its end would."""
    ratelimit.forget()
    circuits.forget()


def test_a_ban_is_written_when_it_comes_and_kept_by_the_next_process():
    asyncio.run(budget_named("binance", 3000).acquire(7, Priority.LIVE))
    budgets_write()
    budget_named("binance", 3000).limited(120.0, is_ban=True)
    assert is_budget_blocked()
    resilience.after_work()
    assert not is_budget_blocked()
    kept = RateBudget.objects.get(name="binance")
    assert (kept.limit, kept.is_ban) == (3000, True)
    assert timedelta(seconds=110) < kept.blocked_until - timezone.now() < timedelta(seconds=133)
    restart()
    resilience.sources_restore()
    with pytest.raises(RateLimited) as told:
        asyncio.run(budget_named("binance", 3000).acquire(1, Priority.ORDER))
    assert (told.value.is_ban, 110 < told.value.retry_after_s < 133) == (True, True)


def test_a_silence_that_is_over_holds_nobody():
    RateBudget.objects.create(
        name="binance", limit=3000, blocked_until=timezone.now() - timedelta(seconds=1), is_ban=True
    )
    budgets_restore()
    asyncio.run(budget_named("binance", 3000).acquire(1))


def test_a_month_that_was_counted_goes_on():
    budget = budget_named("coingecko", 25, more=(Window.month(9000),))
    asyncio.run(budget.acquire(20, Priority.CHART))
    budgets_write()
    minute = RateBudget.objects.get(name="coingecko")
    month = RateBudget.objects.get(name="coingecko:month")
    assert (minute.window_s, minute.limit) == (60, 25)
    assert (month.used, month.used_by, month.limit) == (20, {"chart": 20}, 9000)
    RateBudget.objects.filter(pk=month.pk).update(used=8999, used_by={"chart": 8999})
    restart()
    budgets_restore()
    again = budget_named("coingecko", 25, more=(Window.month(9000),))
    asyncio.run(again.acquire(1, Priority.ORDER))
    with pytest.raises(RateLimited, match="used up"):
        asyncio.run(again.acquire(1, Priority.ORDER))


def test_another_egress_keeps_its_own_rows(settings):
    settings.ENV = {**settings.ENV, "MYSTIC_EGRESS": "proxy"}
    budget_named("binance", 3000).limited(60.0, is_ban=False)
    budgets_write()
    assert list(RateBudget.objects.values_list("name", flat=True)) == ["binance@proxy"]
    settings.ENV = {**settings.ENV, "MYSTIC_EGRESS": "default"}
    restart()
    budgets_restore()
    asyncio.run(budget_named("binance", 3000).acquire(1))


def test_nothing_is_written_where_nothing_changed():
    asyncio.run(budget_named("binance", 3000).acquire(1))
    assert budgets_write() == 1
    assert budgets_write() == 0


def test_the_budget_of_an_adapter_becomes_that_of_its_source():
    class Rest:
        budget = WeightBudget(25, more=(Window.month(9000),))

    asyncio.run(budget_named("coingecko", 25).acquire(4))
    budget_share(Rest, "coingecko")
    assert (Rest.budget.used, Rest.budget.name) == (4, "coingecko")


def test_calls_errors_and_latency_add_up_over_processes():
    first, second = Circuits(), Circuits()
    for held in (first, second):
        ask(held)
        ask(held, Unreachable("502"))
        breakers_write(held)
    found = row()
    assert (found.calls, found.errors, found.state, found.failures) == (4, 2, "closed", 1)
    assert (found.last_error, found.latency_ms >= 0) == ("502", True)
    assert found.last_error_at <= timezone.now()
    assert breakers_write(first) == 0


def test_the_fifth_failure_opens_it_for_every_process():
    held, other = Circuits(), Circuits()
    for _ in range(5):
        assert held.refusal("fred", "series") == ""
        ask(held, Unreachable("fred answered 502"))
    assert is_breaker_turned(held)
    breakers_write(held)
    found = row()
    assert (found.state, found.failures, found.reason) == ("open", 5, "fred answered 502")
    breakers_restore(other)
    for one in (held, other):
        text = one.refusal("fred", "series")
        assert text == f"left alone until {found.retry_at:%Y-%m-%d %H:%M:%S} UTC: {found.reason}"
    assert other.refusal("fred", "releases") == ""
    assert not is_breaker_turned(other)


def test_the_probe_goes_when_the_time_is_over_and_its_success_is_written():
    held = Circuits()
    ask(held, RateLimited("418", retry_after_s=None, is_ban=True))
    breakers_write(held)
    assert row().state == "open"
    held.record("fred", "series").circuit.retry_at_s = now_ms() / 1000 - 1
    assert held.refusal("fred", "series") == ""
    assert held.refusal("fred", "series") == "one request is trying whether it works again"
    ask(held)
    breakers_write(held)
    found = row()
    assert (found.state, found.reason, found.retry_at) == ("closed", "", None)
    assert found.last_success_at is not None


@pytest.mark.parametrize(
    ("fault", "hold_s"),
    [
        (Blocked("451"), 6 * 3600),
        (RateLimited("418", retry_after_s=900, is_ban=True), 900),
    ],
)
def test_one_refusal_or_ban_is_final_for_its_time_also_after_a_restart(fault, hold_s):
    held = Circuits()
    ask(held, fault)
    breakers_write(held)
    left_s = (row().retry_at - timezone.now()).total_seconds()
    assert hold_s - 30 < left_s <= hold_s
    fresh = Circuits()
    breakers_restore(fresh)
    assert fresh.refusal("fred", "series") != ""


@pytest.mark.parametrize(
    "fault",
    [
        Refused("unknown series", status=400),
        RateLimited("our own budget", retry_after_s=5, is_ban=False),
    ],
)
def test_what_is_no_fault_of_the_service_opens_nothing(fault):
    held = Circuits()
    for _ in range(20):
        ask(held, fault)
    assert held.record("fred", "series").circuit.state is CircuitState.CLOSED


def test_a_key_that_is_refused_opens_it_after_five():
    held = Circuits()
    for _ in range(5):
        ask(held, Refused("401", status=401))
    assert held.record("fred", "series").circuit.state is CircuitState.OPEN


def test_what_is_streamed_is_noted_and_not_held_back():
    held = Circuits()
    for _ in range(20):
        with pytest.raises(Unreachable), held.watched("binance", "klines", is_breaking=False):
            raise Unreachable("down")
    assert held.refusal("binance", "klines") == ""
    breakers_write(held)
    assert (row("binance", "klines").errors, row("binance", "klines").state) == (20, "closed")


def test_a_newer_success_is_not_undone_by_an_old_row():
    held = Circuits()
    ask(held)
    Breaker.objects.create(
        source="fred",
        operation="series",
        state="open",
        opened_at=timezone.now() - timedelta(seconds=60),
        retry_at=timezone.now() + timedelta(hours=1),
    )
    breakers_restore(held)
    assert held.refusal("fred", "series") == ""


def test_what_a_person_closes_is_tried_by_every_process(client, django_user_model):
    held, other = Circuits(), Circuits()
    ask(held, Blocked("the plan does not include this"))
    breakers_write(held)
    breakers_restore(other)
    assert held.refusal("fred", "series")
    breakers_reconcile(held)
    assert held.refusal("fred", "series"), "nobody closed it"
    boss = django_user_model.objects.create_superuser("boss", "boss@example.org", "correct horse 9")
    client.force_login(boss)
    chosen = {"action": "close", "_selected_action": [row().pk]}
    assert client.post("/admin/markets/breaker/", chosen).status_code == 302
    assert (row().state, row().retry_at) == ("closed", None)
    for one in (held, other):
        breakers_reconcile(one)
        assert one.refusal("fred", "series") == ""


def test_each_task_reads_before_it_and_writes_after_it(monkeypatch):
    from celery.signals import task_postrun, task_prerun

    from mystic.celery import app

    monkeypatch.setattr(resilience, "_read_at_s", 0.0)
    monkeypatch.setattr(resilience, "_written_at_s", 0.0)
    task = app.tasks["signals.tasks.sweep"]
    until = timezone.now() + timedelta(minutes=5)
    RateBudget.objects.create(name="binance", limit=3000, blocked_until=until)
    told = task_prerun.send(sender=task, task=task, task_id="1")
    assert [answer for _, answer in told if isinstance(answer, Exception)] == []
    with pytest.raises(RateLimited):
        asyncio.run(budget_named("binance", 3000).acquire(1, Priority.ORDER))
    asyncio.run(budget_named("fred", 60).acquire(2))
    ask(circuits)
    task_postrun.send(sender=task, task=task, task_id="1")
    assert RateBudget.objects.get(name="fred").used == 2
    assert row().calls == 1
