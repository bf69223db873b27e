"""What each worker of a run has of its own, told by the process that starts them (pytest-xdist).

Workers get it through their environment, before any of them reads a setting. Databases need
nothing: the number of the process is part of their names.
"""

import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

STARTER = "TESTS_STARTED_BY"  # the process whose children are workers
KEPT = "TESTS_FOLDER"  # what the workers of one run share
REDIS = "TESTS_REDIS_URL"  # for tests of Redis itself in a run that works without
STANDARD_REDIS = "redis://127.0.0.1:6379/5"
LAST_REDIS_NUMBER = 15  # of a server as it is installed
BEGAN_WITH = dict(os.environ)


def is_worker() -> bool:
    """Tell whether this process is a worker; a run inside a test of one is none."""
    return os.environ.get(STARTER) == str(os.getppid())


def kept() -> Path:
    """Return the folder of this run, which its workers share."""
    if not is_worker():
        os.environ[KEPT] = tempfile.mkdtemp(prefix="mystic-tests-")
    return Path(os.environ[KEPT])


def redis_url() -> str:
    """Return the Redis that tests of this process may fill and empty."""
    return os.environ.get("REDIS_URL") or os.environ.get(REDIS) or STANDARD_REDIS


def redis_of(number: int, url: str) -> str:
    """Return the database of a worker: the first has the given one, the others those after it."""
    parts = urlsplit(url)
    mine = int(parts.path.strip("/") or 0) + number
    if mine > LAST_REDIS_NUMBER:
        raise pytest.UsageError(
            f"worker {number} would need Redis database {mine}, the last is {LAST_REDIS_NUMBER}: "
            "name a lower one in REDIS_URL or start fewer workers"
        )
    return urlunsplit(parts._replace(path=f"/{mine}"))


def equip(specs: list[Any]) -> None:
    """Give the workers that are to be started what is theirs, and the environment of the start.

    Each closes its own, as a run without workers does after it has read its settings.
    """
    own = {STARTER: str(os.getpid()), KEPT: os.environ[KEPT]}
    os.environ.clear()
    os.environ.update(BEGAN_WITH)
    # What one worker compiles, the next run reads.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    given = os.environ.get("REDIS_URL", "")
    for number, spec in enumerate(specs):
        spec.env |= own | {REDIS: redis_of(number, given or STANDARD_REDIS)}
        if given:
            spec.env["REDIS_URL"] = spec.env[REDIS]
