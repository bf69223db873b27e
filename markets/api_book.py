"""The order book API: the levels of one pair and what they say."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from markets import cache
from markets.api_symbols import instrument_of
from markets.live import BOOK_LEVELS
from markets.microstructure import cumulative
from mystic.lib.api import ApiView, envelope
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.problems import Problem


class MarketBook(ApiView):
    permission_classes = (AllowAny,)
    parameters = {
        "levels": f"How many levels of each side, 1 to {BOOK_LEVELS}; {BOOK_LEVELS} unless given."
    }

    @extend_schema_serializer(component_name="MarketBook")
    class OutputSerializer(serializers.Serializer[Any]):
        """Best levels first; empty sides and null metrics while no book is in step."""

        class MetricsSerializer(serializers.Serializer[Any]):
            class VoidSerializer(serializers.Serializer[Any]):
                near = serializers.FloatField()
                far = serializers.FloatField()
                distance = serializers.FloatField(help_text="of `near` from the mid, a fraction")
                width = serializers.FloatField(help_text="a fraction of the mid")
                depth = serializers.FloatField(help_text="quantity in the book before it")

            mid = serializers.FloatField()
            spread = serializers.FloatField()
            spread_bps = serializers.FloatField()
            micro_price = serializers.FloatField()
            micro_offset = serializers.FloatField(help_text="(micro-price - mid) / mid")
            imbalance = serializers.FloatField(help_text="best ten levels, -1 to 1")
            imbalance_near = serializers.FloatField(
                allow_null=True, help_text="within ten basis points of the mid"
            )
            bid_depth = serializers.FloatField()
            ask_depth = serializers.FloatField()
            void_below = VoidSerializer(allow_null=True)
            void_above = VoidSerializer(allow_null=True)
            order_flow_imbalance = serializers.FloatField(
                allow_null=True, help_text="of the running minute, base asset"
            )
            cumulative_delta = serializers.FloatField(
                allow_null=True, help_text="volume bought less sold, base asset"
            )
            cumulative_delta_since = serializers.DateTimeField(allow_null=True)
            measured_at_update_id = serializers.IntegerField()

        symbol = serializers.CharField()
        bids = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
        asks = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
        update_id = serializers.IntegerField(allow_null=True)
        age_ms = serializers.IntegerField(allow_null=True)
        metrics = MetricsSerializer(allow_null=True)

    @describe(
        "market_book",
        enveloped("MarketBook", OutputSerializer()),
        tag="markets",
        parameters=parameters,
        problems=(404,),
        is_public=True,
    )
    def get(self, request: Request, symbol: str) -> Response:
        """The order book of a pair: [price, quantity, sum of the quantities up to here]."""
        count = _levels(request)
        instrument = instrument_of(symbol)
        book = cache.book_now(instrument.pk)
        data: dict[str, Any] = {"symbol": instrument.symbol, "bids": [], "asks": []}
        if book is None:
            data |= {"update_id": None, "age_ms": None, "metrics": None}
            return self.answer(envelope(data))
        data |= {
            "bids": _summed(book.bids[:count]),
            "asks": _summed(book.asks[:count]),
            "update_id": book.update_id,
            "age_ms": book.age_ms,
            "metrics": book.metrics,
        }
        return self.answer(envelope(data, book.origin))


def _levels(request: Request) -> int:
    text = request.query_params.get("levels", str(BOOK_LEVELS))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= BOOK_LEVELS):
        message = f"levels wants a whole number from 1 to {BOOK_LEVELS}"
        raise Problem(400, "levels_invalid", message)
    return int(text)


def _summed(levels: cache.Levels) -> list[tuple[float, float, float]]:
    sums = cumulative(levels)
    # Quantities have few digits; a sum shows no more than they have.
    return [(*level, round(total, 12)) for level, total in zip(levels, sums, strict=True)]
