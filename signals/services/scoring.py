"""Score what has become due: each forecast against what happened, once, and never again."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import transaction
from django.utils import timezone

from markets.bars import BarArrays
from markets.models import Instrument
from markets.selectors import bars_load, base_timeframe
from signals.feed import Extent, extents
from signals.forecasting.metrics import brier, pinball
from signals.models import Forecast, ForecastScore

BATCH = 500
# So many bars of one series are read at a time.
MOST_BARS = 5000
# A market may be closed for so long, and the bars after it be what a forecast speaks of.
LONGEST_CLOSED_S = 10 * 86_400
# A series that went on for so long after a forecast was due has a hole there.
PATIENCE_BARS = 500
WHOLE_EVERY_S = 3600.0


class Ledger:
    """Up to which forecast this process knows every one to be scored or given up for now."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._scored_through = 0
        self._whole_at_s = float("-inf")

    def begin(self, now_s: float) -> int:
        """Return after which forecast to look; once an hour after none."""
        if now_s - self._whole_at_s >= WHOLE_EVERY_S:
            self._whole_at_s, self._scored_through = now_s, 0
        return self._scored_through

    def end(self, waiting: int | None, newest: int) -> None:
        """Note the first forecast that still waits, and the newest that was looked at."""
        self._scored_through = max(newest, self._scored_through) if waiting is None else waiting - 1


ledger = Ledger()


def forecasts_score(*, now: datetime | None = None) -> int:
    """Score every due forecast whose outcome is stored; return how many.

    One whose bars are not there yet waits for the next time. One whose bars have a hole is looked
    at again once an hour: the bars of its series go on without it.
    """
    moment = int((now or timezone.now()).timestamp())
    after = ledger.begin(time.monotonic())
    first = Forecast.objects.filter(due_at__gt=moment, pk__gt=after).order_by("pk")
    not_due: int | None = first.values_list("pk", flat=True).first()
    scored, newest, waiting = 0, after, [] if not_due is None else [not_due]
    while True:
        due = list(
            Forecast.objects.filter(due_at__lte=moment, score=None, pk__gt=newest)
            .select_related("instrument")
            .order_by("pk")[:BATCH]
        )
        if not due:
            ledger.end(min(waiting, default=None), newest)
            return scored
        newest = due[-1].pk
        found = _score(due)
        scored += len(found.scored)
        waiting += found.waiting[:1]


@dataclass(frozen=True, slots=True)
class _Found:
    scored: list[ForecastScore]
    waiting: list[int]


def _score(due: Sequence[Forecast]) -> _Found:
    base = base_timeframe()
    series: dict[tuple[int, int], list[Forecast]] = defaultdict(list)
    for one in due:
        series[one.instrument_id, one.timeframe].append(one)
    spans = extents(list({one.instrument_id for one in due}), base)
    rows = [
        row
        for (instrument_id, timeframe), forecasts in series.items()
        if instrument_id in spans and timeframe % base == 0
        for row in _scores(forecasts, timeframe, spans[instrument_id])
    ]
    # In the same order in every worker, so that none waits for another in a circle.
    rows.sort(key=lambda row: row.forecast_id)
    with transaction.atomic():
        # Another worker may have scored some of them meanwhile.
        ForecastScore.objects.bulk_create(rows, ignore_conflicts=True)
    done = {row.forecast_id for row in rows}
    waiting = [
        one.pk
        for one in due
        if one.pk not in done
        and (one.instrument_id not in spans or _may_come(one, spans[one.instrument_id]))
    ]
    return _Found(rows, waiting)


def _may_come(forecast: Forecast, span: Extent) -> bool:
    """Tell whether the bars have not gone far beyond what the forecast waits for."""
    return span.through <= forecast.due_at + PATIENCE_BARS * forecast.timeframe


def _scores(forecasts: Sequence[Forecast], timeframe: int, span: Extent) -> Iterator[ForecastScore]:
    """Yield the scores of the forecasts of one series, read so many bars at a time."""
    is_open = forecasts[0].instrument.asset_class == Instrument.AssetClass.CRYPTO
    beyond = 0 if is_open else LONGEST_CLOSED_S
    waiting = sorted(forecasts, key=lambda one: one.due_at)
    while waiting:
        begin = max(min(one.bar_open for one in waiting), span.start)
        furthest = max(begin + MOST_BARS * timeframe, waiting[0].due_at)
        group = [one for one in waiting if one.due_at <= furthest]
        waiting = waiting[len(group) :]
        end = min(furthest + beyond, span.through)
        if begin >= end:
            continue
        limit = (end - begin) // timeframe + 1
        bars = bars_load(group[0].instrument_id, timeframe, end=end, limit=limit)
        for one in group:
            found = outcome(one, bars, begin=begin, through=end)
            if found is not None:
                yield _row(one, *found)


def outcome(
    forecast: Forecast, bars: BarArrays, *, begin: int, through: int
) -> tuple[float, str] | None:
    """Return the price that a forecast spoke of, with its source; None while it is not known.

    A market that never closes is asked by the clock, one that closes by its bars, as in training
    (`signals.forecasting.labels`).

    Parameters
    ----------
    bars : BarArrays
        Of the forecast's timeframe; nothing is missing in [begin, through), UTC epoch seconds.
    """
    ends = bars.open_time + forecast.timeframe
    if forecast.instrument.asset_class == Instrument.AssetClass.CRYPTO:
        if not begin < forecast.due_at <= through:
            return None
        place = int(np.searchsorted(ends, forecast.due_at, side="right")) - 1
    else:
        if forecast.bar_open < begin:
            return None
        place = int(np.searchsorted(bars.open_time, forecast.bar_open, side="right"))
        place += forecast.horizon - 1
    if not 0 <= place < len(ends):
        return None
    return float(bars.close[place]), bars.source


def _row(forecast: Forecast, price: float, source: str) -> ForecastScore:
    is_up = price > forecast.price
    change = price / forecast.price - 1.0
    return ForecastScore(
        forecast=forecast,
        outcome_price=price,
        outcome_return=change,
        is_up=is_up,
        is_hit=is_up == (forecast.direction > 0),
        brier=_brier(forecast.probability, is_up=is_up),
        naive_brier=_brier(forecast.base_rate, is_up=is_up),
        **_pinballs(forecast, change),
        source=source,
        scored_at=timezone.now(),
    )


def _brier(probability: float | None, *, is_up: bool) -> float | None:
    if probability is None:
        return None
    return float(brier(np.array([probability]), np.array([is_up]))[0])


def _pinballs(forecast: Forecast, change: float) -> dict[str, float | None]:
    if not forecast.quantiles:
        return {"pinball": None, "naive_pinball": None}
    pairs = sorted((float(level), float(value)) for level, value in forecast.quantiles.items())
    levels = tuple(level for level, _ in pairs)
    return {
        "pinball": _pinball([value for _, value in pairs], change, levels),
        "naive_pinball": _pinball([0.0] * len(pairs), change, levels),
    }


def _pinball(values: Iterable[float], change: float, levels: tuple[float, ...]) -> float:
    return float(pinball(np.array(list(values)), np.array([change]), levels)[0])
