"""Gathers what each part of the platform says about itself for the status page."""

import logging
import platform
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.module_loading import import_string

log = logging.getLogger(__name__)

# What a source counts that should not happen.
ERRORS = ("bad_frames", "control_errors", "lost_frames", "refused")
APPS = ("markets", "signals", "trading", "notifications")


def reports() -> dict[str, dict[str, Any]]:
    """Return the report of every app; one that fails says so and hides no other."""
    return {app: report_of(app) for app in APPS}


def report_of(app: str) -> dict[str, Any]:
    """Call an app's `health.report`.

    A status page must stand when a part has fallen, so here, and only here, every fault is shown.
    """
    try:
        found: dict[str, Any] = import_string(f"{app}.health.report")()
    except Exception as fault:
        log.exception("the health report of %s failed", app)
        return {"state": "down", "summary": f"Its report failed: {type(fault).__name__}."}
    return found


def sources(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a line a source: its state, the age of its newest message, what was counted."""
    return [_source(one) for one in report.get("sources", [])]


def _source(one: dict[str, Any]) -> dict[str, Any]:
    counters = one["counters"]
    heard = one["last_message_at"]
    return {
        **one,
        "last_message_at": None if heard is None else datetime.fromisoformat(heard),
        "reconnects": counters.get("reconnects"),
        "errors": sum(counters[name] for name in ERRORS if name in counters)
        if any(name in counters for name in ERRORS)
        else None,
    }


def database() -> list[tuple[str, str]]:
    """Return what the database is and that it answers now."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
        answer = "answers"
    except DatabaseError as fault:
        answer = f"does not answer: {type(fault).__name__}"
    pairs = [("Database", connection.vendor), ("State", answer)]
    size = _size()
    if size is not None:
        pairs.append(("Size", f"{size / 1_000_000:,.1f} MB"))
    return pairs


def _size() -> int | None:
    if connection.vendor != "sqlite":
        return None
    paths = [f"{connection.settings_dict['NAME']}{end}" for end in ("", "-wal")]
    return sum(_file_size(path) for path in paths)


def _file_size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def versions() -> list[tuple[str, str]]:
    return [
        ("Mystic", str(settings.SPECTACULAR_SETTINGS["VERSION"])),
        ("Shape", "full: Redis and workers" if settings.REDIS_URL else "embedded: one process"),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        ("Celery", version("celery")),
        ("numpy", version("numpy")),
    ]
