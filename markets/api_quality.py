"""The quality API: how good the newest data are, and what was refused."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from markets import selectors_quality as quality
from markets.api_symbols import instrument_of
from markets.models import Instrument, QualityScore
from mystic.lib.api import ApiView, envelope, read_limit
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.clock import iso


class Quality(ApiView):
    permission_classes = (AllowAny,)
    parameters = {
        "symbol": "Only this pair.",
        "limit": f"The newest refusals, at most {quality.MOST_REFUSED}; 50 unless given.",
    }

    @extend_schema_serializer(component_name="Quality")
    class OutputSerializer(serializers.Serializer[Any]):
        class InstrumentQualitySerializer(serializers.Serializer[Any]):
            class PartSerializer(serializers.Serializer[Any]):
                name = serializers.CharField()
                penalty = serializers.FloatField(help_text="points that it takes")
                limit = serializers.FloatField(help_text="the most it can take")
                text = serializers.CharField()

            symbol = serializers.CharField()
            score = serializers.FloatField(allow_null=True, help_text="0 to 100")
            level = serializers.ChoiceField(choices=QualityScore.Level.choices)
            as_of = serializers.DateTimeField(allow_null=True)
            venue = serializers.CharField(help_text="whose data are judged")
            parts = PartSerializer(many=True)
            flags = serializers.ListField(
                child=serializers.DictField(), help_text="bars outside of their likely band"
            )

        class RefusedSerializer(serializers.Serializer[Any]):
            source = serializers.CharField()  # type: ignore[assignment]  # a field
            kind = serializers.CharField()
            symbol = serializers.CharField(allow_null=True)
            reason = serializers.CharField()
            count = serializers.IntegerField()
            hour = serializers.DateTimeField()
            last_at = serializers.DateTimeField()
            sample = serializers.CharField()

        instruments = InstrumentQualitySerializer(many=True)
        refused = RefusedSerializer(many=True)

    @describe(
        "quality",
        enveloped("Quality", OutputSerializer()),
        tag="markets",
        parameters=parameters,
        problems=(404,),
        is_public=True,
    )
    def get(self, request: Request) -> Response:
        """The score of every watched instrument with its parts, and what was refused in a day."""
        limit = read_limit(request, default=50, largest=quality.MOST_REFUSED)
        symbol = request.query_params.get("symbol")
        one = None if symbol is None else instrument_of(symbol)
        instruments = quality.instruments_judged() if one is None else [one]
        scores = quality.scores_of(row.pk for row in instruments)
        refused = quality.refused_recently(limit=limit, instrument_id=one.pk if one else None)
        symbols = quality.symbols_of(refused)
        data = {
            "instruments": [_quality(row, scores.get(row.pk)) for row in instruments],
            "refused": [
                {
                    "source": row.source,
                    "kind": row.kind,
                    "symbol": symbols.get(row.instrument_id),
                    "reason": row.reason,
                    "count": row.count,
                    "hour": iso(row.hour * 1000),
                    "last_at": iso(int(row.last_at.timestamp() * 1000)),
                    "sample": row.sample,
                }
                for row in refused
            ],
        }
        return self.answer(envelope(data))


def _quality(instrument: Instrument, row: QualityScore | None) -> dict[str, Any]:
    """Return a score; one that nobody renewed for minutes is unknown now."""
    told = {"symbol": instrument.symbol, "venue": instrument.venue.code}
    if row is None:
        nothing: dict[str, Any] = {"score": None, "as_of": None, "parts": [], "flags": []}
        return {**told, "level": QualityScore.Level.UNKNOWN.value, **nothing}
    is_known = quality.is_current(row) and row.level != QualityScore.Level.UNKNOWN
    parts = quality.parts_of(row)
    return {
        **told,
        "score": row.score if is_known else None,
        "level": row.level if is_known else QualityScore.Level.UNKNOWN.value,
        "as_of": iso(int(row.as_of.timestamp() * 1000)),
        "parts": [
            {"name": p.name, "penalty": p.penalty, "limit": p.limit, "text": p.text} for p in parts
        ],
        "flags": [
            {**flag, "open_time": iso(int(flag["open_time"]) * 1000)}
            for flag in row.parts.get("flags", [])
        ],
    }
