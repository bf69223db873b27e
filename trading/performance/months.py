"""Returns of calendar months and years (UTC)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trading.performance.types import Bools, FigureError, Floats, Ints


@dataclass(frozen=True, slots=True)
class Year:
    """One line of the table: twelve months, None where there was no equity, and all of them."""

    year: int
    months: tuple[float | None, ...]
    total: float | None


def month_returns(times: Ints, equity: Floats) -> list[tuple[int, int, float]]:
    """Return year, month and return of each month with equity.

    Parameters
    ----------
    times : ints
        When each value stood, UTC epoch seconds, ascending; midnight closes the day before. The
        first value is what the account began with: it closes nothing.
    """
    if len(times) != len(equity):
        raise FigureError(f"{len(times)} times for {len(equity)} values: give one for each")
    if len(equity) < 2:
        return []
    months = _months(times[1:])
    last = np.append(np.flatnonzero(np.diff(months)), len(months) - 1)
    ends = equity[last + 1]
    begins = np.concatenate(([equity[0]], ends[:-1]))
    return [
        (1970 + int(month) // 12, 1 + int(month) % 12, float(end / begin - 1.0))
        for month, begin, end in zip(months[last], begins, ends, strict=True)
        if begin > 0
    ]


def year_table(rows: Sequence[tuple[int, int, float]]) -> list[Year]:
    """Return a line for each year from the first to the last; its total compounds its months."""
    if not rows:
        return []
    told = {(year, month): value for year, month, value in rows}
    table = []
    for year in range(rows[0][0], rows[-1][0] + 1):
        months = tuple(told.get((year, month)) for month in range(1, 13))
        known = [1.0 + value for value in months if value is not None]
        total = float(np.prod(known) - 1.0) if known else None
        table.append(Year(year=year, months=months, total=total))
    return table


def month_starts(times: Ints) -> Bools:
    """Say of each day's close whether its day is the first of its month here."""
    months = _months(times)
    return np.concatenate((np.ones(min(1, len(months)), dtype=np.bool_), np.diff(months) != 0))


def _months(closes: Ints) -> Ints:
    """Return the months since 1970 in which days closed; midnight closes the day before."""
    return (closes - 1).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
