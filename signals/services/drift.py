"""Hold what comes in against what each model was trained on, once a day."""

import logging
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Avg, Count
from django.utils import timezone

from markets.selectors import base_timeframe
from signals.columns.errors import BadBarsError, ColumnError
from signals.columns.table import table
from signals.feed import Feed, extents
from signals.forecasting.drift import SCORE, STRETCH_ROWS, compare
from signals.forecasting.shelf import ModelLostError, ShelvedModel, shelf
from signals.models import ForecastModel, ForecastScore
from signals.samples import PRICE, feature_plan
from signals.services.shelving import models_shelve
from signals.services.training import instruments_of

log = logging.getLogger(__name__)

EVERY = timedelta(hours=24)
# Fewer forecasts that turned out say nothing about a model.
FEWEST_SCORES = 100
# Their mean squared error has grown by so much of the naive one's.
WORSE = 0.05


def drift_check_due(now: datetime | None = None) -> ForecastModel | None:
    """Check the ready model that was not looked at for longest, if that is a day ago."""
    now = now or timezone.now()
    ready = ForecastModel.objects.filter(state=ForecastModel.State.READY).defer(
        "direction_trees", "quantile_trees"
    )
    never = ready.filter(drift_checked_at=None, finished_at__lte=now - EVERY).first()
    model = (
        never
        or ready.filter(drift_checked_at__lte=now - EVERY).order_by("drift_checked_at").first()
    )
    if model is not None:
        drift_check(model, now=now)
    return model


def drift_check(model: ForecastModel, *, now: datetime | None = None) -> dict[str, Any]:
    """Compare the newest bars and the newest scores of a model with its training; keep it."""
    models_shelve()
    try:
        found = _compared(model, shelf.exactly(model.name, model.version))
    except (ModelLostError, ColumnError, BadBarsError) as fault:
        found = {"index": {}, "changed": [], "sentence": f"could not be checked: {fault}"}
    found |= _scored(model)
    told = [found["sentence"], found.pop("worse", "")]
    found["sentence"] = "; ".join(one for one in told if one)
    model.drift, model.drift_checked_at = found, now or timezone.now()
    model.save(update_fields=["drift", "drift_checked_at"])
    if found["sentence"]:
        log.warning("a model drifts: %s", found["sentence"], extra={"model": str(model)})
    return found


def _compared(model: ForecastModel, shelved: ShelvedModel) -> dict[str, Any]:
    base = base_timeframe()
    spans = extents([one.pk for one in instruments_of(model)], base)
    feed, plan = Feed(spans, base), feature_plan(shelved.texts, model.timeframe)
    parts = []
    for pk, span in spans.items():
        newest = span.through // model.timeframe * model.timeframe
        begin = newest - 2 * STRETCH_ROWS * model.timeframe
        found = table(
            plan,
            feed,
            instrument=pk,
            timeframe=model.timeframe,
            from_open=begin,
            through_open=newest,
        )
        parts.append(found.without(PRICE)[-STRETCH_ROWS:])
    rows = np.concatenate(parts) if parts else np.empty((0, len(model.features)), np.float32)
    if len(rows) < STRETCH_ROWS:
        return {"index": {}, "changed": [], "sentence": "", "rows": len(rows)}
    recent = {
        name: rows[:, place].astype(np.float64) for place, name in enumerate(shelved.scorer.names)
    }
    recent[SCORE] = shelved.scorer.probabilities(np.ascontiguousarray(rows))
    return compare(model.metrics["reference"], recent)


def _scored(model: ForecastModel) -> dict[str, Any]:
    """Return how the newest forecasts of a model turned out beside its walk-forward."""
    newest = ForecastScore.objects.filter(
        forecast__model_id=model.pk, brier__isnull=False
    ).order_by("-id")[:STRETCH_ROWS]
    told = ForecastScore.objects.filter(pk__in=newest.values("pk")).aggregate(
        count=Count("pk"), brier=Avg("brier"), naive=Avg("naive_brier")
    )
    if told["count"] < FEWEST_SCORES or not told["naive"]:
        return {"scores": told["count"]}
    walked = model.metrics["direction"]
    recent, trained = told["brier"] / told["naive"], walked["brier"] / walked["naive_brier"]
    found = {"scores": told["count"], "brier_of_naive": recent, "brier_of_naive_trained": trained}
    if recent > trained + WORSE:
        found["worse"] = (
            f"its Brier score is {recent:.2f} of the naive one, {trained:.2f} in the walk-forward"
        )
    return found
