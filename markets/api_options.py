"""The API of options: a chain by expiry, and what stands out."""

import re
from datetime import date
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from markets import tasks_options
from markets.api_symbols import instrument_of
from markets.chain_view import ChainView, chain_view
from markets.models import Instrument, OptionQuote, UnusualActivity
from markets.selectors_options import underlying_by_symbol, unusual_recent
from markets.services.options import NoOptions, UnknownExpiry, chain_want
from mystic.lib.api import ApiView, envelope, read_limit
from mystic.lib.api_schema import describe, enveloped
from mystic.lib.clock import iso, now_ms
from mystic.lib.problems import Problem
from mystic.lib.provenance import Provenance

LARGEST_STRIKE = 100_000.0
MOST_UNUSUAL = 500
FIGURES = (
    "contract", "kind", "strike", "bid", "ask", "last", "volume", "open_interest",
    "implied_volatility", "volatility_reason", "is_volatility_computed",
    "delta", "gamma", "theta", "vega", "rho", "are_greeks_computed",
)  # fmt: skip


def underlying_of(symbol: str) -> Instrument:
    """Return the instrument of `AAPL`, `AAPL/USD` or `AAPLUSD`, or raise the problem."""
    try:
        return instrument_of(symbol)
    except Problem as fault:
        if fault.code != "unknown_symbol":
            raise
        try:
            return underlying_by_symbol(symbol)
        except Instrument.DoesNotExist:
            raise fault from None


class OptionChain(ApiView):
    permission_classes = (AllowAny,)
    parameters = {
        "expiry": "Day of expiry, YYYY-MM-DD; the nearest unless given.",
        "kind": "call or put; both unless given.",
        "min_strike": "Lowest strike.",
        "max_strike": "Highest strike.",
    }

    @extend_schema_serializer(component_name="OptionChain")
    class OutputSerializer(serializers.Serializer[Any]):
        @extend_schema_serializer(component_name="OptionContract")
        class ContractSerializer(serializers.Serializer[Any]):
            contract = serializers.CharField(help_text="OCC symbol")
            kind = serializers.ChoiceField(choices=["call", "put"])
            strike = serializers.FloatField()
            bid = serializers.FloatField(allow_null=True)
            ask = serializers.FloatField(allow_null=True)
            last = serializers.FloatField(allow_null=True)
            volume = serializers.IntegerField(allow_null=True)
            open_interest = serializers.IntegerField(allow_null=True)
            implied_volatility = serializers.FloatField(
                allow_null=True, help_text="of a year, a fraction: 0.25 is 25 %"
            )
            volatility_reason = serializers.CharField(help_text="why there is none; else empty")
            is_volatility_computed = serializers.BooleanField(help_text="by Mystic")
            delta = serializers.FloatField(allow_null=True)
            gamma = serializers.FloatField(allow_null=True)
            theta = serializers.FloatField(allow_null=True, help_text="a calendar day")
            vega = serializers.FloatField(allow_null=True, help_text="a percentage point")
            rho = serializers.FloatField(allow_null=True, help_text="a percentage point")
            are_greeks_computed = serializers.BooleanField(help_text="by Mystic")
            as_of = serializers.DateTimeField(allow_null=True)

        symbol = serializers.CharField()
        state = serializers.ChoiceField(choices=["ready", "waiting", "empty"])
        detail = serializers.CharField(help_text="why the last attempt to renew it failed")
        expiry = serializers.DateField(allow_null=True)
        expiries = serializers.ListField(child=serializers.DateField())
        underlying_price = serializers.FloatField(allow_null=True)
        underlying_source = serializers.CharField(allow_null=True)
        underlying_as_of = serializers.DateTimeField(allow_null=True)
        rate = serializers.FloatField(
            allow_null=True, help_text="continuous, what Mystic's own figures are computed with"
        )
        rate_note = serializers.CharField()
        dividend_yield = serializers.FloatField(allow_null=True)
        put_call_volume = serializers.FloatField(allow_null=True)
        put_call_open_interest = serializers.FloatField(allow_null=True)
        max_pain = serializers.FloatField(allow_null=True)
        contracts = ContractSerializer(many=True)

    @describe(
        "option_chain",
        enveloped("OptionChain", OutputSerializer()),
        tag="markets",
        parameters=parameters,
        problems=(404, 503),
        is_public=True,
    )
    def get(self, request: Request, symbol: str) -> Response:
        """The contracts of one expiry as a source last told them.

        Asking makes Mystic ask its sources where its answer is old; `state` is `waiting` until the
        first one came. Where no source answers, and nothing is stored, the answer is 503.
        """
        instrument = underlying_of(symbol)
        wanted = _wanted(request)
        try:
            is_due = chain_want(instrument, wanted.expiry)
        except (NoOptions, UnknownExpiry) as fault:
            code = "no_options" if isinstance(fault, NoOptions) else "unknown_expiry"
            raise Problem(404, code, str(fault)) from None
        if is_due:
            expiry = wanted.expiry.isoformat() if wanted.expiry else ""
            tasks_options.refresh.delay(instrument.pk, expiry)
        view = chain_view(instrument, wanted.expiry, at_ms=now_ms(), is_whole=True)
        if view.state == "failed":
            raise Problem(503, "no_source", view.reason, headers={"Retry-After": "60"})
        return self.answer(envelope(chain_data(view, wanted), view.origin))


class Wanted:
    """What a query asks for, read strictly."""

    def __init__(
        self, expiry: date | None, kind: str, low: float | None, high: float | None
    ) -> None:
        self.expiry, self.kind, self.low, self.high = expiry, kind, low, high

    def takes(self, quote: OptionQuote) -> bool:
        return (
            self.kind in {"", quote.kind}
            and (self.low is None or quote.strike >= self.low)
            and (self.high is None or quote.strike <= self.high)
        )


def _wanted(request: Request) -> Wanted:
    query = request.query_params
    kind = query.get("kind", "")
    if "kind" in query and kind not in {"call", "put"}:
        raise Problem(400, "kind_invalid", f"kind is {kind[:20]!r}; wants call or put")
    low, high = _strike(request, "min_strike"), _strike(request, "max_strike")
    if low is not None and high is not None and low > high:
        message = f"min_strike {low:g} is above max_strike {high:g}; swap them"
        raise Problem(400, "strike_range_reversed", message)
    return Wanted(_expiry(query.get("expiry")), kind, low, high)


def _expiry(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    message = f"expiry is {text[:20]!r}; wants a day that exists, as YYYY-MM-DD"
    raise Problem(400, "expiry_invalid", message)


def _strike(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) or float(text) > LARGEST_STRIKE:
        message = f"{name} is {text[:20]!r}; wants plain digits up to {LARGEST_STRIKE:,.0f}"
        raise Problem(400, "strike_invalid", message)
    return float(text)


def chain_data(view: ChainView, wanted: Wanted) -> dict[str, Any]:
    """Return a chain as JSON; the ratios and max pain are of the whole expiry."""
    chain = view.chain
    return {
        "symbol": view.instrument.symbol,
        "state": view.state,
        "detail": view.reason,
        "expiry": chain.expiry.isoformat() if chain else None,
        "expiries": [one.expiry.isoformat() for one in view.expiries],
        "underlying_price": chain.spot if chain else None,
        "underlying_source": (chain.spot_source or None) if chain else None,
        "underlying_as_of": iso(chain.spot_as_of_ms) if chain else None,
        "rate": chain.rate if chain else None,
        "rate_note": chain.rate_note if chain else "",
        "dividend_yield": chain.dividend_yield if chain else None,
        "put_call_volume": view.volume_ratio,
        "put_call_open_interest": view.interest_ratio,
        "max_pain": view.max_pain,
        "contracts": [_contract(quote) for quote in view.quotes if wanted.takes(quote)],
    }


def _contract(quote: OptionQuote) -> dict[str, Any]:
    return {**{name: getattr(quote, name) for name in FIGURES}, "as_of": iso(quote.as_of_ms)}


class UnusualOptions(ApiView):
    permission_classes = (AllowAny,)
    parameters = {
        "symbol": "Only this underlying: AAPL, AAPL/USD or AAPLUSD.",
        "limit": f"At most so many, 50 unless given, up to {MOST_UNUSUAL}.",
    }

    @extend_schema_serializer(component_name="UnusualOption")
    class OutputSerializer(serializers.Serializer[Any]):
        @extend_schema_serializer(component_name="UnusualReason")
        class ReasonSerializer(serializers.Serializer[Any]):
            code = serializers.CharField()
            text = serializers.CharField()
            value = serializers.FloatField()
            limit = serializers.FloatField()
            points = serializers.FloatField()

        symbol = serializers.CharField()
        contract = serializers.CharField()
        day = serializers.DateField()
        score = serializers.FloatField()
        reasons = ReasonSerializer(many=True)
        volume = serializers.IntegerField()
        open_interest = serializers.IntegerField(allow_null=True)
        typical_volume = serializers.FloatField(allow_null=True)
        premium = serializers.FloatField(allow_null=True)
        source = serializers.CharField()  # type: ignore[assignment]  # a field, not an attribute
        detected_at = serializers.DateTimeField()

    @describe(
        "unusual_options",
        enveloped("UnusualOption", OutputSerializer(many=True)),
        tag="markets",
        parameters=parameters,
        problems=(404,),
        is_public=True,
    )
    def get(self, request: Request) -> Response:
        """Contracts whose trading stood out, the newest day first, there the highest score."""
        limit = read_limit(request, default=50, largest=MOST_UNUSUAL)
        symbol = request.query_params.get("symbol")
        instrument = None if symbol is None else underlying_of(symbol)
        rows = unusual_recent(instrument=instrument, limit=limit)
        return self.answer(envelope([_unusual(row) for row in rows], _origin(rows)))


def _origin(rows: list[UnusualActivity]) -> Provenance | None:
    if not rows:
        return None
    oldest = min(row.detected_at_ms for row in rows)
    return Provenance(
        source=",".join(sorted({row.source for row in rows})),
        is_live=False,
        as_of_ms=oldest,
        received_at_ms=oldest,
    )


def _unusual(row: UnusualActivity) -> dict[str, Any]:
    return {
        "symbol": row.underlying.symbol,
        "contract": row.contract,
        "day": row.day.isoformat(),
        "score": row.score,
        "reasons": row.reasons,
        "volume": row.volume,
        "open_interest": row.open_interest,
        "typical_volume": row.typical_volume,
        "premium": row.premium,
        "source": row.source,
        "detected_at": iso(row.detected_at_ms),
    }
