"""The API's export of stored bars: a streamed file."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from markets import history
from markets.api_symbols import instrument_of
from markets.selectors import base_timeframe
from markets.services.exports import FORMATS, candles_export
from markets.types import TIMEFRAME_NAMES
from mystic.lib.api import ApiView
from mystic.lib.api_schema import describe
from mystic.lib.problems import Problem


class OwnFormat(DefaultContentNegotiation):
    """Leaves `format` to the view: it names the file, not the shape of an error."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        del format_suffix
        return renderers[0], renderers[0].media_type


class MarketExport(ApiView):
    """Stored bars of one pair as a file."""

    content_negotiation_class = OwnFormat
    parameters = {
        "format": f"{' or '.join(FORMATS)}; csv unless given.",
        "from": "Bars that open at or after it, ISO 8601 with a zone or epoch seconds.",
        "to": "Bars that open before it, the same.",
    }

    @describe(
        "market_export",
        OpenApiResponse(OpenApiTypes.BINARY, description="The file, each bar with its source"),
        tag="markets",
        parameters=parameters,
        problems=(404,),
    )
    def get(self, request: Request, symbol: str) -> StreamingHttpResponse:
        """Every stored bar of the stored timeframe, oldest first; holes stay holes."""
        instrument = instrument_of(symbol)
        query = request.query_params
        form = query.get("format", "csv")
        if form not in FORMATS:
            raise Problem(400, "bad_format", f"format must be one of {', '.join(FORMATS)}")
        try:
            start = history.time_read(query["from"], "from") if "from" in query else 0
            end = history.time_read(query["to"], "to") if "to" in query else history.LATEST
        except history.SpanError as fault:
            raise Problem(400, fault.code, fault.detail) from None
        if start >= end:
            raise Problem(400, "from_after_to", "from must lie before to")
        base = base_timeframe()
        pieces = candles_export(
            instrument_id=instrument.pk, timeframe=base, start=start, end=end, form=form
        )
        is_async = isinstance(request._request, ASGIRequest)  # noqa: SLF001  DRF's own name for it
        venue = instrument.venue.code.replace(":", "-")
        name = f"{instrument.slug}-{venue}-{TIMEFRAME_NAMES[base]}.{form}"
        return StreamingHttpResponse(
            _asynchronous(pieces) if is_async else pieces,
            content_type=FORMATS[form],
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "X-Data-Source": instrument.venue.code,
                "X-Live-Data": "false",
            },
        )


async def _asynchronous(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Make each piece in a thread when it is wanted: nothing is made ahead of the client."""

    def step() -> bytes | None:
        return next(pieces, None)

    while (piece := await sync_to_async(step)()) is not None:
        yield piece
