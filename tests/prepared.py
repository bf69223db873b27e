"""A database with every migration applied: made once in a run, copied to where a product starts."""

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.workers import KEPT

ROOT = Path(__file__).resolve().parents[1]
NAME = "mystic.sqlite3"


def put(folder: Path) -> None:
    """Put the database into an empty data folder; outside of a test run do nothing."""
    if KEPT in os.environ and not (folder / NAME).exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_made(Path(os.environ[KEPT])), folder / NAME)


def _made(kept: Path) -> Path:
    """Return the database of this run; the first that asks makes it, the others wait."""
    found = kept / NAME
    with (kept / "making.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            _migrate(kept / "making")
            # One whole file: what still stands in the log beside it comes along.
            with (
                closing(sqlite3.connect(kept / "making" / NAME)) as source,
                closing(sqlite3.connect(kept / "whole.sqlite3")) as whole,
            ):
                source.backup(whole)
            (kept / "whole.sqlite3").rename(found)
    return found


def _migrate(folder: Path) -> None:
    outer = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={**outer, "MYSTIC_DATA_DIR": str(folder)},
        check=True,
    )
