"""The markets API: what is watched, what it trades at, what it traded at."""

from dataclasses import replace
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from markets import history, watchlist
from markets.api_symbols import instrument_of
from markets.imputed import estimates_shown, others_in_holes
from markets.models import Instrument
from mystic.lib.api import ApiView, combined, envelope, read_limit
from mystic.lib.api_schema import Origin, describe, enveloped
from mystic.lib.clock import now_ms
from mystic.lib.live import hub
from mystic.lib.problems import Problem
from mystic.lib.units import shown

# One class an answer: the hours of one would make the other look old.
WATCHED_CLASSES = (Instrument.AssetClass.CRYPTO.value, Instrument.AssetClass.STOCK.value)


@extend_schema_serializer(component_name="Quote")
class QuoteSerializer(Origin):
    """A pair with its newest value; `kind` says what `last` is; unknown values are null."""

    symbol = serializers.CharField()
    slug = serializers.CharField()
    last = serializers.FloatField(allow_null=True)
    bid = serializers.FloatField(allow_null=True)
    ask = serializers.FloatField(allow_null=True)
    spread = serializers.FloatField(allow_null=True)
    change_24h = serializers.FloatField(allow_null=True, help_text="a fraction: 0.01 is 1 %")
    kind = serializers.CharField()
    source = serializers.CharField(allow_null=True)


def quote_data(row: watchlist.WatchRow) -> dict[str, Any]:
    """Return a row of the watch list; what is not known is null, never an invented number."""
    unknown = {"source": None, "is_live": False, "as_of": None, "received_at": None}
    return {
        "symbol": row.symbol,
        "slug": row.instrument.slug,
        "last": row.last,
        "bid": row.bid,
        "ask": row.ask,
        "spread": row.spread,
        "change_24h": row.change,
        "kind": row.kind,
        **(row.origin.as_json() if row.origin else unknown),
    }


class CoinState(ApiView):
    permission_classes = (AllowAny,)
    parameters = {"asset_class": f"{' or '.join(WATCHED_CLASSES)}; crypto unless given."}

    @describe(
        "coinstate",
        enveloped("CoinState", QuoteSerializer(many=True)),
        tag="markets",
        is_public=True,
    )
    def get(self, request: Request) -> Response:
        """Every watched pair, or stock, with its newest quote and where it came from."""
        asked = request.query_params.get("asset_class", WATCHED_CLASSES[0])
        if asked not in WATCHED_CLASSES:
            message = f"asset_class wants {' or '.join(WATCHED_CLASSES)}"
            raise Problem(400, "unknown_asset_class", message)
        rows = [row for row in watchlist.rows_watched() if row.instrument.asset_class == asked]
        origin = combined(row.origin for row in rows if row.origin)
        return self.answer(envelope([quote_data(row) for row in rows], origin))


class MarketData(ApiView):
    """One pair now."""

    permission_classes = (AllowAny,)

    @extend_schema_serializer(component_name="MarketData")
    class OutputSerializer(QuoteSerializer):
        tick = serializers.CharField(help_text="smallest step of a price")
        step = serializers.CharField(help_text="smallest step of a quantity")
        min_quantity = serializers.CharField()
        min_notional = serializers.CharField()
        status = serializers.CharField()
        bar = serializers.DictField(allow_null=True, help_text="the bar that is being traded")

    @describe(
        "market_data",
        enveloped("MarketData", OutputSerializer()),
        tag="markets",
        problems=(404,),
        is_public=True,
    )
    def get(self, request: Request, symbol: str) -> Response:
        """The newest quote of a pair, its trading rules and its forming bar."""
        instrument = instrument_of(symbol)
        (row,) = watchlist.rows_for([instrument])
        forming = hub.latest(f"bar:{instrument.pk}").get("bar")
        data = {
            **quote_data(row),
            **_rules(instrument),
            "bar": forming["data"] if forming else None,
        }
        return self.answer(envelope(data, row.origin))


def _rules(instrument: Instrument) -> dict[str, str]:
    return {
        "tick": shown(instrument.tick, instrument.price_scale),
        "step": shown(instrument.step, instrument.base_scale),
        "min_quantity": shown(instrument.min_quantity, instrument.base_scale),
        "min_notional": shown(instrument.min_notional, instrument.quote_scale),
        "status": instrument.status,
    }


class MarketHistory(ApiView):
    permission_classes = (AllowAny,)
    parameters = {
        "period": f"How far back: {', '.join(history.PERIODS)}; 1D unless given.",
        "timeframe": "Length of a bar: 1m, 5m, 15m, 1h, 4h, 1d; the stored one unless given.",
        "from": "Start, ISO 8601 with a zone or epoch seconds; wins over `period`.",
        "to": "End, the same; now unless given, which for a replay is its newest bar.",
        "limit": f"The newest bars of the span, at most {history.MOST_BARS}.",
    }

    @extend_schema_serializer(component_name="MarketHistory")
    class OutputSerializer(serializers.Serializer[Any]):
        class GapSerializer(serializers.Serializer[Any]):
            start = serializers.IntegerField()
            end = serializers.IntegerField()
            state = serializers.CharField()

        symbol = serializers.CharField()
        timeframe = serializers.CharField()
        bars = serializers.ListField(
            child=serializers.ListField(child=serializers.FloatField(), min_length=6, max_length=6),
            help_text="[open time in UTC epoch seconds, open, high, low, close, volume]",
        )
        origins = serializers.DictField(
            child=serializers.IntegerField(), help_text="stored bars by how they arrived"
        )
        gaps = GapSerializer(many=True)
        estimates = serializers.ListField(
            child=serializers.DictField(),
            help_text="drawn values for holes, each marked `imputed`; never among the bars",
        )
        others = serializers.ListField(
            child=serializers.DictField(),
            help_text="closes that other venues have in the holes, each with its source",
        )

    @describe(
        "market_history",
        enveloped("MarketHistory", OutputSerializer()),
        tag="markets",
        parameters=parameters,
        problems=(404,),
        is_public=True,
    )
    def get(self, request: Request, symbol: str) -> Response:
        """Sealed bars of a pair, oldest first; a bar is never invented."""
        instrument = instrument_of(symbol)
        now = now_ms() // 1000
        name, span = self._span(request, history.newest_moment(instrument, now=now))
        bars = history.bars_of(instrument, span)
        origin, counts = history.origin_of(instrument, bars, now)
        columns = (bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume)
        data = {
            "symbol": instrument.symbol,
            "timeframe": name,
            "bars": [list(bar) for bar in zip(*(c.tolist() for c in columns), strict=True)],
            "origins": counts,
            "gaps": [
                {"start": gap.start, "end": gap.end, "state": gap.state}
                for gap in history.gaps_of(instrument, span)
            ],
            "estimates": estimates_shown(instrument, span.timeframe, span.start, span.end),
            "others": [
                other.as_json(span.timeframe)
                for other in others_in_holes(instrument, span.start, span.end)
            ],
        }
        if data["estimates"]:
            origin = replace(origin, is_live=False, is_imputed=True)
        return self.answer(envelope(data, origin))

    def _span(self, request: Request, now: int) -> tuple[str, history.Span]:
        query = request.query_params
        name = query.get("timeframe", next(iter(history.timeframes())))
        limit = (
            read_limit(request, default=1, largest=history.MOST_BARS) if "limit" in query else None
        )
        try:
            span = history.span_of(
                timeframe=name,
                period=query.get("period", ""),
                start=query.get("from", ""),
                end=query.get("to", ""),
                limit=limit,
                now=now,
            )
        except history.SpanError as fault:
            raise Problem(400, fault.code, fault.detail) from None
        return name, span
