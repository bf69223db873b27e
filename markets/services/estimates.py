"""Drawn values where no source has a bar: stored apart, for display only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from markets.models import Candle, GapEstimate

# A chart shows no more at once.
MOST_SHOWN = 5_000
LONGEST_METHOD = 60


class EstimateError(ValueError):
    """Raised for a value that is no possible bar, or that stands where a real bar is."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One drawn bar; `open_time` in UTC epoch seconds. It has no volume: nothing was traded."""

    open_time: int
    open: float
    high: float
    low: float
    close: float
    method: str = ""


def estimates_store(
    *, instrument_id: int, timeframe: int, rows: Sequence[Estimate], method: str
) -> int:
    """Replace the estimates of these slots and return how many are stored.

    Raises
    ------
    EstimateError
        If one is impossible or off the grid, or stands where a bar is stored; nothing is stored.
    """
    if not method or len(method) > LONGEST_METHOD:
        message = f"an estimate wants the name of its method, up to {LONGEST_METHOD} characters"
        raise EstimateError(message)
    for row in rows:
        _refuse(row, timeframe)
    times = [row.open_time for row in rows]
    series = {"instrument_id": instrument_id, "timeframe": timeframe}
    with transaction.atomic():
        for first in range(0, len(times), 500):
            part = times[first : first + 500]
            real = Candle.objects.filter(**series, open_time__in=part).first()
            if real is not None:
                message = f"a real bar is stored at {real.open_time}; nothing is estimated there"
                raise EstimateError(message)
            GapEstimate.objects.filter(**series, open_time__in=part).delete()
        made_at = timezone.now()
        GapEstimate.objects.bulk_create(
            [
                GapEstimate(
                    **series,
                    open_time=row.open_time,
                    open=row.open,
                    high=row.high,
                    low=row.low,
                    close=row.close,
                    method=method,
                    made_at=made_at,
                )
                for row in rows
            ],
            batch_size=500,
        )
    return len(rows)


def estimates_for(instrument_id: int, timeframe: int, start: int, end: int) -> list[Estimate]:
    """Return the estimates with start <= open_time < end where no real bar is, oldest first."""
    span = {"timeframe": timeframe, "open_time__gte": start, "open_time__lt": end}
    found = GapEstimate.objects.filter(instrument_id=instrument_id, **span).order_by("open_time")
    names = ("open_time", "open", "high", "low", "close", "method")
    rows = [Estimate(*row) for row in found.values_list(*names)[:MOST_SHOWN]]
    if not rows:
        return []
    span |= {"open_time__gte": rows[0].open_time, "open_time__lte": rows[-1].open_time}
    candles = Candle.objects.filter(instrument_id=instrument_id, **span)
    real = set(candles.values_list("open_time", flat=True))
    return [row for row in rows if row.open_time not in real]


def _refuse(row: Estimate, timeframe: int) -> None:
    values = (row.open, row.high, row.low, row.close)
    if not all(math.isfinite(value) and value > 0 for value in values):
        message = f"the estimate at {row.open_time} is no price"
        raise EstimateError(message)
    if row.low > min(values) or row.high < max(values):
        message = f"the estimate at {row.open_time} lies outside of its own low and high"
        raise EstimateError(message)
    if row.open_time < 0 or row.open_time % timeframe:
        message = f"the estimate at {row.open_time} is not on the grid of {timeframe} s"
        raise EstimateError(message)
