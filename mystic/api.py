"""The API of the platform as a whole: health, its own description, figures for Prometheus."""

from typing import Any

from django.http import HttpResponse
from django.utils.csp import CSP
from django.utils.decorators import method_decorator
from django.views.decorators.csp import csp_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mystic import metrics
from mystic.health import details, health_now
from mystic.lib.api import ApiView, envelope
from mystic.lib.api_schema import describe, enveloped

# Swagger's own page sets styles from script and shows its logo as a data address.
DOCS_CSP: dict[str, list[str]] = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
    "connect-src": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
LOOPBACK = {"127.0.0.1", "::1"}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How OpenAPI describes our tokens; drf-spectacular finds it by its base class."""

    target_class = "mystic.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token <key>`; make a key under Settings. `read` may only read.",
        }


class HealthNow(ApiView):
    permission_classes = (AllowAny,)

    @extend_schema_serializer(component_name="Health")
    class OutputSerializer(serializers.Serializer[Any]):
        status = serializers.ChoiceField(choices=("ok", "degraded", "down"))
        feed = serializers.CharField()
        database_ms = serializers.FloatField(allow_null=True, required=False)
        parts = serializers.DictField(required=False)
        sources = serializers.ListField(child=serializers.DictField(), required=False)
        versions = serializers.DictField(required=False)

    @describe(
        "health",
        enveloped("Health", OutputSerializer()),
        tag="platform",
        problems=(503,),
        is_public=True,
    )
    def get(self, request: Request) -> Response:
        """Whether Mystic does its work; signed in, also what each part says."""
        health = health_now()
        data: dict[str, Any] = {"status": health.status, "feed": health.feed}
        if health.is_up and request.user.is_authenticated:
            data |= {"database_ms": health.database_ms, **details()}
        return self.answer(envelope(data), status=200 if health.is_up else 503)


class LoopbackOrMember(BasePermission):
    """A scraper on this machine, or whoever brings a token; a proxy makes nobody local."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        is_forwarded = any(n in request.META for n in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"))
        is_here = request.META.get("REMOTE_ADDR") in LOOPBACK and not is_forwarded
        return is_here or request.user.is_authenticated


@extend_schema(exclude=True)
class Metrics(ApiView):
    """Figures of this process and of what waits."""

    permission_classes = (LoopbackOrMember,)

    def get(self, request: Request) -> HttpResponse:
        text = metrics.text_of(metrics.platform_families())
        return HttpResponse(text, content_type=metrics.CONTENT_TYPE)


@extend_schema(exclude=True)
class LiveMetrics(ApiView):
    """How fresh the market data are."""

    permission_classes = (LoopbackOrMember,)

    def get(self, request: Request) -> HttpResponse:
        text = metrics.text_of(metrics.live_families())
        return HttpResponse(text, content_type=metrics.CONTENT_TYPE)


class Schema(SpectacularAPIView):
    permission_classes = (AllowAny,)


@method_decorator(csp_override(DOCS_CSP), name="dispatch")
class Docs(SpectacularSwaggerSplitView):
    """The description as a page; its script comes from its own address, so CSP may stay on."""

    permission_classes = (AllowAny,)
    url_name = "api_schema"
