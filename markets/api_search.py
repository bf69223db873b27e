"""Find a symbol by what one remembers of it."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from markets.models import Instrument
from markets.selectors_search import MOST_FOUND, instruments_found
from mystic.lib.api import ApiView, envelope
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.problems import Problem


class Symbols(ApiView):
    permission_classes = (AllowAny,)
    parameters = {
        "q": "A symbol, its beginning, or a part of the name; required.",
        "asset_class": f"{', '.join(Instrument.AssetClass.values)}; all unless given.",
    }

    @extend_schema_serializer(component_name="Symbol")
    class OutputSerializer(serializers.Serializer[Any]):
        symbol = serializers.CharField()
        slug = serializers.CharField()
        name = serializers.CharField()
        asset_class = serializers.CharField()
        venue = serializers.CharField()
        status = serializers.CharField()
        is_watched = serializers.BooleanField()

    @describe(
        "symbols",
        enveloped("Symbols", OutputSerializer(many=True)),
        tag="markets",
        parameters=parameters,
        is_public=True,
    )
    def get(self, request: Request) -> Response:
        """The instruments that match, the exact ones first."""
        query = request.query_params.get("q", "").strip()
        asset_class = request.query_params.get("asset_class", "")
        if not query:
            raise Problem(400, "missing_parameter", "q wants a symbol or a part of a name")
        if asset_class and asset_class not in Instrument.AssetClass.values:
            known = ", ".join(Instrument.AssetClass.values)
            raise Problem(400, "unknown_asset_class", f"asset_class wants one of {known}")
        rows = instruments_found(query, asset_class=asset_class, limit=MOST_FOUND)
        data = [
            {
                "symbol": row.symbol,
                "slug": row.slug,
                "name": row.name,
                "asset_class": row.asset_class,
                "venue": row.venue.code,
                "status": row.status,
                "is_watched": row.is_watched,
            }
            for row in rows
        ]
        return self.answer(envelope(data))
