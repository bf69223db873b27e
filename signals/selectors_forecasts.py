"""What the pages and the API read of forecasts and votes."""

from collections import defaultdict
from collections.abc import Sequence

from django.db.models import OuterRef, QuerySet, Subquery

from markets.models import Instrument
from signals.models import Consensus, Forecast, ForecastModel, Strategy


def models_for_pages() -> QuerySet[ForecastModel]:
    """Return the models, the newest version first, without their trees."""
    return ForecastModel.objects.defer("direction_trees", "quantile_trees").order_by(
        "name", "-version"
    )


def forecasts_recent(
    *, instrument: Instrument | None = None, model: str = ""
) -> QuerySet[Forecast]:
    """Return the forecasts of models, newest first, with how they turned out."""
    found = Forecast.objects.filter(model__isnull=False).select_related(
        "instrument__venue", "model", "score"
    )
    found = found.defer("model__direction_trees", "model__quantile_trees")
    if instrument is not None:
        found = found.filter(instrument=instrument)
    return (found.filter(model__name=model) if model else found).order_by("-pk")


def forecasts_newest(instruments: Sequence[Instrument]) -> dict[int, list[Forecast]]:
    """Return the newest forecast of each ready model, by instrument."""
    models = ForecastModel.objects.filter(state=ForecastModel.State.READY)
    found: dict[int, list[Forecast]] = defaultdict(list)
    for model_id in models.values_list("pk", flat=True):
        newest = Forecast.objects.filter(model=model_id, instrument=OuterRef("pk"))
        ids = (
            Instrument.objects.filter(pk__in=[one.pk for one in instruments])
            .annotate(newest=Subquery(newest.order_by("-bar_open").values("pk")[:1]))
            .values_list("newest", flat=True)
        )
        for row in forecasts_recent().filter(pk__in=[pk for pk in ids if pk is not None]):
            found[row.instrument_id].append(row)
    return found


def consensus_newest(instruments: Sequence[Instrument]) -> dict[int, list[Consensus]]:
    """Return the newest vote of each timeframe, by instrument; the shortest timeframe first."""
    voting = Strategy.objects.filter(is_active=True, owner=None).values_list("timeframe", flat=True)
    ready = ForecastModel.objects.filter(state=ForecastModel.State.READY)
    frames = sorted({*voting, *ready.values_list("timeframe", flat=True)})
    found: dict[int, list[Consensus]] = defaultdict(list)
    for timeframe in frames:
        newest = Consensus.objects.filter(instrument=OuterRef("pk"), timeframe=timeframe)
        ids = (
            Instrument.objects.filter(pk__in=[one.pk for one in instruments])
            .annotate(newest=Subquery(newest.order_by("-bar_open").values("pk")[:1]))
            .values_list("newest", flat=True)
        )
        rows = Consensus.objects.filter(pk__in=[pk for pk in ids if pk is not None])
        for row in rows.select_related("instrument__venue"):
            found[row.instrument_id].append(row)
    return found


def consensus_recent(
    *, instrument: Instrument | None = None, timeframe: int | None = None
) -> QuerySet[Consensus]:
    """Return votes, newest first."""
    found = Consensus.objects.select_related("instrument__venue").order_by("-pk")
    if instrument is not None:
        found = found.filter(instrument=instrument)
    return found if timeframe is None else found.filter(timeframe=timeframe)
