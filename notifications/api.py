"""The notifications API: what I was told, what I have read, what I want to be told."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from markets.api_symbols import instrument_of
from mystic.lib.api import (
    ApiView,
    StrictBoolean,
    StrictChoice,
    StrictInteger,
    StrictSerializer,
    StrictText,
    envelope,
    read_page,
)
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.clock import iso
from mystic.lib.problems import Problem, error
from mystic.lib.units import LARGEST_UNITS
from mystic.models import User
from notifications.models import Alert, AlertRule
from notifications.selectors import alerts_for, rules_for, unread_count
from notifications.services.alert_rules import RuleError, rule_create, rule_delete
from notifications.services.alerts import alert_read, alerts_read


def _ms(moment: Any) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


class Notifications(ApiView):
    parameters = {
        "unread": "`true` for those that are not read yet.",
        "before": "Only alerts with a smaller id: the next page.",
        "limit": "At most 500, 50 unless given.",
    }

    @extend_schema_serializer(component_name="NotificationsRead")
    class InputSerializer(StrictSerializer):
        """Which alerts were read: `ids`, or `all`."""

        ids = serializers.ListField(
            child=StrictInteger(min_value=1, max_value=LARGEST_UNITS),
            required=False,
            max_length=500,
        )
        all = StrictBoolean(required=False)

        def validate(self, attrs: Any) -> Any:
            if ("ids" in attrs) == bool(attrs.get("all")):
                message = "give either ids or all: true"
                raise serializers.ValidationError(message, "ids_or_all")
            return attrs

    @extend_schema_serializer(component_name="Notification")
    class OutputSerializer(serializers.Serializer[Any]):
        id = serializers.IntegerField()
        code = serializers.CharField()
        kind = serializers.CharField()
        severity = serializers.CharField()
        title = serializers.CharField()
        body = serializers.CharField()
        path = serializers.CharField()
        source = serializers.CharField()  # type: ignore[assignment]  # a field
        is_live = serializers.BooleanField()
        as_of = serializers.DateTimeField(allow_null=True)
        created_at = serializers.DateTimeField()
        read_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_serializer(component_name="NotificationCount")
    class CountSerializer(serializers.Serializer[Any]):
        read = serializers.IntegerField()
        unread = serializers.IntegerField()

    @describe(
        "notifications",
        enveloped("Notifications", OutputSerializer(many=True), unread=serializers.IntegerField()),
        tag="notifications",
        parameters=parameters,
    )
    def get(self, request: Request) -> Response:
        """What you were told, newest first."""
        user = _user(request)
        unread = request.query_params.get("unread", "false")
        if unread not in {"true", "false"}:
            raise Problem(400, "invalid_choice", "unread must be true or false")
        found = alerts_for(user=user)
        if unread == "true":
            found = found.filter(read_at=None)
        rows = read_page(request, found)
        return self.answer(envelope([_alert(row) for row in rows], unread=unread_count(user=user)))

    @describe(
        "notifications_read",
        enveloped("NotificationCount", CountSerializer()),
        tag="notifications",
        request=InputSerializer,
        problems=(404, 413, 415),
    )
    def post(self, request: Request) -> Response:
        """Mark alerts as read."""
        user = _user(request)
        given = self.validated(self.InputSerializer, request)
        if given.get("all"):
            count = alerts_read(user=user)
        else:
            wanted = set(given["ids"])
            rows = list(alerts_for(user=user).filter(pk__in=wanted))
            if len(rows) != len(wanted):
                raise Problem(404, "not_found", "an alert of this list is not there")
            for row in rows:
                alert_read(alert=row)
            count = len(rows)
        return self.answer(envelope({"read": count, "unread": unread_count(user=user)}))


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else in
    return request.user


def _alert(row: Alert) -> dict[str, Any]:
    return {
        "id": row.pk,
        "code": row.code,
        "kind": row.kind,
        "severity": row.severity,
        "title": row.title,
        "body": row.body,
        "path": row.path,
        "source": row.source,
        "is_live": row.is_live,
        "as_of": iso(_ms(row.as_of)),
        "created_at": iso(_ms(row.created_at)),
        "read_at": iso(_ms(row.read_at)),
    }


@extend_schema_serializer(component_name="AlertRule")
class RuleSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    symbol = serializers.CharField(allow_null=True)
    params = serializers.DictField()
    is_active = serializers.BooleanField()
    is_repeating = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    fired_at = serializers.DateTimeField(allow_null=True)


def _rule(row: AlertRule) -> dict[str, Any]:
    return {
        "id": row.pk,
        "kind": row.kind,
        "symbol": row.instrument.symbol if row.instrument else None,
        "params": row.params,
        "is_active": row.is_active,
        "is_repeating": row.is_repeating,
        "created_at": iso(_ms(row.created_at)),
        "fired_at": iso(_ms(row.fired_at)),
    }


class AlertRules(ApiView):
    @extend_schema_serializer(component_name="AlertRuleInput")
    class InputSerializer(StrictSerializer):
        """A wish to be told; `params` by kind: price wants `direction` and `level` as text."""

        kind = StrictChoice(choices=AlertRule.Kind.choices)
        symbol = StrictText(required=False, max_length=40)
        params = serializers.DictField(required=False)
        is_repeating = StrictBoolean(required=False, default=False)

    @describe(
        "alert_rules", enveloped("AlertRules", RuleSerializer(many=True)), tag="notifications"
    )
    def get(self, request: Request) -> Response:
        """Your rules."""
        return self.answer(envelope([_rule(row) for row in rules_for(user=_user(request))]))

    @describe(
        "alert_rule_create",
        enveloped("AlertRule", RuleSerializer()),
        tag="notifications",
        request=InputSerializer,
        status=201,
        problems=(404, 413, 415),
    )
    def post(self, request: Request) -> Response:
        """Make a rule; it tells through every channel of yours that is switched on."""
        given = self.validated(self.InputSerializer, request)
        symbol = given.get("symbol")
        try:
            rule = rule_create(
                user=_user(request),
                kind=given["kind"],
                instrument=instrument_of(symbol, pointer="/symbol") if symbol else None,
                params=given.get("params", {}),
                is_repeating=given["is_repeating"],
            )
        except RuleError as fault:
            pointer = f"/{fault.field}" if fault.field == "kind" else f"/params/{fault.field}"
            pointer = "/symbol" if fault.field == "instrument" else pointer
            errors = [error(pointer, "invalid", str(fault))]
            raise Problem(400, "invalid", str(fault), errors=errors) from None
        return self.answer(envelope(_rule(rule)), status=201)


class AlertRuleOne(ApiView):
    @describe("alert_rule_delete", None, tag="notifications", status=204, problems=(404,))
    def delete(self, request: Request, rule_id: int) -> Response:
        """Remove a rule; alerts that it raised stay."""
        rule = rules_for(user=_user(request)).filter(pk=rule_id).first()
        if rule is None:
            raise Problem(404, "not_found", "there is no such rule")
        rule_delete(rule=rule)
        return Response(status=204)
