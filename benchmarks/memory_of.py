"""Resident memory of a process and of all that it started, as Linux tells it."""

from pathlib import Path


def mebibytes(process_id: int) -> float:
    """Return the resident memory of the tree under a process; shared pages count for each."""
    return sum(_resident(one) for one in _tree(process_id)) / 1024


def _tree(process_id: int) -> list[int]:
    found = [process_id]
    for task in Path(f"/proc/{process_id}/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            found += _tree(int(child))
    return found


def _resident(process_id: int) -> float:
    try:
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0.0)
