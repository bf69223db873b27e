"""The signals API: what the strategies concluded."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from markets.api_symbols import instrument_of
from mystic.lib.api import ApiView, combined, envelope, read_id, read_page
from mystic.lib.api_schema import Origin, describe, enveloped
from mystic.lib.problems import Problem
from mystic.lib.provenance import Provenance
from signals.models import Signal
from signals.selectors import signals_recent


def signal_origin(signal: Signal) -> Provenance:
    """Return where the bar came from that the signal was concluded from."""
    return Provenance(
        source=signal.source,
        is_live=signal.is_live,
        as_of_ms=signal.bar_close * 1000,
        received_at_ms=int(signal.created_at.timestamp() * 1000),
    )


class Signals(ApiView):
    parameters = {
        "symbol": "Only this pair.",
        "side": "BUY or SELL.",
        "strategy": "Only this strategy's id.",
        "before": "Only signals with a smaller id: the next page.",
        "limit": "At most 500, 50 unless given.",
    }

    @extend_schema_serializer(component_name="Signal")
    class OutputSerializer(Origin):
        id = serializers.IntegerField()
        symbol = serializers.CharField()
        strategy = serializers.CharField()
        strategy_id = serializers.IntegerField()
        side = serializers.CharField()
        confidence = serializers.FloatField()
        price = serializers.FloatField()
        stop = serializers.FloatField(allow_null=True)
        take = serializers.FloatField(allow_null=True)
        reason = serializers.CharField()
        bar_close = serializers.IntegerField(help_text="UTC epoch seconds")

    @describe(
        "signals",
        enveloped("Signals", OutputSerializer(many=True)),
        tag="signals",
        parameters=parameters,
    )
    def get(self, request: Request) -> Response:
        """The newest signals first."""
        query = request.query_params
        side = query.get("side", "")
        if side and side not in Signal.Side.values:
            raise Problem(400, "invalid_choice", "side must be BUY or SELL")
        found = signals_recent(
            user=request.user,  # type: ignore[arg-type]  # the permission let a user in
            instrument=instrument_of(query["symbol"]) if "symbol" in query else None,
            strategy_id=read_id(request, "strategy"),
            side=side,
        )
        rows = read_page(request, found)
        origin = combined(signal_origin(signal) for signal in rows)
        return self.answer(envelope([_signal(signal) for signal in rows], origin))


def _signal(signal: Signal) -> dict[str, Any]:
    return {
        "id": signal.pk,
        "symbol": signal.instrument.symbol,
        "strategy": signal.strategy.name,
        "strategy_id": signal.strategy_id,
        "side": signal.side,
        "confidence": signal.confidence,
        "price": signal.price,
        "stop": signal.stop,
        "take": signal.take,
        "reason": signal.reason,
        "bar_close": signal.bar_close,
        **signal_origin(signal).as_json(),
    }
