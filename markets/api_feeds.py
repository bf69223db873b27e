"""The API of what moves slowly beside prices: macro series, news, the market's mood."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from markets import feed_pages
from markets.api_symbols import instrument_of
from markets.models import Instrument, SentimentPoint
from mystic.lib.api import ApiView, combined, envelope, read_limit
from mystic.lib.api_schema import Origin, describe, enveloped
from mystic.lib.problems import Problem

MOST = 1000


class MacroSeries(ApiView):
    permission_classes = (AllowAny,)
    parameters = {"limit": f"How many periods, the newest; 100 unless given, at most {MOST}."}

    @extend_schema_serializer(component_name="MacroSeries")
    class OutputSerializer(serializers.Serializer[Any]):
        class ObservationSerializer(serializers.Serializer[Any]):
            period = serializers.DateField(help_text="the first day the value describes")
            value = serializers.FloatField()
            vintage = serializers.DateField(help_text="the day it was published")
            available_at = serializers.IntegerField(help_text="known from, UTC epoch seconds")
            first_value = serializers.FloatField(help_text="what was told of it first")
            revisions = serializers.IntegerField()

        series = serializers.CharField()
        name = serializers.CharField()
        unit = serializers.CharField()
        frequency = serializers.CharField()
        reason = serializers.CharField(help_text="why there is no value; empty where there is one")
        observations = ObservationSerializer(many=True)

    @describe(
        "macro_series",
        enveloped("MacroSeries", OutputSerializer()),
        tag="markets",
        parameters=parameters,
        problems=(404,),
        is_public=True,
    )
    def get(self, request: Request, series: str) -> Response:
        """A macro series: each period in its newest vintage, the newest period first."""
        limit = read_limit(request, default=100, largest=MOST)
        row = feed_pages.macro_row(series.upper()) if series.isascii() else None
        if row is None:
            detail = f"{series[:40]!r} is not read; the setting MYSTIC_MACRO names the series"
            raise Problem(404, "unknown_series", detail)
        shown = feed_pages.macro_observations(row, limit)
        data = {
            "series": row.series,
            "name": row.name,
            "unit": row.unit,
            "frequency": row.frequency,
            "reason": row.reason,
            "observations": [
                {
                    "period": str(one.period),
                    "value": one.value,
                    "vintage": str(one.vintage),
                    "available_at": one.available_at,
                    "first_value": one.first_value,
                    "revisions": one.revisions,
                }
                for one in shown
            ],
        }
        return self.answer(envelope(data, row.origin))


def _instrument(request: Request) -> Instrument | None:
    symbol = request.query_params.get("symbol")
    if symbol is None:
        return None
    if not symbol.strip():
        raise Problem(400, "symbol_invalid", "symbol wants a name such as BTC/USDT")
    return instrument_of(symbol)


class News(ApiView):
    permission_classes = (AllowAny,)
    parameters = {
        "symbol": "Only stories about this instrument.",
        "limit": "How many, the newest; 50 unless given, at most 200.",
    }

    @extend_schema_serializer(component_name="NewsItem")
    class OutputSerializer(Origin):
        id = serializers.IntegerField()
        title = serializers.CharField(help_text="plain text")
        link = serializers.CharField(help_text="http or https, may be empty")
        summary = serializers.CharField()
        published_at = serializers.DateTimeField()
        available_at = serializers.IntegerField(help_text="known from, UTC epoch seconds")
        sentiment = serializers.FloatField(allow_null=True, help_text="-1 to 1")
        method = serializers.CharField(help_text="how the tone was worked out")
        symbols = serializers.ListField(child=serializers.CharField())

    @describe(
        "news",
        enveloped("News", OutputSerializer(many=True)),
        tag="markets",
        parameters=parameters,
        problems=(404,),
        is_public=True,
    )
    def get(self, request: Request) -> Response:
        """The newest stories of all feeds, each once, with its tone and whom it is about."""
        limit = read_limit(request, default=50, largest=200)
        lines = feed_pages.news_lines(feed_pages.news_items(_instrument(request))[:limit])
        data = [
            {
                "id": line.item.pk,
                "title": line.item.title,
                "link": line.item.link,
                "summary": line.item.summary,
                "published_at": line.item.published_at.isoformat().replace("+00:00", "Z"),
                "available_at": line.item.available_at,
                "sentiment": line.item.sentiment,
                "method": line.item.method,
                "symbols": [one.symbol for one in line.item.instruments.all()],
                **line.origin.as_json(),
            }
            for line in lines
        ]
        return self.answer(envelope(data, combined(line.origin for line in lines)))


class MoodNow(ApiView):
    permission_classes = (AllowAny,)
    parameters = {
        "symbol": "The tone of the news about this instrument; of the market unless given.",
        "limit": f"How many points of each, the newest; 30 unless given, at most {MOST}.",
    }

    @extend_schema_serializer(component_name="Mood")
    class OutputSerializer(serializers.Serializer[Any]):
        @extend_schema_serializer(component_name="MoodPoint")
        class PointSerializer(Origin):
            period = serializers.IntegerField(help_text="describes from, UTC epoch seconds")
            available_at = serializers.IntegerField(help_text="known from, UTC epoch seconds")
            value = serializers.FloatField()
            label = serializers.CharField(  # type: ignore[assignment]  # a field, not a label
                help_text="the source's own word"
            )
            count = serializers.IntegerField(help_text="how many texts it was made of")
            method = serializers.CharField()

        fear_greed = PointSerializer(many=True)
        news = PointSerializer(many=True)
        reasons = serializers.DictField(
            child=serializers.CharField(), help_text="why one of them is empty or old"
        )

    @describe(
        "mood",
        enveloped("Mood", OutputSerializer()),
        tag="markets",
        parameters=parameters,
        problems=(404,),
        is_public=True,
    )
    def get(self, request: Request) -> Response:
        """The fear and greed index by the day and the tone of the news by the hour."""
        limit = read_limit(request, default=30, largest=MOST)
        index = feed_pages.fear_greed(limit=limit)
        tone = feed_pages.news_mood(_instrument(request), limit=limit)
        told = {"fear_greed": index, "news": tone}
        data = {
            **{name: [_point(one) for one in mood.points] for name, mood in told.items()},
            "reasons": {
                name: mood.reason or mood.error
                for name, mood in told.items()
                if mood.reason or mood.error
            },
        }
        origins = [mood.origin for mood in told.values() if mood.origin]
        return self.answer(envelope(data, combined(origins)))


def _point(point: SentimentPoint) -> dict[str, Any]:
    return {
        "period": point.period,
        "available_at": point.available_at,
        "value": point.value,
        "label": point.label,
        "count": point.count,
        "method": point.method,
        **feed_pages.mood_origin(point).as_json(),
    }
