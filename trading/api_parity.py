"""The API of parity: the reports of a deployment, and asking for another."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from mystic.lib.api import (
    ApiView,
    StrictInteger,
    StrictSerializer,
    envelope,
    read_id,
    read_limit,
)
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.problems import Problem
from mystic.lib.units import LARGEST_UNITS
from mystic.models import User
from trading import selectors_parity as selectors
from trading.models import Deployment, ParityDifference, ParityReport
from trading.selectors import deployments_for
from trading.services.parity_nights import parity_ask


@extend_schema_serializer(component_name="ParityDifference")
class DifferenceSerializer(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    bar_open = serializers.IntegerField(help_text="UTC epoch seconds")
    cause = serializers.ChoiceField(choices=ParityDifference.Cause.choices)
    detail = serializers.CharField()
    was = serializers.DictField()
    received = serializers.DictField()
    published = serializers.DictField()


@extend_schema_serializer(component_name="ParityReport")
class ReportSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    made_at = serializers.DateTimeField()
    asked_by = serializers.CharField()
    from_open = serializers.IntegerField(help_text="UTC epoch seconds")
    through_open = serializers.IntegerField()
    decisions = serializers.IntegerField()
    matched_received = serializers.IntegerField()
    matched_published = serializers.IntegerField()
    match = serializers.FloatField(allow_null=True, help_text="as received; null: no claim")
    fills = serializers.IntegerField()
    fills_matched = serializers.IntegerField()
    causes = serializers.DictField(child=serializers.IntegerField())
    verdicts = serializers.IntegerField(help_text="decisions with another verdict")
    apart = serializers.DictField(child=serializers.IntegerField())
    notes = serializers.ListField(child=serializers.CharField())
    summary = serializers.CharField()


class DeploymentParity(ApiView):
    parameters = {
        "report": "The id of a report; the newest unless given.",
        "limit": "So many of its differences, at most 500, 100 unless given.",
    }

    @extend_schema_serializer(component_name="ParityInput")
    class InputSerializer(StrictSerializer):
        from_open = StrictInteger(min_value=0, max_value=LARGEST_UNITS, required=False)
        through_open = StrictInteger(min_value=0, max_value=LARGEST_UNITS, required=False)

    @extend_schema_serializer(component_name="ParityAsked")
    class AskedSerializer(serializers.Serializer[Any]):
        deployment_id = serializers.IntegerField()
        newest_report = serializers.IntegerField(
            allow_null=True, help_text="the new report has a larger id"
        )

    @extend_schema_serializer(component_name="Parity")
    class OutputSerializer(serializers.Serializer[Any]):
        deployment_id = serializers.IntegerField()
        report = ReportSerializer(allow_null=True)
        differences = DifferenceSerializer(many=True)
        history = ReportSerializer(many=True)

    @describe(
        "deployment_parity",
        enveloped("Parity", OutputSerializer()),
        tag="trading",
        parameters=parameters,
        problems=(404,),
    )
    def get(self, request: Request, deployment_id: int) -> Response:
        """What a deployment of yours decided, held against the same decided again."""
        deployment = _deployment(request, deployment_id)
        reports = selectors.reports_for(user=_user(request), deployment_id=deployment.pk)
        named, limit = read_id(request, "report"), read_limit(request, default=100, largest=500)
        report = reports.first() if named is None else reports.filter(pk=named).first()
        if named is not None and report is None:
            raise Http404
        rows = [] if report is None else selectors.differences_of(report)[:limit]
        data = {
            "deployment_id": deployment.pk,
            "report": None if report is None else _row(report),
            "differences": [_difference(one) for one in rows],
            "history": [_row(one) for one in reports[: selectors.MOST_SHOWN]],
        }
        return self.answer(envelope(data))

    @describe(
        "deployment_parity_ask",
        enveloped("ParityAsked", AskedSerializer()),
        tag="trading",
        request=InputSerializer,
        status=202,
        problems=(404, 413, 415, 422),
    )
    def post(self, request: Request, deployment_id: int) -> Response:
        """Ask for a report of all that is kept, or of a span of bars; a worker writes it."""
        deployment = _deployment(request, deployment_id)
        given = self.validated(self.InputSerializer, request) if request.data else {}
        first, last = given.get("from_open"), given.get("through_open")
        if first is not None and last is not None and first > last:
            raise Problem(422, "span_invalid", "from_open is after through_open; swap them")
        newest = deployment.parity_reports.order_by("-id").values_list("pk", flat=True).first()
        parity_ask(
            deployment=deployment,
            asked_by=_user(request).username,
            from_open=first,
            through_open=last,
        )
        data = {"deployment_id": deployment.pk, "newest_report": newest}
        return self.answer(envelope(data), status=202)


def _row(report: ParityReport) -> dict[str, Any]:
    return {
        "id": report.pk,
        "made_at": report.made_at,
        "asked_by": report.asked_by,
        "from_open": report.from_open,
        "through_open": report.through_open,
        "decisions": report.decisions,
        "matched_received": report.matched_received,
        "matched_published": report.matched_published,
        "match": report.match,
        "fills": report.fills,
        "fills_matched": report.fills_matched,
        "causes": selectors.counts_of(report),
        "verdicts": report.causes["verdicts"],
        "apart": report.causes["apart"],
        "notes": report.causes["notes"],
        "summary": selectors.passport(report).text,
    }


def _difference(one: ParityDifference) -> dict[str, Any]:
    return {
        "symbol": one.instrument.symbol,
        "bar_open": one.bar_open,
        "cause": one.cause,
        "detail": one.detail,
        "was": one.was,
        "received": one.received,
        "published": one.published,
    }


def _deployment(request: Request, deployment_id: int) -> Deployment:
    found = deployments_for(user=_user(request)).filter(pk=deployment_id).first()
    if found is None:
        raise Http404
    return found


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else in
    return request.user
