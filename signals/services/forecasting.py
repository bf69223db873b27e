"""Write down what the trained models say about each bar that closed, before it is known.

One row a model, instrument and closed bar, once: a doubled ring, a second worker or a restart finds
it written. What could only be written after the outcome is left out and said in the log.
"""

import functools
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from markets.models import Instrument
from markets.selectors import base_timeframe, calendar_of
from markets.selectors_quality import refusing
from mystic.lib.bus import publish
from mystic.lib.provenance import REPLAY_PREFIX
from signals.columns.cache import EvaluationCache
from signals.columns.errors import BadBarsError, ColumnError
from signals.columns.table import Table, TablePlan, table
from signals.events import ForecastsMade
from signals.feed import Extent, Feed, extents
from signals.forecasting.due import due_at
from signals.forecasting.shelf import ModelLostError, ShelvedModel, UnknownModelError, shelf
from signals.forecasting.trees import LEVELS
from signals.models import Forecast, ForecastModel
from signals.samples import PRICE, feature_plan
from signals.services.conclusions import LATE_AFTER, LEAST_PATIENCE_S
from signals.services.past import KnownPast
from signals.services.shelving import models_shelve
from signals.services.training import instruments_of

log = logging.getLogger(__name__)

# A pair that fell behind catches up by so many bars at a time.
MOST_BARS = 100
TOP_FEATURES = 5
_turn = threading.Lock()
_cache = EvaluationCache()
_plans: dict[tuple[str, int], TablePlan] = {}
_newest: dict[tuple[int, int], int | None] = {}
_past = KnownPast()


@dataclass(frozen=True, slots=True)
class Pair:
    """A ready model and an instrument that it speaks of."""

    row: ForecastModel
    model: ShelvedModel
    instrument: Instrument

    @property
    def key(self) -> tuple[int, int]:
        return self.row.pk, self.instrument.pk


def forecasts_make(timeframe: int, bar_close: int | None = None) -> int:
    """Forecast from every bar that closed up to `bar_close` and was not forecast from yet.

    Parameters
    ----------
    timeframe : int
        Seconds of the stored bars that closed.
    bar_close : int, optional
        UTC epoch seconds; everything that closed without.

    Returns
    -------
    int
        How many forecasts were written.
    """
    with _turn:
        base = base_timeframe()
        pairs = [one for one in _pairs(timeframe) if one.row.timeframe % base == 0]
        if not pairs:
            return 0
        if _past.has_changed(base):
            _cache.forget()
        spans = extents(sorted({one.instrument.pk for one in pairs}), base)
        spans_due = {
            pair.key: span
            for pair in pairs
            if pair.instrument.pk in spans
            and (span := _span(pair, spans[pair.instrument.pk], bar_close)) is not None
        }
        pairs = [one for one in pairs if one.key in spans_due]
        poor = refusing(sorted({one.instrument.pk for one in pairs})) if pairs else {}
        pairs = [one for one in pairs if one.instrument.pk not in poor]
        if not pairs:
            return 0
        feed = Feed(spans, base)
        feed.read_ahead(
            {one.instrument.pk for one in pairs}, seconds=max(one.row.timeframe for one in pairs)
        )
        made = [
            forecast
            for pair in pairs
            for forecast in _forecasts(pair, feed, spans, spans_due[pair.key])
        ]
        try:
            return _write(pairs, made)
        except Exception:
            # Nothing was written: the next ring asks for these bars again.
            for pair in pairs:
                _newest.pop(pair.key, None)
            raise


def _pairs(timeframe: int) -> list[Pair]:
    rows = ForecastModel.objects.filter(
        state=ForecastModel.State.READY, timeframe__gte=timeframe
    ).defer("direction_trees", "quantile_trees", "drift")
    found = list(rows)
    if found:
        models_shelve()
    pairs = []
    for row in found:
        try:
            model = shelf.exactly(row.name, row.version)
        except (ModelLostError, UnknownModelError):
            # The shelf has said why, once; forecasts of this model stop, signals go on.
            continue
        pairs += [Pair(row, model, one) for one in instruments_of(row)]
    return pairs


def _span(pair: Pair, extent: Extent, bar_close: int | None) -> tuple[int, int] | None:
    """Return the open times of the first and last bar to forecast from, None for none."""
    step = pair.row.timeframe
    through = extent.through if bar_close is None else min(extent.through, bar_close)
    last = through // step * step - step
    before = _newest_of(pair.key)
    first = last if before is None else max(before + step, last - (MOST_BARS - 1) * step)
    if first > last or last < extent.start or last + step <= pair.model.trained_through:
        return None
    return first, last


def _newest_of(key: tuple[int, int]) -> int | None:
    """Return the newest bar that was forecast from; asked of the database once a process."""
    if key not in _newest:
        rows = Forecast.objects.filter(model_id=key[0], instrument_id=key[1])
        _newest[key] = rows.aggregate(newest=Max("bar_open"))["newest"]
    return _newest[key]


def _forecasts(
    pair: Pair, feed: Feed, spans: Mapping[int, Extent], span: tuple[int, int]
) -> Iterable[Forecast]:
    model, step = pair.model, pair.row.timeframe
    try:
        found = table(
            _plan(model),
            feed,
            instrument=pair.instrument.pk,
            timeframe=step,
            from_open=span[0],
            through_open=span[1],
            cache=_cache,
        )
    except (ColumnError, BadBarsError) as fault:
        log.warning(
            "a model could not forecast: %s",
            fault,
            extra={"model": str(pair.row), "instrument": pair.instrument.symbol},
        )
        return []
    rows = found.without(PRICE)
    may = ~np.isnan(rows).all(axis=1) & (found.open_time + step > model.trained_through)
    places = np.flatnonzero(may).tolist()
    made = [_forecast(pair, feed, found, rows, place) for place in places]
    clock = _clock(feed, pair, spans)
    late = [one for one in made if one is not None and one.due_at <= clock]
    if late:
        log.warning(
            "%d forecasts were not written: what they speak of was known already",
            len(late),
            extra={"model": str(pair.row), "instrument": pair.instrument.symbol},
        )
    # They are done with, too: the bars were looked at, and nothing can be said of them any more.
    if len(found):
        _newest[pair.key] = int(found.open_time[-1])
    return [one for one in made if one is not None and one.due_at > clock]


def _clock(feed: Feed, pair: Pair, spans: Mapping[int, Extent]) -> int:
    """Return the time of a series: of a replay that of its bars."""
    through = spans[pair.instrument.pk].through
    source = feed.origin(pair.instrument.pk, through - base_timeframe(), base_timeframe()).source
    return through if source.startswith(REPLAY_PREFIX) else int(timezone.now().timestamp())


def _plan(model: ShelvedModel) -> TablePlan:
    key = (model.name, model.version)
    if key not in _plans:
        for old in [one for one in _plans if one[0] == model.name]:
            del _plans[old]
            _cache.forget()
        _plans[key] = feature_plan(model.texts, model.timeframe)
    return _plans[key]


def _forecast(
    pair: Pair, feed: Feed, found: Table, rows: np.ndarray, place: int
) -> Forecast | None:
    bar_open, step = int(found.open_time[place]), pair.row.timeframe
    due = due_at(bar_open, step, pair.row.horizon, calendar_of(pair.instrument.session_calendar))
    if due is None:
        return None
    row = rows[place : place + 1]
    scorer = pair.model.scorer
    probability = float(scorer.probabilities(row)[0])
    quantiles = scorer.quantiles(row)[0].tolist()
    origin = feed.origin(pair.instrument.pk, bar_open, step)
    age_s = timezone.now().timestamp() - (bar_open + step)
    return Forecast(
        model_id=pair.row.pk,
        instrument=pair.instrument,
        timeframe=step,
        horizon=pair.row.horizon,
        bar_open=bar_open,
        due_at=due,
        price=float(found.column(PRICE)[place]),
        direction=1 if probability > 0.5 else -1,
        probability=probability,
        base_rate=pair.row.metrics.get("base_rate"),
        quantiles={f"{level:g}": one for level, one in zip(LEVELS, quantiles, strict=True)},
        contributions=_contributions(pair.model, row),
        source=origin.source,
        is_live=origin.is_live and age_s <= LATE_AFTER * step + LEAST_PATIENCE_S,
    )


def _contributions(model: ShelvedModel, row: np.ndarray) -> dict[str, list[float | None]]:
    """Return the features that moved the log-odds most: [value, log-odds], the greatest first."""
    told = model.scorer.contributions(row)
    values = dict(zip(model.scorer.names, row[0].tolist(), strict=True))
    top = sorted(told, key=lambda name: -abs(told[name]))[:TOP_FEATURES]
    return {name: [values[name] if np.isfinite(values[name]) else None, told[name]] for name in top}


def _write(pairs: Sequence[Pair], made: Sequence[Forecast]) -> int:
    """Write what nobody wrote meanwhile, and tell of it on commit."""
    if not made:
        return 0
    with transaction.atomic():
        # Held until the end, so that two workers write one after the other.
        ids = sorted({one.row.pk for one in pairs})
        held = ForecastModel.objects.filter(pk__in=ids, state=ForecastModel.State.READY)
        ready = set(held.select_for_update().order_by("pk").values_list("pk", flat=True))
        there = set(
            Forecast.objects.filter(
                model_id__in=ids, bar_open__gte=min(one.bar_open for one in made)
            ).values_list("model_id", "instrument_id", "bar_open")
        )
        fresh = [
            one
            for one in made
            if one.model_id in ready
            and (one.model_id, one.instrument_id, one.bar_open) not in there
            # The wait for the other worker may have taken long.
            and (one.source.startswith(REPLAY_PREFIX) or one.due_at > timezone.now().timestamp())
        ]
        rows = Forecast.objects.bulk_create(fresh)
        if rows:
            event = ForecastsMade(tuple(row.pk for row in rows))
            transaction.on_commit(functools.partial(publish, event))
    return len(rows)


def forget() -> None:
    """Forget what this process remembers between two rings."""
    _cache.forget()
    _plans.clear()
    _newest.clear()
    _past.forget()
