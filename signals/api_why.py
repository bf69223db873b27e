"""The API that says why, and why not."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from markets.api_symbols import instrument_of
from mystic.lib.api import ApiView, envelope, read_whole
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.problems import Problem
from mystic.lib.provenance import Provenance
from signals.columns.explain import Clause, RuleExplained, Term
from signals.models import Decision, Strategy
from signals.selectors_why import Why, why


class StrategyWhy(ApiView):
    parameters = {
        "symbol": "The pair; required.",
        "bar_open": "Open time of the bar, UTC epoch seconds; the newest closed one unless given.",
    }

    @extend_schema_serializer(component_name="Why")
    class OutputSerializer(serializers.Serializer[Any]):
        strategy_id = serializers.IntegerField()
        version = serializers.CharField()
        symbol = serializers.CharField()
        bar_open = serializers.IntegerField()
        verdict = serializers.CharField(allow_null=True)
        reason = serializers.CharField()
        is_changed = serializers.BooleanField(help_text="the decision then said something else")
        decided = serializers.DictField(allow_null=True)
        rules = serializers.ListField(child=serializers.DictField())
        columns = serializers.ListField(child=serializers.DictField())

    @describe("why", enveloped("Why", OutputSerializer()), tag="signals", parameters=parameters)
    def get(self, request: Request, strategy_id: int) -> Response:
        """Take the decision of one strategy on one bar apart, condition by condition."""
        if "symbol" not in request.query_params:
            raise Problem(400, "missing_parameter", "symbol wants a pair like BTC/USDT")
        try:
            found = why(
                user=request.user,  # type: ignore[arg-type]  # the permission let a user in
                strategy_id=strategy_id,
                instrument=instrument_of(request.query_params["symbol"]),
                bar_open=read_whole(request, "bar_open"),
            )
        except Strategy.DoesNotExist:
            raise Problem(404, "not_found", "there is no such strategy") from None
        return self.answer(envelope(_why(found), _origin(found.decision)))


def _origin(decision: Decision | None) -> Provenance | None:
    if decision is None:
        return None
    close = decision.bar_open + decision.strategy.timeframe
    return Provenance(
        source=decision.source,
        is_live=decision.is_live,
        as_of_ms=close * 1000,
        received_at_ms=int(decision.decided_at.timestamp() * 1000),
    )


def _why(found: Why) -> dict[str, Any]:
    told, stored = found.explanation, found.decision
    return {
        "strategy_id": found.strategy.pk,
        "version": found.strategy.version,
        "symbol": found.instrument.symbol,
        "bar_open": found.bar_open,
        "verdict": told.decision.verdict.value if told else None,
        "reason": told.decision.reason if told else found.trouble,
        "is_changed": found.is_changed,
        "decided": stored
        and {"verdict": stored.verdict, "reason": stored.reason, "source": stored.source},
        "rules": [_rule(one) for one in told.rules] if told else [],
        "columns": [_clause(one) for one in told.columns] if told else [],
    }


def _rule(rule: RuleExplained) -> dict[str, Any]:
    return {
        "kind": rule.kind,
        "why": rule.why,
        "holds": rule.holds,
        "threshold": rule.threshold,
        "conditions": [_clause(one) for one in rule.conditions],
        "confidence": [_clause(one) for one in rule.parts],
    }


def _clause(clause: Clause) -> dict[str, Any]:
    return {
        "name": clause.name,
        "is_decisive": clause.is_decisive,
        "term": _term(clause.term),
    }


def _term(term: Term) -> dict[str, Any]:
    return {
        "text": term.text,
        "value": term.value,
        "bar_open": term.bar_open,
        "terms": [_term(one) for one in term.terms],
    }
