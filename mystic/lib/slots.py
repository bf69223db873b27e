"""So many at a time on one machine, whoever begins them: a slot is a locked file.

The lock belongs to the open file. A child that inherits it holds it until it ends, even killed.
"""

import fcntl
from pathlib import Path
from typing import IO


def slot_take(folder: Path, name: str, count: int) -> IO[str] | None:
    """Return the open file of a free slot, None where all are taken; closing it gives it back."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(count):
        file = (folder / f"{name}-{number}.lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        return file
    return None
