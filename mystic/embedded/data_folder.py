"""One process per data folder: two on one SQLite file would both believe they own the market."""

import fcntl
import os
from pathlib import Path
from typing import IO


class FolderInUseError(Exception):
    """Raised with a sentence that says who holds the folder and what to do."""


def claim(folder: Path) -> IO[str]:
    """Return the open lock file; the kernel lets go of it when this process ends, even killed.

    What this process writes from here on is its owner's alone: the database holds everybody's data.
    """
    os.umask(0o077)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for kept in folder.glob("mystic.sqlite3*"):
        kept.chmod(0o600)
    file = (folder / "run.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        message = (
            f"Mystic already runs on {folder} (process {holder}). "
            "Stop it, or start a second one with MYSTIC_DATA_DIR=var/second PORT=8001 make run"
        )
        raise FolderInUseError(message) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
