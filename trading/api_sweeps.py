"""The API of searches: ask for one, look at it, its trials, its folds and its heat map, cancel."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from mystic.lib.api import (
    ApiView,
    StrictChoice,
    StrictInteger,
    StrictSerializer,
    StrictText,
    envelope,
    read_page,
    read_whole,
)
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.problems import Problem, error
from mystic.models import User
from signals.models import Strategy
from signals.selectors_rules import seen_by
from trading.api_backtests import moment
from trading.api_data import time_iso
from trading.models import Fold, Sweep, Trial
from trading.performance.catalogue import METRICS
from trading.selectors_sweeps import (
    folds_of,
    heat_map,
    sweep_for,
    sweeps_for,
    trial_counts,
    trials_of,
    varied,
)
from trading.services.research_errors import ResearchError
from trading.services.sweeps import sweep_cancel, sweep_start

TAG = "research"
BODY = {"from_open": "from", "through_open": "through"}


@extend_schema_serializer(component_name="SweepInput")
class SweepInput(StrictSerializer):
    """What is to be searched: docs/sweeps.md; a walk-forward unless `kind` says sweep."""

    kind = StrictChoice(choices=Sweep.Kind.values, default=Sweep.Kind.WALK_FORWARD)
    strategy = StrictInteger(help_text="id of a strategy that you may see")
    symbols = serializers.ListField(child=StrictText(max_length=80), allow_empty=False)
    through = StrictText(help_text="the last bar decided on, ISO 8601 with a zone or epoch seconds")
    space = serializers.DictField(help_text='what varies: {"fast": {"low": 5, "high": 30}}')
    method = StrictChoice(choices=Sweep.Method.values, default=Sweep.Method.GRID)
    points = StrictInteger(required=False, help_text="of a random or TPE search, in each fold")
    objective = StrictText(default="sharpe", max_length=40)
    seed = StrictInteger(default=7)
    min_trades = StrictInteger(default=10, help_text="a point with fewer is not ranked")
    walk = serializers.DictField(default=dict, help_text="windows: docs/walk-forward.md")
    params = serializers.DictField(default=dict, help_text="those that stay")
    assumptions = serializers.DictField(default=dict, help_text="docs/backtesting.md")
    name = StrictText(default="", allow_blank=True, max_length=80)

    def get_fields(self) -> dict[str, Any]:
        told = "the first bar decided on, ISO 8601 with a zone or epoch seconds"
        return {**super().get_fields(), "from": StrictText(help_text=told)}


@extend_schema_serializer(component_name="Sweep")
class SweepSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    name = serializers.CharField()
    strategy_id = serializers.IntegerField(allow_null=True)
    class_name = serializers.CharField()
    symbols = serializers.ListField(child=serializers.CharField())
    timeframe = serializers.CharField()
    from_open = serializers.IntegerField(help_text="UTC epoch seconds")
    through_open = serializers.IntegerField(help_text="UTC epoch seconds")
    method = serializers.CharField()
    space = serializers.DictField()
    points = serializers.IntegerField(help_text="trials, in each fold")
    objective = serializers.CharField()
    seed = serializers.IntegerField()
    walk = serializers.DictField()
    state = serializers.CharField()
    progress = serializers.FloatField()
    stage = serializers.CharField()
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(component_name="SweepDetail")
class SweepOneSerializer(SweepSerializer):
    params = serializers.DictField()
    assumptions = serializers.DictField()
    trials = serializers.DictField(help_text="how many by state")
    summary = serializers.DictField(help_text="docs/sweeps.md names every field")


@extend_schema_serializer(component_name="SweepTrial")
class TrialSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    number = serializers.IntegerField()
    fold = serializers.IntegerField(allow_null=True)
    params = serializers.DictField()
    state = serializers.CharField()
    objective = serializers.FloatField(allow_null=True)
    metrics = serializers.DictField()
    error = serializers.CharField()
    finished_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(component_name="SweepFold")
class FoldSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    train_from = serializers.IntegerField()
    train_through = serializers.IntegerField()
    test_from = serializers.IntegerField()
    test_through = serializers.IntegerField()
    chosen = serializers.DictField(allow_null=True)
    chosen_metrics = serializers.DictField()
    metrics = serializers.DictField()
    equity = serializers.DictField()


@extend_schema_serializer(component_name="SweepHeatMap")
class HeatMapSerializer(serializers.Serializer[Any]):
    x = serializers.CharField()
    y = serializers.CharField()
    objective = serializers.CharField()
    x_values = serializers.ListField()
    y_values = serializers.ListField()
    cells = serializers.ListField(help_text="a row for each y value; null where nothing is")
    counts = serializers.ListField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


ONE = enveloped("Sweep", SweepOneSerializer())


class Sweeps(ApiView):
    parameters = {
        "kind": "`sweep` or `walk_forward`; both unless given.",
        "archived": "`true` gives those that were put away.",
        "before": "Only those with a smaller id.",
        "limit": "At most 500, 50 unless given.",
    }

    @describe(
        "sweeps", enveloped("Sweeps", SweepSerializer(many=True)), tag=TAG, parameters=parameters
    )
    def get(self, request: Request) -> Response:
        """Your searches, newest first."""
        archived = _choice(request, "archived", ("false", "true"))
        found = sweeps_for(user=_user(request), is_archived=archived == "true")
        kind = _choice(request, "kind", ("", *Sweep.Kind.values))
        if kind:
            found = found.filter(kind=kind)
        return self.answer(envelope([sweep_row(row) for row in read_page(request, found)]))

    @describe(
        "sweep_start",
        ONE,
        tag=TAG,
        request=SweepInput,
        status=202,
        problems=(404, 413, 415, 422),
    )
    def post(self, request: Request) -> Response:
        """Ask for a search; workers make its trials. What cannot be is refused with its place."""
        given = self.validated(SweepInput, request)
        user = _user(request)
        strategy = Strategy.objects.filter(seen_by(user), pk=given.pop("strategy")).first()
        if strategy is None:
            raise _refused(ResearchError("There is no such strategy.", "/strategy"))
        first, last = moment(given.pop("from"), "from"), moment(given.pop("through"), "through")
        try:
            sweep = sweep_start(
                user=user, strategy=strategy, from_open=first, through_open=last, **given
            )
        except ResearchError as fault:
            raise _refused(fault) from None
        return self.answer(envelope(sweep_detail(sweep)), status=202)


class SweepOne(ApiView):
    @describe("sweep", ONE, tag=TAG, problems=(404,))
    def get(self, request: Request, sweep_id: int) -> Response:
        """One search: how far it is, and its summary once it has ended."""
        return self.answer(envelope(sweep_detail(_sweep(request, sweep_id))))


class SweepCancel(ApiView):
    @describe("sweep_cancel", ONE, tag=TAG, problems=(404, 409))
    def post(self, request: Request, sweep_id: int) -> Response:
        """End a search that waits or runs; the trials that were made stay."""
        self.refuse_body(request)
        sweep = _sweep(request, sweep_id)
        if not sweep_cancel(sweep=sweep, actor=_user(request).username):
            raise Problem(409, "sweep_ended", f"this search is {sweep.state} already")
        return self.answer(envelope(sweep_detail(_sweep(request, sweep_id))))


class SweepTrials(ApiView):
    parameters = {
        "fold": "Of this fold of a walk-forward only.",
        "order": "`number` (unless given) or `objective`, the best first.",
        "after": "Skip so many.",
        "limit": "At most 500, 50 unless given.",
    }

    @describe(
        "sweep_trials",
        enveloped("SweepTrials", TrialSerializer(many=True)),
        tag=TAG,
        parameters=parameters,
        problems=(404,),
    )
    def get(self, request: Request, sweep_id: int) -> Response:
        """The trials with what each gave."""
        sweep = _sweep(request, sweep_id)
        found = trials_of(sweep, fold=read_whole(request, "fold"))
        if _choice(request, "order", ("number", "objective")) == "objective":
            sign = "" if METRICS[sweep.objective].better == "lower" else "-"
            found = found.filter(objective__isnull=False).order_by(f"{sign}objective", "pk")
        after = read_whole(request, "after") or 0
        limit = min(500, max(1, read_whole(request, "limit") or 50))
        return self.answer(envelope([_trial(one) for one in found[after : after + limit]]))


class SweepFolds(ApiView):
    @describe(
        "sweep_folds",
        enveloped("SweepFolds", FoldSerializer(many=True)),
        tag=TAG,
        problems=(404,),
    )
    def get(self, request: Request, sweep_id: int) -> Response:
        """The folds of a walk-forward: windows, what was chosen, what came of it."""
        rows = folds_of(_sweep(request, sweep_id))
        return self.answer(envelope([_fold(one) for one in rows]))


class SweepHeatMap(ApiView):
    parameters = {
        "x": "A parameter that varies.",
        "y": "Another one.",
        "fold": "Of this fold of a walk-forward only.",
    }

    @describe(
        "sweep_heat_map",
        enveloped("SweepHeatMap", HeatMapSerializer()),
        tag=TAG,
        parameters=parameters,
        problems=(404,),
    )
    def get(self, request: Request, sweep_id: int) -> Response:
        """Two parameters against each other: the mean objective, over all other parameters."""
        sweep = _sweep(request, sweep_id)
        names = varied(sweep)
        x, y = (_choice(request, one, names) for one in ("x", "y"))
        found = heat_map(sweep, x, y, fold=read_whole(request, "fold"))
        return self.answer(envelope({name: getattr(found, name) for name in found.__slots__}))


def sweep_row(sweep: Sweep) -> dict[str, Any]:
    """Return a search as lists show it."""
    return {
        "id": sweep.pk,
        "kind": sweep.kind,
        "name": sweep.name,
        "strategy_id": sweep.strategy_id,
        "class_name": sweep.class_name,
        "symbols": sweep.symbols,
        "timeframe": sweep.timeframe_name,
        "from_open": sweep.from_open,
        "through_open": sweep.through_open,
        "method": sweep.method,
        "space": sweep.space,
        "points": sweep.points,
        "objective": sweep.objective,
        "seed": sweep.seed,
        "walk": sweep.walk,
        "state": sweep.state,
        "progress": sweep.progress,
        "stage": sweep.stage,
        "error": sweep.error,
        "created_at": time_iso(sweep.created_at),
        "finished_at": time_iso(sweep.finished_at),
    }


def sweep_detail(sweep: Sweep) -> dict[str, Any]:
    """Return a search with what came of it."""
    return {
        **sweep_row(sweep),
        "params": sweep.params,
        "assumptions": sweep.assumptions,
        "trials": trial_counts(sweep),
        "summary": sweep.summary,
    }


def _trial(trial: Trial) -> dict[str, Any]:
    metrics: Mapping[str, Any] = trial.metrics
    return {
        "id": trial.pk,
        "number": trial.number,
        "fold": None if trial.fold is None else trial.fold.number,
        "params": trial.params,
        "state": trial.state,
        "objective": trial.objective,
        "metrics": {name: metrics[name] for name in METRICS if name in metrics},
        "error": trial.error,
        "finished_at": time_iso(trial.finished_at),
    }


def _fold(fold: Fold) -> dict[str, Any]:
    spans = ("train_from", "train_through", "test_from", "test_through")
    given = ("chosen", "chosen_metrics", "metrics", "equity")
    return {name: getattr(fold, name) for name in ("number", *spans, *given)}


def _choice(request: Request, name: str, allowed: "tuple[str, ...] | list[str]") -> str:
    """Return a word of the query; the first of the allowed ones where it is not given."""
    asked = request.query_params.get(name, allowed[0])
    if asked not in allowed:
        said = ", ".join(one for one in allowed if one)
        raise Problem(400, "invalid_choice", f"{name} must be one of {said}")
    return asked


def _refused(fault: ResearchError) -> Problem:
    first, _, rest = fault.place.lstrip("/").partition("/")
    place = "/" + "/".join(one for one in (BODY.get(first, first), rest) if one)
    code = "research_refused"
    return Problem(422, code, str(fault), errors=[error(place, code, str(fault))])


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else in
    return request.user


def _sweep(request: Request, sweep_id: int) -> Sweep:
    found = sweep_for(user=_user(request), sweep_id=sweep_id)
    if found is None:
        raise Http404
    return found
