"""The API of the sources: how each does, who used its budget, what its breakers say."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from markets.models import Breaker
from markets.selectors_sources import BudgetUse, SourceView, source_views
from mystic.lib.api import ApiView, envelope
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.clock import iso


class Sources(ApiView):
    """Every source of market data, also those that are off."""

    permission_classes = (AllowAny,)

    @extend_schema_serializer(component_name="Source")
    class OutputSerializer(serializers.Serializer[Any]):
        @extend_schema_serializer(component_name="SourceBudget")
        class BudgetSerializer(serializers.Serializer[Any]):
            limit = serializers.IntegerField()
            window_s = serializers.IntegerField()
            used = serializers.IntegerField()
            used_by = serializers.DictField(
                child=serializers.IntegerField(), help_text="weight by priority in this window"
            )

        @extend_schema_serializer(component_name="SourceBreaker")
        class BreakerSerializer(serializers.Serializer[Any]):
            operation = serializers.CharField()
            state = serializers.ChoiceField(Breaker.State.choices)
            reason = serializers.CharField()
            retry_at = serializers.DateTimeField(allow_null=True)
            latency_ms = serializers.FloatField(allow_null=True, help_text="smoothed")
            calls = serializers.IntegerField()
            errors_counted = serializers.IntegerField()
            last_success_at = serializers.DateTimeField(allow_null=True)

        provider = serializers.CharField()
        name = serializers.CharField()
        code = serializers.CharField(help_text="what its data are called")
        gives = serializers.ListField(child=serializers.CharField())
        asset_classes = serializers.ListField(child=serializers.CharField())
        state = serializers.CharField()
        reason = serializers.CharField(help_text="why it is off or not live")
        is_replay = serializers.BooleanField()
        latency_ms = serializers.FloatField(allow_null=True)
        last_message_at = serializers.DateTimeField(allow_null=True)
        blocked_until = serializers.DateTimeField(allow_null=True)
        is_banned = serializers.BooleanField()
        last_error = serializers.CharField()
        last_error_at = serializers.DateTimeField(allow_null=True)
        disagrees_on = serializers.ListField(
            child=serializers.CharField(), help_text="symbols whose price another source disputes"
        )
        budgets = BudgetSerializer(many=True)
        breakers = BreakerSerializer(many=True)

    @describe(
        "sources",
        enveloped("Sources", OutputSerializer(many=True)),
        tag="markets",
        is_public=True,
    )
    def get(self, request: Request) -> Response:
        """How every source does: state, latency, budget by whom, breakers, last error."""
        return self.answer(envelope([_source(view) for view in source_views()]))


def _source(view: SourceView) -> dict[str, Any]:
    return {
        "provider": view.provider.code,
        "name": view.provider.name,
        "code": view.code,
        "gives": sorted(view.provider.gives),
        "asset_classes": sorted(view.provider.asset_classes),
        "state": view.state,
        "reason": view.reason,
        "is_replay": view.is_replay,
        "latency_ms": view.latency_ms,
        "last_message_at": _at(view.last_message_at),
        "blocked_until": _at(view.blocked_until),
        "is_banned": view.is_ban,
        "last_error": view.last_error,
        "last_error_at": _at(view.last_error_at),
        "disagrees_on": [row.instrument.symbol for row in view.doubts],
        "budgets": [_budget(use) for use in view.budgets],
        "breakers": [_breaker(row) for row in view.breakers],
    }


def _budget(use: BudgetUse) -> dict[str, Any]:
    return {
        "limit": use.limit,
        "window_s": use.window_s,
        "used": use.used,
        "used_by": dict(use.by),
    }


def _breaker(row: Breaker) -> dict[str, Any]:
    return {
        "operation": row.operation,
        "state": row.state,
        "reason": row.reason,
        "retry_at": _at(row.retry_at),
        "latency_ms": row.latency_ms,
        "calls": row.calls,
        "errors_counted": row.errors,
        "last_success_at": _at(row.last_success_at),
    }


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else iso(int(moment.timestamp() * 1000))
