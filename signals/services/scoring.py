"""Score what has become due: each forecast against what happened, once, and never again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
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


def forecasts_score(*, now: datetime | None = None) -> int:
    """Score every due forecast whose outcome is stored; return how many.

    One whose bars are not there yet, for a gap or a closed market, waits for the next time.
    """
    moment = int((now or timezone.now()).timestamp())
    scored, after = 0, 0
    while True:
        due = list(
            Forecast.objects.filter(due_at__lte=moment, score=None, pk__gt=after)
            .select_related("instrument")
            .order_by("pk")[:BATCH]
        )
        if not due:
            return scored
        after = due[-1].pk
        scored += _score(due)


def _score(due: Sequence[Forecast]) -> int:
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
    with transaction.atomic():
        # Another worker may have scored some of them meanwhile.
        ForecastScore.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _scores(forecasts: Sequence[Forecast], timeframe: int, span: Extent) -> Iterator[ForecastScore]:
    """Yield the scores of the forecasts of one series, as far as one reading of bars reaches."""
    begin = max(min(one.bar_open for one in forecasts), span.start)
    end = min(begin + MOST_BARS * timeframe, span.through)
    if begin >= end:
        return
    limit = (end - begin) // timeframe + 1
    bars = bars_load(forecasts[0].instrument_id, timeframe, end=end, limit=limit)
    for one in forecasts:
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
