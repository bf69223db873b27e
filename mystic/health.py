"""Whether the platform does its work, in one word for a machine and in parts for a member."""

import time
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection

from markets import selectors
from mystic.feed import feed_now
from mystic.status import reports, versions


@dataclass(frozen=True, slots=True)
class Health:
    """`ok`; `degraded` while no live or replayed market arrives; `down` without a database."""

    status: str
    feed: str
    database_ms: float | None

    @property
    def is_up(self) -> bool:
        return self.status != "down"


def health_now() -> Health:
    """Ask the database and the state of the feed."""
    database_ms = _database_ms()
    if database_ms is None:
        return Health("down", "unknown", None)
    feed = feed_now()
    status = "ok" if feed.state in {"live", "replay"} else "degraded"
    return Health(status, feed.state, database_ms)


def details() -> dict[str, Any]:
    """Return what each part says about itself, as its state and its sentence."""
    return {
        "parts": {
            app: {"state": str(told.get("state", "")), "summary": str(told.get("summary", ""))}
            for app, told in reports().items()
        },
        "sources": [
            {"source": one.source, "state": one.state, "detail": one.detail}
            for one in selectors.sources()
        ],
        "versions": dict(versions()),
    }


def _database_ms() -> float | None:
    began = time.perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError:
        return None
    return round((time.perf_counter() - began) * 1000, 2)
