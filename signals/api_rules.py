"""The API of strategies: list them; try, write, read, edit, share, switch and delete rules."""

from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from markets.types import TIMEFRAME_NAMES, TIMEFRAME_SECONDS
from mystic.lib.api import ApiView, StrictBoolean, StrictSerializer, StrictText, envelope
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.clock import iso
from mystic.lib.problems import Problem, error
from mystic.models import User
from signals.models import Strategy
from signals.selectors import strategies_for
from signals.selectors_rules import rules_for
from signals.services.instances import is_written, readable
from signals.services.rule_checks import rule_try, trial_json
from signals.services.rules import (
    rule_create,
    rule_delete,
    rule_edit,
    rule_prepare,
    rule_share,
    rule_switch,
)
from signals.strategies.definition_reading import DefinitionError


class ParamSerializer(serializers.Serializer[Any]):
    default = serializers.FloatField(help_text="a number; or a text that names symbols")
    low = serializers.FloatField(required=False)
    high = serializers.FloatField(required=False)
    step = serializers.FloatField(required=False)
    label = serializers.CharField(required=False)  # type: ignore[assignment]  # a field, not an attribute
    unit = serializers.CharField(required=False)


class ExitSerializer(serializers.Serializer[Any]):
    when = serializers.DictField(
        child=serializers.CharField(), help_text="conditions by sentence, all of which must hold"
    )
    why = serializers.CharField(required=False)


class EntrySerializer(ExitSerializer):
    stop = serializers.CharField(help_text="a price below the close")
    take = serializers.CharField(required=False, allow_null=True)
    confidence = serializers.JSONField(
        required=False, help_text="a number from 0 to 1, or parts by name, each an expression"
    )
    threshold = serializers.FloatField(required=False, min_value=0, max_value=1)


@extend_schema_serializer(component_name="StrategyDefinition")
class DefinitionSerializer(serializers.Serializer[Any]):
    """Rules as data; expressions are text such as `close > close.ema(50)` (docs/rules.md)."""

    name = serializers.CharField(max_length=80)
    about = serializers.CharField(required=False, max_length=1000)
    timeframe = serializers.ChoiceField(choices=list(TIMEFRAME_SECONDS))
    params = serializers.DictField(child=ParamSerializer(), required=False)
    columns = serializers.DictField(child=serializers.CharField(), required=False)
    entries = EntrySerializer(many=True)
    exits = ExitSerializer(many=True, required=False)


@extend_schema_field(DefinitionSerializer)
class DefinitionField(serializers.DictField):
    """Taken as it is: the definition's own reading says what is wrong with it, and where."""


class NeedSerializer(serializers.Serializer[Any]):
    series = serializers.CharField()
    bars = serializers.IntegerField()
    days = serializers.FloatField(help_text="as far back must be stored, at most")


class NewestSerializer(serializers.Serializer[Any]):
    bar_open = serializers.IntegerField(help_text="UTC epoch seconds")
    verdict = serializers.CharField()
    reason = serializers.CharField()
    price = serializers.FloatField(allow_null=True)
    stop = serializers.FloatField(allow_null=True)
    take = serializers.FloatField(allow_null=True)


@extend_schema_serializer(component_name="StrategyTrial")
class TrialSerializer(serializers.Serializer[Any]):
    """What the rules would have concluded on the newest stored bars of one symbol."""

    symbol = serializers.CharField(allow_null=True)
    history = NeedSerializer(many=True)
    decisions = serializers.IntegerField()
    entries = serializers.IntegerField()
    exits = serializers.IntegerField()
    cuts = serializers.IntegerField(help_text="prefixes that were compared with the whole")
    proof = serializers.CharField()
    newest = NewestSerializer(allow_null=True)


@extend_schema_serializer(component_name="WrittenStrategy")
class WrittenSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    about = serializers.CharField()
    origin = serializers.CharField()
    version = serializers.CharField()
    timeframe = serializers.CharField()
    params = serializers.DictField()
    is_shared = serializers.BooleanField()
    is_active = serializers.BooleanField()
    is_own = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    definition = DefinitionField(allow_null=True)


WRITTEN = enveloped("WrittenStrategy", WrittenSerializer())


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else in
    return request.user


def _said(row: Strategy, user: User) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "about": row.about,
        "origin": row.origin,
        "version": row.version,
        "timeframe": TIMEFRAME_NAMES[row.timeframe],
        "params": row.params,
        "is_shared": row.owner_id is None or row.is_shared,
        "is_active": row.is_active,
        "is_own": row.owner_id == user.pk,
        "created_at": iso(int(row.created_at.timestamp() * 1000)),
        "definition": _definition(row),
    }


def _definition(row: Strategy) -> dict[str, Any] | None:
    if not is_written(row):
        return None
    rules, _ = readable(row)
    # What an update left unreadable is given as it is stored.
    return rules.definition.exported() if rules else row.definition.get("rules")


def _problem(fault: DefinitionError) -> Problem:
    errors = [
        error(f"/definition{place}", "definition_invalid", said) for place, said in fault.faults
    ]
    detail = fault.faults[0][1] if len(errors) == 1 else f"{len(errors)} things are wrong"
    return Problem(400, "definition_invalid", detail, errors=errors)


class Strategies(ApiView):
    @extend_schema_serializer(component_name="Strategy")
    class OutputSerializer(serializers.Serializer[Any]):
        id = serializers.IntegerField()
        name = serializers.CharField()
        class_name = serializers.CharField()
        version = serializers.CharField()
        timeframe = serializers.CharField()
        params = serializers.DictField()
        is_shared = serializers.BooleanField()
        created_at = serializers.DateTimeField()

    @describe("strategies", enveloped("Strategies", OutputSerializer(many=True)), tag="signals")
    def get(self, request: Request) -> Response:
        """The strategies that you may switch on."""
        rows = strategies_for(user=_user(request))
        data = [
            {
                "id": row.pk,
                "name": row.name,
                "class_name": row.class_name,
                "version": row.version,
                "timeframe": TIMEFRAME_NAMES[row.timeframe],
                "params": row.params,
                "is_shared": row.owner_id is None or row.is_shared,
                "created_at": iso(int(row.created_at.timestamp() * 1000)),
            }
            for row in rows
        ]
        return self.answer(envelope(data))

    @extend_schema_serializer(component_name="StrategyInput")
    class InputSerializer(StrictSerializer):
        definition = DefinitionField()
        is_shared = StrictBoolean(required=False, default=False)

    @describe(
        "strategy_create",
        WRITTEN,
        tag="signals",
        request=InputSerializer,
        status=201,
        problems=(413, 415),
    )
    def post(self, request: Request) -> Response:
        """Write a strategy as rules; it is tried on stored bars, kept, and runs from now on."""
        user, given = _user(request), self.validated(self.InputSerializer, request)
        try:
            strategy = rule_prepare(given["definition"])
            rule_try(strategy)
            row = rule_create(user=user, data=strategy)
        except DefinitionError as fault:
            raise _problem(fault) from None
        if given["is_shared"]:
            rule_share(strategy=row, is_shared=True)
            row.refresh_from_db()
        return self.answer(envelope(_said(row, user)), 201)


class StrategyOne(ApiView):
    @extend_schema_serializer(component_name="StrategyChange")
    class InputSerializer(StrictSerializer):
        """What is left out stays as it is."""

        definition = DefinitionField(required=False)
        is_shared = StrictBoolean(required=False)
        is_active = StrictBoolean(required=False)

    @describe("strategy", WRITTEN, tag="signals", problems=(404,))
    def get(self, request: Request, strategy_id: int) -> Response:
        """One strategy that you may see, with its rules where it was written."""
        user = _user(request)
        seen = Q(pk__in=strategies_for(user=user)) | Q(owner=user)
        row = Strategy.objects.filter(seen, pk=strategy_id).first()
        if row is None:
            raise NotFound
        return self.answer(envelope(_said(row, user)))

    @describe(
        "strategy_edit",
        WRITTEN,
        tag="signals",
        request=InputSerializer,
        problems=(404, 413, 415),
    )
    def put(self, request: Request, strategy_id: int) -> Response:
        """Change a strategy you wrote; other rules make another version, with an id of its own."""
        user, row = _user(request), self._own(request, strategy_id)
        given = self.validated(self.InputSerializer, request)
        try:
            if "definition" in given:
                changed = rule_prepare(given["definition"])
                rule_try(changed)
                row = rule_edit(strategy=row, data=changed)
            if "is_active" in given:
                rule_switch(strategy=row, is_active=given["is_active"])
        except DefinitionError as fault:
            raise _problem(fault) from None
        if "is_shared" in given:
            rule_share(strategy=row, is_shared=given["is_shared"])
        row.refresh_from_db()
        return self.answer(envelope(_said(row, user)))

    class DeletedSerializer(serializers.Serializer[Any]):
        is_deleted = serializers.BooleanField(
            help_text="false where it decided something: then it is switched off and kept"
        )

    @describe(
        "strategy_delete",
        enveloped("StrategyDeleted", DeletedSerializer()),
        tag="signals",
        problems=(404,),
    )
    def delete(self, request: Request, strategy_id: int) -> Response:
        """Delete a strategy you wrote, all its versions; what decided is kept, switched off."""
        self.refuse_body(request)
        row = self._own(request, strategy_id)
        return self.answer(envelope({"is_deleted": rule_delete(strategy=row)}))

    def _own(self, request: Request, strategy_id: int) -> Strategy:
        row = rules_for(user=_user(request)).filter(pk=strategy_id).first()
        if row is None:
            raise NotFound
        return row


class StrategyCheck(ApiView):
    @extend_schema_serializer(component_name="StrategyCheckInput")
    class InputSerializer(StrictSerializer):
        definition = DefinitionField()
        symbol = StrictText(required=False, max_length=40)

    @describe(
        "strategy_check",
        enveloped("StrategyTrial", TrialSerializer()),
        tag="signals",
        request=InputSerializer,
        problems=(413, 415),
    )
    def post(self, request: Request) -> Response:
        """Try rules on the stored bars without keeping anything."""
        given = self.validated(self.InputSerializer, request)
        try:
            strategy = rule_prepare(given["definition"])
            trial = rule_try(strategy, symbol=given.get("symbol", ""))
        except DefinitionError as fault:
            raise _problem(fault) from None
        return self.answer(envelope(trial_json(trial)))
