"""The trials of a search: claim, make, keep. What counts is in rows; a killed worker loses none."""


def trials_work(worker: str) -> bool:
    """Make some trials of one search; tell whether anything was done."""
    raise NotImplementedError(worker)
