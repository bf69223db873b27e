"""The Celery application: a doorbell for work whose truth is a row in the database."""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import task_postrun, task_prerun

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mystic.settings")

app = Celery("mystic")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# The slow sources have a module of tasks each.
for topic in ("candles", "catalogue", "feeds", "options", "quality", "sessions", "sources"):
    app.autodiscover_tasks(["markets"], related_name=f"tasks_{topic}")
for topic in ("models", "ledger", "analysis"):
    app.autodiscover_tasks(["signals"], related_name=f"tasks_{topic}")
for topic in ("research", "parity"):
    app.autodiscover_tasks(["trading"], related_name=f"tasks_{topic}")

# A sweep finds rows whose doorbell was lost; each expires before the next is due.
app.conf.beat_schedule = {
    "signals-sweep": {
        "task": "signals.tasks.sweep",
        "schedule": 5.0,
        "options": {"expires": 4.0},
    },
    # Trainings that wait or crashed, models that are due anew or drift.
    "signals-models": {
        "task": "signals.tasks_models.sweep",
        "schedule": 30.0,
        "options": {"expires": 28.0},
    },
    # Analyses that wait, or whose process ended too early.
    "signals-analysis": {
        "task": "signals.tasks_analysis.sweep",
        "schedule": 30.0,
        "options": {"expires": 28.0},
    },
    # Forecasts that became due, votes that a silent voter or a lost ring left out.
    "signals-ledger": {
        "task": "signals.tasks_ledger.sweep",
        "schedule": 15.0,
        "options": {"expires": 14.0},
    },
    "signals-prune": {
        "task": "signals.tasks_ledger.prune",
        "schedule": 3_600.0,
        "options": {"expires": 1_800.0},
    },
    "trading-sweep": {
        "task": "trading.tasks.sweep",
        "schedule": 5.0,
        "options": {"expires": 4.0},
    },
    # Backtests and sweeps that wait, or whose process was lost.
    "trading-research": {
        "task": "trading.tasks_research.sweep",
        "schedule": 15.0,
        "options": {"expires": 14.0},
    },
    # Every running deployment held against its strategy run again; later looks find missed ones.
    "trading-parity": {
        "task": "trading.tasks_parity.nights",
        "schedule": crontab(hour=0, minute=20),
        "options": {"expires": 1_800.0},
    },
    "trading-parity-missed": {
        "task": "trading.tasks_parity.nights",
        "schedule": 900.0,
        "options": {"expires": 600.0},
    },
    "notifications-sweep": {
        "task": "notifications.tasks.sweep",
        "schedule": 5.0,
        "options": {"expires": 4.0},
    },
    "markets-pack": {
        "task": "markets.tasks_candles.pack",
        "schedule": 30.0,
        "options": {"expires": 28.0},
    },
    "markets-quality": {
        "task": "markets.tasks_quality.recompute",
        "schedule": 60.0,
        "options": {"expires": 50.0},
    },
    "markets-quarantine": {
        "task": "markets.tasks_quality.prune",
        "schedule": 21_600.0,
        "options": {"expires": 3_600.0},
    },
    # Looks a few times a day; a calendar is computed about once a week.
    "markets-sessions": {
        "task": "markets.tasks_sessions.sync",
        "schedule": 21_600.0,
        "options": {"expires": 3_600.0},
    },
    # Looks every few minutes; the venue is asked a few times a day.
    "markets-catalogue": {
        "task": "markets.tasks_catalogue.sync",
        "schedule": 300.0,
        "options": {"expires": 290.0},
    },
    # Chains are read every ten minutes while their market is open, and where a page asks.
    "markets-options-sweep": {
        "task": "markets.tasks_options.sweep",
        "schedule": 60.0,
        "options": {"expires": 55.0},
    },
    "markets-options-prune": {
        "task": "markets.tasks_options.prune",
        "schedule": 21_600.0,
        "options": {"expires": 3_600.0},
    },
    # Slow feeds: each looks at the rows that say what is due.
    "markets-macro": {
        "task": "markets.tasks_feeds.macro",
        "schedule": 60.0,
        "options": {"expires": 55.0},
    },
    "markets-mood": {
        "task": "markets.tasks_feeds.mood",
        "schedule": 120.0,
        "options": {"expires": 110.0},
    },
    "markets-news": {
        "task": "markets.tasks_feeds.news",
        "schedule": 60.0,
        "options": {"expires": 55.0},
    },
}


@task_prerun.connect  # type: ignore[untyped-decorator]
def know_the_sources(task: Any = None, **about: Any) -> None:
    """Respect what other processes, or this one before a restart, learned of the sources."""
    del about
    if not task.request.is_eager:
        from markets.services.resilience import before_work

        before_work()


@task_postrun.connect  # type: ignore[untyped-decorator]
def remember_the_sources(task: Any = None, **about: Any) -> None:
    """Write down what the task's requests changed: budgets, bans, breakers."""
    del about
    if not task.request.is_eager:
        from markets.services.resilience import after_work

        after_work()
