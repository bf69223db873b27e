"""The API of lookahead and warm-up analyses."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from mystic.lib.api import ApiView, StrictSerializer, StrictText, envelope
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.clock import iso
from mystic.lib.problems import Problem, error
from mystic.models import User
from signals.models import Analysis, Strategy
from signals.selectors_analyses import analyses_for, strategy_seen
from signals.services.analyses import analysis_start
from signals.services.analysis_work import LEAST_BARS, MOST_BARS, USUAL_BARS, AnalysisError

SHOWN = 10


@extend_schema_serializer(component_name="StrategyAnalysis")
class AnalysisSerializer(serializers.Serializer[Any]):
    """What an analysis found; docs/analysis.md explains the document."""

    id = serializers.IntegerField()
    strategy_id = serializers.IntegerField()
    symbol = serializers.CharField()
    bars = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Analysis.State.choices)
    error = serializers.CharField()
    verdict = serializers.CharField(
        allow_null=True, help_text="clean, leaks, opens or unproven; null until it is ready"
    )
    document = serializers.DictField(allow_null=True)
    created_at = serializers.DateTimeField()


class StrategyAnalysis(ApiView):
    @extend_schema_serializer(component_name="StrategyAnalysisInput")
    class InputSerializer(StrictSerializer):
        symbol = StrictText(help_text="whose stored bars, such as BTC/USDT")
        bars = serializers.IntegerField(
            required=False, default=USUAL_BARS, min_value=LEAST_BARS, max_value=MOST_BARS
        )

    @describe(
        "strategy_analyses",
        enveloped("StrategyAnalyses", AnalysisSerializer(many=True)),
        tag="signals",
        problems=(404,),
    )
    def get(self, request: Request, strategy_id: int) -> Response:
        """Your analyses of a strategy, newest first."""
        row = _strategy(request, strategy_id)
        found = analyses_for(user=_user(request), strategy=row)[:SHOWN]
        return self.answer(envelope([_said(one) for one in found]))

    @describe(
        "strategy_analyse",
        enveloped("StrategyAnalysis", AnalysisSerializer()),
        tag="signals",
        request=InputSerializer,
        status=202,
        problems=(404, 413, 415),
    )
    def post(self, request: Request, strategy_id: int) -> Response:
        """Ask for an analysis: does it look ahead, and how much history does each column want?"""
        row = _strategy(request, strategy_id)
        given = self.validated(self.InputSerializer, request)
        try:
            made = analysis_start(user=_user(request), strategy=row, **given)
        except AnalysisError as fault:
            errors = [error(fault.place, "analysis_invalid", str(fault))] if fault.place else []
            raise Problem(400, "analysis_invalid", str(fault), errors=errors) from None
        return self.answer(envelope(_said(made)), 202)


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else in
    return request.user


def _strategy(request: Request, strategy_id: int) -> Strategy:
    row = strategy_seen(user=_user(request), strategy_id=strategy_id)
    if row is None:
        raise NotFound
    return row


def _said(row: Analysis) -> dict[str, Any]:
    return {
        "id": row.pk,
        "strategy_id": row.strategy_id,
        "symbol": row.symbol,
        "bars": row.bars,
        "state": row.state,
        "error": row.error,
        "verdict": row.document.get("verdict"),
        "document": row.document or None,
        "created_at": iso(int(row.created_at.timestamp() * 1000)),
    }
