"""The work of one training, done by the process that holds its lease."""

import functools
import logging
from datetime import UTC, datetime

from markets.selectors import base_timeframe
from markets.sessions import ALWAYS
from mystic.lib.leases import LeaseKeeper
from signals.columns.errors import BadBarsError, ColumnError
from signals.columns.series import FOREVER
from signals.feed import Feed, extents
from signals.forecasting.leaks import LeakError
from signals.forecasting.training import Learned, Recipe, Sample, TooLittleError, learn
from signals.forecasting.trees import LARGEST_BYTES, TreeOptions, TreesError
from signals.forecasting.windows import WalkOptions
from signals.models import ForecastModel
from signals.samples import feature_plan, sample_of
from signals.services.training import (
    TrainingError,
    instruments_of,
    training_fail,
    training_give_back,
    training_keep,
    training_renew,
    training_tell,
)

log = logging.getLogger(__name__)

MOST_ROWS = 400_000
# Another attempt would end the same way.
FINAL = (TrainingError, TooLittleError, LeakError, TreesError, ColumnError, BadBarsError)


def training_work(model_id: int, attempt: int) -> bool:
    """Train a claimed model; tell whether it is ready.

    What cannot succeed fails at once with its sentence; anything else is tried again by the sweep.
    """
    try:
        learned = _learned(model_id, attempt)
    except FINAL as fault:
        training_fail(model_id, attempt, str(fault))
        return False
    except Exception as fault:
        log.exception("a training broke off", extra={"model_id": model_id})
        training_give_back(model_id, attempt, f"{type(fault).__name__}: {fault}"[:300])
        return False
    return training_keep(model_id, attempt, learned)


def _learned(model_id: int, attempt: int) -> Learned:
    model = ForecastModel.objects.get(pk=model_id)

    def tell(progress: float, stage: str) -> None:
        training_tell(model_id, attempt, progress, stage)

    tell(0.0, "reading the bars")
    sample = model_sample(model)
    recipe = Recipe(
        model.timeframe,
        model.horizon,
        WalkOptions(**model.options.get("walk", {})),
        TreeOptions(**model.options.get("trees", {})),
    )
    learned = learn(sample, recipe, tell=tell)
    size = len(learned.direction) + len(learned.quantile)
    if size > LARGEST_BYTES:
        raise TrainingError(f"the trees take {size} bytes, more than {LARGEST_BYTES}")
    return learned


def model_sample(model: ForecastModel) -> Sample:
    """Return what a model learns from now: the newest rows of all its instruments.

    Raises
    ------
    TrainingError
        If nothing is stored.
    ColumnError
        If a feature cannot be.
    """
    instruments = instruments_of(model)
    base = base_timeframe()
    spans = extents([one.pk for one in instruments], base)
    kept = [one for one in instruments if one.pk in spans]
    if not kept:
        raise TrainingError("no bars of its instruments are stored")
    share = MOST_ROWS // len(kept)
    newest = max(spans[one.pk].through for one in kept)
    return sample_of(
        feature_plan(model.features, model.timeframe),
        Feed(spans, base),
        [one.pk for one in kept],
        horizon=model.horizon,
        is_always_open=all(one.session_calendar == ALWAYS for one in kept),
        from_open=newest - share * model.timeframe,
        # A held-out end: the last label closes by then.
        through_open=model.options.get("through", FOREVER) - model.timeframe,
    )


def training_keeper(model_id: int, attempt: int) -> LeaseKeeper:
    """Return what keeps the lease of a training while it is made."""
    return LeaseKeeper(
        "a training",
        renew=functools.partial(training_renew, model_id, attempt),
        hand_back=functools.partial(training_give_back, model_id, attempt, "", counts=False),
    )


def when(moment: int) -> str:
    """Return a moment as it is printed."""
    return f"{datetime.fromtimestamp(moment, tz=UTC):%Y-%m-%d %H:%M} UTC"
