"""The API of backtests: ask, look, cancel, ask again, compare, and the report as files."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from markets import history
from mystic.lib.api import (
    ApiView,
    StrictInteger,
    StrictSerializer,
    StrictText,
    envelope,
    read_page,
)
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.problems import Problem, error
from mystic.models import User
from signals.models import Strategy
from signals.selectors_rules import seen_by
from trading import exports
from trading.api_data import time_iso
from trading.models import BacktestRun
from trading.selectors_again import again_of
from trading.selectors_research import document_of, run_for, runs_for, same_before
from trading.services.backtests import backtest_again, backtest_cancel, backtest_start
from trading.services.research_errors import ResearchError

TAG = "research"
MOST_COMPARED = 8


@extend_schema_serializer(component_name="BacktestInput")
class BacktestInput(StrictSerializer):
    """What is to be tested; `assumptions` and `params` replace the defaults that they name."""

    strategy = StrictInteger(help_text="id of a strategy that you may see")
    symbols = serializers.ListField(child=StrictText(max_length=80), allow_empty=False)
    through = StrictText(help_text="the last bar decided on, ISO 8601 with a zone or epoch seconds")
    params = serializers.DictField(default=dict)
    assumptions = serializers.DictField(default=dict, help_text="docs/backtesting.md")
    name = StrictText(default="", allow_blank=True, max_length=80)

    def get_fields(self) -> dict[str, Any]:
        told = "the first bar decided on, ISO 8601 with a zone or epoch seconds"
        return {**super().get_fields(), "from": StrictText(help_text=told)}


@extend_schema_serializer(component_name="Backtest")
class BacktestSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    strategy_id = serializers.IntegerField(allow_null=True)
    class_name = serializers.CharField()
    version = serializers.CharField()
    params = serializers.DictField()
    symbols = serializers.ListField(child=serializers.CharField())
    timeframe = serializers.CharField()
    from_open = serializers.IntegerField(help_text="UTC epoch seconds")
    through_open = serializers.IntegerField(help_text="UTC epoch seconds")
    assumptions = serializers.DictField()
    state = serializers.CharField()
    progress = serializers.FloatField()
    stage = serializers.CharField()
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    digest = serializers.CharField(allow_null=True)
    metrics = serializers.DictField(allow_null=True)
    trades = serializers.IntegerField(allow_null=True)
    bars = serializers.IntegerField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)


@extend_schema_serializer(component_name="BacktestAgain")
class AgainSerializer(serializers.Serializer[Any]):
    run_id = serializers.IntegerField()
    is_equal = serializers.BooleanField(help_text="byte for byte")
    sentence = serializers.CharField(help_text="what changed, where anything did")


@extend_schema_serializer(component_name="BacktestDetail")
class BacktestOneSerializer(BacktestSerializer):
    same_as = serializers.IntegerField(
        allow_null=True, help_text="an earlier run of yours with the same digest"
    )
    again = AgainSerializer(
        allow_null=True, help_text="held against your last earlier run of the same wish"
    )


ONE = enveloped("Backtest", BacktestOneSerializer())
FILE = OpenApiResponse(OpenApiTypes.BINARY, description="The file")


class Backtests(ApiView):
    parameters = {
        "archived": "`true` gives those that were put away.",
        "before": "Only those with a smaller id.",
        "limit": "At most 500, 50 unless given.",
    }

    @describe(
        "backtests",
        enveloped("Backtests", BacktestSerializer(many=True)),
        tag=TAG,
        parameters=parameters,
    )
    def get(self, request: Request) -> Response:
        """Your backtests, newest first."""
        asked = request.query_params.get("archived", "false")
        if asked not in ("true", "false"):
            raise Problem(400, "invalid_choice", "archived must be true or false")
        found = runs_for(user=_user(request), is_archived=asked == "true")
        return self.answer(envelope([run_row(row) for row in read_page(request, found)]))

    @describe(
        "backtest_start",
        ONE,
        tag=TAG,
        request=BacktestInput,
        status=202,
        problems=(404, 413, 415, 422),
    )
    def post(self, request: Request) -> Response:
        """Ask for a backtest; a worker makes it. What cannot be is refused with its place."""
        given = self.validated(BacktestInput, request)
        user = _user(request)
        strategy = Strategy.objects.filter(seen_by(user), pk=given["strategy"]).first()
        if strategy is None:
            raise _refused(ResearchError("There is no such strategy.", "/strategy"))
        try:
            run = backtest_start(
                user=user,
                strategy=strategy,
                symbols=given["symbols"],
                from_open=moment(given["from"], "from"),
                through_open=moment(given["through"], "through"),
                assumptions=given["assumptions"],
                params=given["params"],
                name=given["name"],
            )
        except ResearchError as fault:
            raise _refused(fault) from None
        return self.answer(envelope(run_detail(run)), status=202)


class BacktestOne(ApiView):
    @describe("backtest", ONE, tag=TAG, problems=(404,))
    def get(self, request: Request, run_id: int) -> Response:
        """One backtest: how far it is, and its figures once it is ready."""
        return self.answer(envelope(run_detail(_run(request, run_id))))


class BacktestCancel(ApiView):
    @describe("backtest_cancel", ONE, tag=TAG, problems=(404, 409))
    def post(self, request: Request, run_id: int) -> Response:
        """End a backtest that waits or runs."""
        self.refuse_body(request)
        run = _run(request, run_id)
        if not backtest_cancel(run=run, actor=_user(request).username):
            raise Problem(409, "backtest_ended", f"this backtest is {run.state} already")
        return self.answer(envelope(run_detail(_run(request, run_id))))


class BacktestAgain(ApiView):
    @describe("backtest_again", ONE, tag=TAG, status=202, problems=(404, 422))
    def post(self, request: Request, run_id: int) -> Response:
        """Ask for the same backtest once more, with the code and the bars of now."""
        self.refuse_body(request)
        try:
            run = backtest_again(run=_run(request, run_id), user=_user(request))
        except ResearchError as fault:
            raise _refused(fault) from None
        return self.answer(envelope(run_detail(run)), status=202)


class BacktestReport(ApiView):
    @describe(
        "backtest_report",
        enveloped("BacktestReport", serializers.DictField()),
        tag=TAG,
        problems=(404, 409),
    )
    def get(self, request: Request, run_id: int) -> Response:
        """The whole report: assumptions, figures, trades, curves, robustness."""
        return self.answer(envelope(_document(request, run_id)))


class BacktestFile(ApiView):
    """One part of a report as a file."""

    make: Callable[[Mapping[str, Any]], bytes]
    kind = ""
    name = ""

    def _file(self, request: Request, run_id: int) -> HttpResponse:
        content = type(self).make(_document(request, run_id))
        headers = {"Content-Disposition": f'attachment; filename="backtest-{run_id}-{self.name}"'}
        return HttpResponse(content, content_type=self.kind, headers=headers)


class BacktestTrades(BacktestFile):
    make, kind, name = staticmethod(exports.trades_csv), exports.CSV, "trades.csv"

    @describe("backtest_trades_csv", FILE, tag=TAG, problems=(404, 409))
    def get(self, request: Request, run_id: int) -> HttpResponse:
        """Every trade as CSV."""
        return self._file(request, run_id)


class BacktestEquity(BacktestFile):
    make, kind, name = staticmethod(exports.equity_csv), exports.CSV, "equity.csv"

    @describe("backtest_equity_csv", FILE, tag=TAG, problems=(404, 409))
    def get(self, request: Request, run_id: int) -> HttpResponse:
        """The equity curve as CSV."""
        return self._file(request, run_id)


class BacktestJson(BacktestFile):
    make, kind, name = staticmethod(exports.report_json), exports.JSON, "report.json"

    @describe("backtest_report_json", FILE, tag=TAG, problems=(404, 409))
    def get(self, request: Request, run_id: int) -> HttpResponse:
        """The report as it is stored, byte for byte: equal digests give equal files."""
        return self._file(request, run_id)


class BacktestHtml(BacktestFile):
    make, kind, name = staticmethod(exports.report_html), exports.HTML, "report.html"

    @describe("backtest_report_html", FILE, tag=TAG, problems=(404, 409))
    def get(self, request: Request, run_id: int) -> HttpResponse:
        """The report as one page to print, without scripts."""
        return self._file(request, run_id)


class BacktestTradeRows(ApiView):
    @describe(
        "backtest_trades",
        enveloped("BacktestTrades", serializers.ListField(child=serializers.DictField())),
        tag=TAG,
        problems=(404, 409),
    )
    def get(self, request: Request, run_id: int) -> Response:
        """Every trade."""
        return self.answer(envelope(_document(request, run_id)["trades"]))


class BacktestEquityRows(ApiView):
    @describe(
        "backtest_equity",
        enveloped("BacktestEquity", serializers.DictField()),
        tag=TAG,
        problems=(404, 409),
    )
    def get(self, request: Request, run_id: int) -> Response:
        """The equity curve with drawdown, exposure and buy-and-hold, and the days' closes."""
        document = _document(request, run_id)
        return self.answer(envelope({**document["equity"], "days": document["days"]}))


class BacktestCompare(ApiView):
    parameters = {"ids": f"Two to {MOST_COMPARED} of your backtests, such as `1,2`."}

    @describe(
        "backtest_compare",
        enveloped("BacktestCompare", BacktestSerializer(many=True)),
        tag=TAG,
        parameters=parameters,
        problems=(404,),
    )
    def get(self, request: Request) -> Response:
        """Several backtests side by side, in the order asked for."""
        ids = _ids(request)
        found = {row.pk: row for row in runs_for(user=_user(request)).filter(pk__in=ids)}
        if len(found) < len(ids):
            raise Http404
        return self.answer(envelope([run_row(found[one]) for one in ids]))


def run_row(run: BacktestRun) -> dict[str, Any]:
    """Return a backtest as the API shows it; figures are null until it is ready."""
    result = getattr(run, "result", None)
    return {
        "id": run.pk,
        "name": run.name,
        "strategy_id": run.strategy_id,
        "class_name": run.class_name,
        "version": run.version,
        "params": run.params,
        "symbols": run.symbols,
        "timeframe": run.timeframe_name,
        "from_open": run.from_open,
        "through_open": run.through_open,
        "assumptions": run.assumptions,
        "state": run.state,
        "progress": run.progress,
        "stage": run.stage,
        "error": run.error,
        "created_at": time_iso(run.created_at),
        "finished_at": time_iso(run.finished_at),
        "digest": None if result is None else result.digest,
        "metrics": None if result is None else result.metrics,
        "trades": None if result is None else result.trades,
        "bars": None if result is None else result.bars,
        "seconds": None if result is None else result.seconds,
    }


def run_detail(run: BacktestRun) -> dict[str, Any]:
    same, again = same_before(run), again_of(run)
    return {
        **run_row(run),
        "same_as": None if same is None else same.pk,
        "again": None if again is None else asdict(again),
    }


def moment(text: str, name: str) -> int:
    """Return the epoch second of a time of the body.

    Raises
    ------
    Problem
        With its place.
    """
    try:
        return history.time_read(text, name)
    except history.SpanError as fault:
        errors = [error(f"/{name}", fault.code, fault.detail)]
        raise Problem(400, fault.code, fault.detail, errors=errors) from None


def _refused(fault: ResearchError) -> Problem:
    place = fault.place.replace("_open", "")
    return Problem(
        422, "research_refused", str(fault), errors=[error(place, "research_refused", str(fault))]
    )


def _ids(request: Request) -> list[int]:
    parts = request.query_params.get("ids", "").split(",")
    is_right = all(one.isascii() and one.isdigit() and len(one) < 19 for one in parts)
    if not is_right or not 2 <= len(set(parts)) == len(parts) <= MOST_COMPARED:
        message = f"ids wants two to {MOST_COMPARED} different ids with commas between"
        raise Problem(400, "id_invalid", message)
    return [int(one) for one in parts]


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else in
    return request.user


def _run(request: Request, run_id: int) -> BacktestRun:
    run = run_for(user=_user(request), run_id=run_id)
    if run is None:
        raise Http404
    return run


def _document(request: Request, run_id: int) -> dict[str, Any]:
    run = _run(request, run_id)
    document = document_of(run)
    if document is None:
        why = run.error or run.stage or run.state
        raise Problem(409, "backtest_not_ready", f"this backtest has no report: {why}")
    return document
