"""The forecasts API: what is expected, how it turned out, what all voters say together."""

from dataclasses import asdict
from math import isfinite
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from markets.api_symbols import instrument_of
from markets.selectors import bars_load
from markets.watchlist import rows_watched
from mystic.lib.api import ApiView, combined, envelope, read_page, read_whole
from mystic.lib.api_schema import Origin, describe, enveloped
from mystic.lib.problems import Problem
from signals.forecasting.metrics import Interval
from signals.models import Consensus, Forecast
from signals.selectors_accuracy import (
    PERIODS,
    Accuracy,
    accuracy,
    calibration,
    overall,
    scores_for,
    trend,
)
from signals.selectors_forecasts import (
    consensus_newest,
    consensus_recent,
    forecasts_newest,
    forecasts_recent,
)

CHART_BARS = 200
CLASSES = ("crypto", "stock")


class ForecastSerializer(Origin):
    id = serializers.IntegerField()
    model = serializers.CharField()
    version = serializers.IntegerField()
    symbol = serializers.CharField()
    timeframe = serializers.IntegerField(help_text="seconds")
    horizon = serializers.IntegerField(help_text="bars")
    bar_open = serializers.IntegerField(help_text="UTC epoch seconds")
    due_at = serializers.IntegerField(help_text="UTC epoch seconds")
    price = serializers.FloatField()
    direction = serializers.IntegerField(help_text="1 up, -1 down")
    probability = serializers.FloatField(allow_null=True, help_text="that the price is higher")
    base_rate = serializers.FloatField(allow_null=True)
    quantiles = serializers.DictField(child=serializers.FloatField())
    contributions = serializers.DictField(help_text="feature: [value, log-odds]")
    outcome = serializers.DictField(allow_null=True)


def forecast_data(row: Forecast) -> dict[str, Any]:
    """Return a forecast of a model with its outcome where it is known."""
    score = getattr(row, "score", None)
    return {
        "id": row.pk,
        "model": row.model.name if row.model else "",
        "version": row.model.version if row.model else 0,
        "symbol": row.instrument.symbol,
        "timeframe": row.timeframe,
        "horizon": row.horizon,
        "bar_open": row.bar_open,
        "due_at": row.due_at,
        "price": row.price,
        "direction": row.direction,
        "probability": row.probability,
        "base_rate": row.base_rate,
        "quantiles": row.quantiles,
        "contributions": row.contributions,
        "outcome": score
        and {
            "price": score.outcome_price,
            "return": score.outcome_return,
            "is_hit": score.is_hit,
            "brier": score.brier,
            "naive_brier": score.naive_brier,
            "pinball": score.pinball,
            "naive_pinball": score.naive_pinball,
        },
        **row.provenance.as_json(),
    }


class Forecasts(ApiView):
    parameters = {
        "symbol": "Only this pair.",
        "model": "Only this model's name.",
        "before": "Only forecasts with a smaller id: the next page.",
        "limit": "At most 500, 50 unless given.",
    }

    @describe(
        "forecasts",
        enveloped("Forecasts", ForecastSerializer(many=True)),
        tag="forecasts",
        parameters=parameters,
    )
    def get(self, request: Request) -> Response:
        """The newest forecasts of models first, with how they turned out."""
        query = request.query_params
        found = forecasts_recent(
            instrument=instrument_of(query["symbol"]) if "symbol" in query else None,
            model=query.get("model", "")[:60],
        )
        rows = read_page(request, found)
        origin = combined(row.provenance for row in rows)
        return self.answer(envelope([forecast_data(row) for row in rows], origin))


class SymbolForecast(ApiView):
    @extend_schema_serializer(component_name="SymbolForecast")
    class OutputSerializer(serializers.Serializer[Any]):
        symbol = serializers.CharField()
        forecasts = ForecastSerializer(many=True)
        chart = serializers.ListField(
            child=serializers.DictField(), help_text="by forecast: closes, and expected prices"
        )

    @describe(
        "symbol_forecast",
        enveloped("SymbolForecast", OutputSerializer()),
        tag="forecasts",
        problems=(404,),
    )
    def get(self, request: Request, symbol: str) -> Response:
        """The newest forecast of each ready model for one symbol, with what a chart draws."""
        instrument = instrument_of(symbol)
        rows = forecasts_newest([instrument]).get(instrument.pk, [])
        data = {
            "symbol": instrument.symbol,
            "forecasts": [forecast_data(row) for row in rows],
            "chart": [_chart(row) for row in rows],
        }
        return self.answer(envelope(data, combined(row.provenance for row in rows)))


def _chart(row: Forecast) -> dict[str, Any]:
    end = row.bar_open + row.timeframe
    bars = bars_load(row.instrument_id, row.timeframe, end=end, limit=CHART_BARS)
    return {
        "forecast_id": row.pk,
        "closes": list(zip(bars.open_time.tolist(), bars.close.tolist(), strict=True)),
        "due_at": row.due_at,
        "expected": {level: row.price * (1 + value) for level, value in row.quantiles.items()},
    }


class ForecastAccuracy(ApiView):
    parameters = {
        "model": "Only this model's name.",
        "symbol": "Only this pair.",
        "horizon": "Only this horizon, in bars.",
        "asset_class": "crypto or stock.",
        "days": "Forecasts of the last so many days; 90 unless given.",
        "period": f"Length of a point of the trend: {', '.join(PERIODS)}; week unless given.",
    }

    @extend_schema_serializer(component_name="ForecastAccuracy")
    class OutputSerializer(serializers.Serializer[Any]):
        overall = serializers.ListField(child=serializers.DictField())
        by_symbol = serializers.ListField(child=serializers.DictField())
        trend = serializers.ListField(child=serializers.DictField())
        calibration = serializers.ListField(child=serializers.DictField())

    @describe(
        "forecast_accuracy",
        enveloped("ForecastAccuracy", OutputSerializer()),
        tag="forecasts",
        parameters=parameters,
    )
    def get(self, request: Request) -> Response:
        """How forecasts turned out: by voter, by symbol, over time, and their calibration."""
        query = request.query_params
        period = query.get("period", "week")
        if period not in PERIODS:
            raise Problem(400, "invalid_choice", f"period must be one of {', '.join(PERIODS)}")
        days = read_whole(request, "days")
        since = int(timezone.now().timestamp()) - (90 if days is None else days) * 86_400
        scores = scores_for(
            model=query.get("model", "")[:60],
            symbol=instrument_of(query["symbol"]).symbol if "symbol" in query else "",
            horizon=read_whole(request, "horizon"),
            asset_class=_asset_class(request),
            since=since,
        )
        data = {
            "overall": [_accuracy(one) for one in overall(scores)],
            "by_symbol": [_accuracy(one) for one in accuracy(scores)],
            "trend": [
                {**asdict(one), "hit_rate": _interval(one.hit_rate)}
                for one in trend(scores, period=period)
            ],
            "calibration": [
                {**asdict(one), "happened": _interval(one.happened)} for one in calibration(scores)
            ],
        }
        return self.answer(envelope(data))


def _asset_class(request: Request) -> str:
    asked = request.query_params.get("asset_class", "")
    if asked not in ("", *CLASSES):
        raise Problem(400, "unknown_asset_class", f"asset_class wants {' or '.join(CLASSES)}")
    return asked


def _interval(one: Interval | None) -> dict[str, float | None] | None:
    if one is None:
        return None
    return {name: value if isfinite(value) else None for name, value in asdict(one).items()}


def _accuracy(one: Accuracy) -> dict[str, Any]:
    return {
        **asdict(one),
        "hit_rate": _interval(one.hit_rate),
        "brier_gain": _interval(one.brier_gain),
        "verdict": one.verdict,
    }


class ConsensusSerializer(Origin):
    id = serializers.IntegerField()
    symbol = serializers.CharField()
    timeframe = serializers.IntegerField(help_text="seconds")
    bar_open = serializers.IntegerField(help_text="UTC epoch seconds")
    signal_type = serializers.CharField(help_text="BUY, SELL or HOLD")
    confidence = serializers.FloatField()
    reasoning = serializers.CharField()
    price = serializers.FloatField()
    votes = serializers.ListField(child=serializers.DictField())


def consensus_data(row: Consensus) -> dict[str, Any]:
    """Return a vote with every voter."""
    return {
        "id": row.pk,
        "symbol": row.instrument.symbol,
        "timeframe": row.timeframe,
        "bar_open": row.bar_open,
        "signal_type": row.signal_type,
        "confidence": row.confidence,
        "reasoning": row.reasoning,
        "price": row.price,
        "votes": row.votes,
        **row.provenance.as_json(),
    }


class ConsensusList(ApiView):
    parameters = {
        "symbol": "Only this pair.",
        "timeframe": "Only bars of so many seconds.",
        "before": "Only votes with a smaller id: the next page.",
        "limit": "At most 500, 50 unless given.",
    }

    @describe(
        "consensus",
        enveloped("Consensus", ConsensusSerializer(many=True)),
        tag="forecasts",
        parameters=parameters,
    )
    def get(self, request: Request) -> Response:
        """What the voters said together, newest first."""
        query = request.query_params
        found = consensus_recent(
            instrument=instrument_of(query["symbol"]) if "symbol" in query else None,
            timeframe=read_whole(request, "timeframe"),
        )
        rows = read_page(request, found)
        origin = combined(row.provenance for row in rows)
        return self.answer(envelope([consensus_data(row) for row in rows], origin))


class MarketSummary(ApiView):
    parameters = {"asset_class": "crypto or stock; both unless given."}

    @extend_schema_serializer(component_name="MarketSummary")
    class OutputSerializer(Origin):
        symbol = serializers.CharField()
        asset_class = serializers.CharField()
        last = serializers.FloatField(allow_null=True)
        change_24h = serializers.FloatField(allow_null=True)
        consensus = ConsensusSerializer(many=True)
        forecasts = ForecastSerializer(many=True)

    @describe(
        "market_summary",
        enveloped("MarketSummary", OutputSerializer(many=True)),
        tag="forecasts",
        parameters=parameters,
    )
    def get(self, request: Request) -> Response:
        """Everything watched: price, what the voters say, what the models expect."""
        asked = _asset_class(request)
        rows = [row for row in rows_watched() if asked in ("", str(row.instrument.asset_class))]
        instruments = [row.instrument for row in rows]
        told, votes = forecasts_newest(instruments), consensus_newest(instruments)
        unknown = {"source": None, "is_live": False, "as_of": None, "received_at": None}
        data = [
            {
                "symbol": row.symbol,
                "asset_class": row.instrument.asset_class,
                "last": row.last,
                "change_24h": row.change,
                "consensus": [consensus_data(one) for one in votes.get(row.instrument.pk, [])],
                "forecasts": [forecast_data(one) for one in told.get(row.instrument.pk, [])],
                **(row.origin.as_json() if row.origin else unknown),
            }
            for row in rows
        ]
        return self.answer(envelope(data, combined(row.origin for row in rows if row.origin)))
