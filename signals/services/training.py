"""Train models: the row first, the work in a process of its own, one training at a time.

A training holds a lease that its process renews. A process that dies leaves the lease to run out,
and the sweep lets the row wait again; after three attempts it has failed.
"""

import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone

from markets.models import Instrument
from markets.selectors import base_timeframe, instruments_watched
from markets.selectors_feeds import UnknownFeedError, feed_points
from markets.types import TIMEFRAME_NAMES, TIMEFRAME_SECONDS
from mystic.lib.bus import publish
from mystic.models import User
from signals.columns.errors import ColumnError
from signals.columns.model_column import models_of
from signals.events import TrainingWanted
from signals.forecasting.features import default_features
from signals.forecasting.training import Learned
from signals.forecasting.trees import TreeOptions
from signals.forecasting.windows import WalkOptions
from signals.models import ForecastModel
from signals.samples import feature_plan

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)
MOST_ATTEMPTS = 3
MOST_FEATURES = 60
TREES_KEPT = 3
FEEDS = ("fear_greed", "macro:VIXCLS", "macro:DGS10")
State = ForecastModel.State


class TrainingError(ValueError):
    """A training that cannot be; the sentence says why."""


def model_train(
    *,
    name: str,
    asset_class: str,
    symbols: Sequence[str] = (),
    timeframe: str | int,
    horizon: int,
    features: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    retrain_days: int = 0,
    user: User | None = None,
) -> ForecastModel:
    """Ask for the next version of a model; a worker trains it.

    Parameters
    ----------
    symbols : sequence of str
        Whose bars it is trained on and speaks of; without any, the watched ones of the class.
    horizon : int
        Bars ahead.
    features : mapping of name to expression, optional
        Of the column language; the usual ones of the class without.
    options : mapping, optional
        `walk` and `trees` (see `WalkOptions`, `TreeOptions`), and `through`: the UTC epoch second
        after which nothing is learnt, so that there is something left to test on.

    Raises
    ------
    TrainingError
        With what is wrong.
    """
    seconds = _timeframe(timeframe)
    _refuse_wrong(name, asset_class, symbols, horizon)
    texts = (
        dict(features)
        if features
        else default_features(asset_class, seconds, symbols, _feeds_read())
    )
    _refuse_features(texts, seconds)
    recipe = _options(options or {})
    return _waiting(
        name=name,
        asset_class=asset_class,
        symbols=list(symbols),
        timeframe=seconds,
        horizon=horizon,
        features=texts,
        options=recipe,
        seed=recipe["trees"]["seed"],
        retrain_days=retrain_days,
        created_by=user,
    )


def _waiting(*, name: str, **told: Any) -> ForecastModel:
    """Write the row of the next version and ring for it."""
    try:
        with transaction.atomic():
            rows = ForecastModel.objects.filter(name=name)
            if rows.filter(state__in=(State.WAITING, State.TRAINING)).exists():
                raise TrainingError(f"{name} is being trained already")
            newest = rows.aggregate(newest=Max("version"))["newest"] or 0
            model = ForecastModel.objects.create(
                name=name, version=newest + 1, stage="waits for a worker", **told
            )
            transaction.on_commit(functools.partial(publish, TrainingWanted(model.pk)))
    except IntegrityError:
        raise TrainingError(f"{name} is being trained already") from None
    return model


def model_retrain(*, model: ForecastModel, user: User | None = None) -> ForecastModel:
    """Ask for the next version of a model, made as this one was."""
    return model_train(
        name=model.name,
        asset_class=model.asset_class,
        symbols=model.symbols,
        timeframe=model.timeframe,
        horizon=model.horizon,
        features=model.features,
        options={key: one for key, one in model.options.items() if key != "through"},
        retrain_days=model.retrain_days,
        user=user,
    )


def model_cancel(*, model: ForecastModel, actor: str) -> bool:
    """End a training that waits or runs; its process notices within seconds."""
    running = ForecastModel.objects.filter(pk=model.pk, state__in=(State.WAITING, State.TRAINING))
    return bool(
        running.update(
            state=State.FAILED,
            error=f"cancelled by {actor}",
            stage="",
            leased_until=None,
            finished_at=timezone.now(),
        )
    )


def training_claim(model_id: int, now: datetime | None = None) -> int | None:
    """Take a waiting model to train; return the attempt, None where it may not begin now."""
    now = now or timezone.now()
    if ForecastModel.objects.filter(state=State.TRAINING, leased_until__gt=now).exists():
        return None
    taken = ForecastModel.objects.filter(pk=model_id, state=State.WAITING).update(
        state=State.TRAINING,
        attempts=F("attempts") + 1,
        leased_until=now + LEASE,
        progress=0.0,
        stage="begins",
        error="",
    )
    if not taken:
        return None
    return ForecastModel.objects.values_list("attempts", flat=True).get(pk=model_id)


def training_renew(model_id: int, attempt: int) -> bool:
    """Keep the lease; tell whether the training still belongs to this attempt."""
    return bool(_held(model_id, attempt).update(leased_until=timezone.now() + LEASE))


def training_tell(model_id: int, attempt: int, progress: float, stage: str) -> None:
    """Say how far it is."""
    _held(model_id, attempt).update(progress=progress, stage=stage[:80])


def training_keep(model_id: int, attempt: int, learned: Learned) -> bool:
    """Make the model ready and retire the version before it, at once."""
    with transaction.atomic():
        model = _held(model_id, attempt).select_for_update().first()
        if model is None:
            return False
        same = ForecastModel.objects.filter(name=model.name)
        same.filter(state=State.READY).update(state=State.RETIRED)
        # The figures of old versions stay; their trees take a megabyte each.
        same.filter(version__lt=model.version - TREES_KEPT).update(
            direction_trees=None, quantile_trees=None
        )
        model.state, model.progress, model.stage, model.error = State.READY, 1.0, "", ""
        model.leased_until, model.finished_at = None, timezone.now()
        model.direction_trees, model.quantile_trees = learned.direction, learned.quantile
        model.digest, model.data_hash = learned.digest, learned.data_hash
        model.metrics, model.rows = learned.metrics, learned.rows
        model.trained_from, model.trained_through = learned.trained_from, learned.trained_through
        model.save()
    return True


def training_fail(model_id: int, attempt: int, sentence: str) -> bool:
    """End an attempt for good."""
    return bool(
        _held(model_id, attempt).update(
            state=State.FAILED,
            error=sentence[:500],
            stage="",
            leased_until=None,
            finished_at=timezone.now(),
        )
    )


def training_give_back(model_id: int, attempt: int, sentence: str, *, counts: bool = True) -> bool:
    """Let an attempt that broke off be made again; after the third it has failed.

    Parameters
    ----------
    counts : bool
        False where the attempt itself was not at fault: the platform was stopped.
    """
    if counts and attempt >= MOST_ATTEMPTS:
        return training_fail(model_id, attempt, f"{sentence}, {attempt} times")
    return bool(
        _held(model_id, attempt).update(
            state=State.WAITING,
            attempts=attempt if counts else attempt - 1,
            leased_until=None,
            progress=0.0,
            stage="waits for a worker",
            error=sentence[:500] if counts else "",
        )
    )


def trainings_due(now: datetime | None = None) -> list[int]:
    """Let crashed trainings wait again and ask for those that are due; return what waits."""
    now = now or timezone.now()
    crashed = ForecastModel.objects.filter(state=State.TRAINING, leased_until__lte=now)
    for pk, attempt in crashed.values_list("pk", "attempts"):
        training_give_back(pk, attempt, "the training broke off")
    for model in ForecastModel.objects.filter(state=State.READY, retrain_days__gt=0).defer(
        "direction_trees", "quantile_trees"
    ):
        _retrain_if_due(model, now)
    waiting = ForecastModel.objects.filter(state=State.WAITING).order_by("pk")
    return list(waiting.values_list("pk", flat=True))


def instruments_of(model: ForecastModel) -> list[Instrument]:
    """Return the watched instruments that a model is trained on and speaks of."""
    wanted = set(model.symbols)
    return [
        one
        for one in instruments_watched()
        if one.asset_class == model.asset_class and (not wanted or one.symbol in wanted)
    ]


def _retrain_if_due(model: ForecastModel, now: datetime) -> None:
    since = now - timedelta(days=model.retrain_days)
    newer = ForecastModel.objects.filter(name=model.name, version__gt=model.version)
    # A newer version that failed was asked for as well: the next one is due as long after it.
    if model.finished_at is None or model.finished_at > since:
        return
    if newer.filter(created_at__gt=since).exists():
        return
    try:
        model_retrain(model=model)
    except TrainingError as fault:
        log.warning("a model could not be trained anew: %s", fault, extra={"model": str(model)})


def _held(model_id: int, attempt: int) -> Any:
    return ForecastModel.objects.filter(pk=model_id, state=State.TRAINING, attempts=attempt)


def _timeframe(timeframe: str | int) -> int:
    seconds = TIMEFRAME_SECONDS.get(timeframe) if isinstance(timeframe, str) else timeframe
    if seconds not in TIMEFRAME_NAMES:
        known = ", ".join(TIMEFRAME_SECONDS)
        raise TrainingError(f"the timeframe must be one of {known}, not {timeframe!r}")
    base = base_timeframe()
    if seconds % base:
        raise TrainingError(f"bars of {TIMEFRAME_NAMES[base]} are stored; {timeframe} is shorter")
    return seconds


def _refuse_wrong(name: str, asset_class: str, symbols: Sequence[str], horizon: int) -> None:
    if asset_class not in Instrument.AssetClass.values:
        raise TrainingError(f"{asset_class!r} is no class of instruments")
    if not name or not name.replace("-", "").replace("_", "").isalnum() or len(name) > 60:
        raise TrainingError("a model's name has up to 60 letters, digits, hyphens, underscores")
    if not 1 <= horizon <= 500:
        raise TrainingError(f"the horizon is 1 to 500 bars, not {horizon}")
    watched = {one.symbol for one in instruments_watched() if one.asset_class == asset_class}
    unknown = sorted(set(symbols) - watched)
    if unknown:
        raise TrainingError(f"{unknown[0]} is not watched here as {asset_class}")
    if not watched:
        raise TrainingError(f"no instrument of the class {asset_class} is watched here")


def _refuse_features(texts: Mapping[str, str], timeframe: int) -> None:
    if len(texts) > MOST_FEATURES:
        raise TrainingError(f"{len(texts)} features are too many; {MOST_FEATURES} at most")
    try:
        plan = feature_plan(texts, timeframe)
    except ColumnError as fault:
        raise TrainingError(str(fault)) from None
    asked = models_of(plan.plan)
    if asked:
        raise TrainingError(f"a feature asks the model {next(iter(asked))}: models learn from bars")


def _feeds_read() -> list[str]:
    """Return which of the feeds that the usual features look at have a point stored."""
    found = []
    for name in FEEDS:
        try:
            if len(feed_points(name, None, 0).value):
                found.append(name)
        except UnknownFeedError:
            continue
    return found


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option with its value, so that the row says how the model was made."""
    unknown = set(options) - {"walk", "trees", "through"}
    if unknown:
        raise TrainingError(f"options are walk, trees and through, not {sorted(unknown)[0]}")
    try:
        found: dict[str, Any] = {
            "walk": asdict(WalkOptions(**options.get("walk", {}))),
            "trees": asdict(TreeOptions(**options.get("trees", {}))),
        }
    except TypeError as fault:
        raise TrainingError(f"an option cannot be: {fault}") from None
    if options.get("through") is not None:
        found["through"] = int(options["through"])
    return found
