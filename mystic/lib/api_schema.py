"""What OpenAPI says about an operation: its envelope, its parameters, its problems."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_serializer,
    inline_serializer,
)
from rest_framework import serializers

from mystic.lib.problems import CONTENT_TYPE


class ProblemError(serializers.Serializer[Any]):
    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


@extend_schema_serializer(component_name="Problem")
class ProblemDocument(serializers.Serializer[Any]):
    """An error as RFC 9457 has it; `code` is stable."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    order_id = serializers.IntegerField(required=False, help_text="the order that was denied")
    errors = ProblemError(many=True)  # type: ignore[assignment]  # a field, not the property


class Origin(serializers.Serializer[Any]):
    """Where a value came from, and when."""

    source = serializers.CharField()  # type: ignore[assignment]  # a field, not an attribute
    is_live = serializers.BooleanField()
    as_of = serializers.DateTimeField(allow_null=True)
    received_at = serializers.DateTimeField(allow_null=True)
    stale = serializers.BooleanField(required=False)
    delayed = serializers.BooleanField(required=False)
    imputed = serializers.BooleanField(required=False)
    closed_until = serializers.DateTimeField(required=False)


def enveloped(name: str, output: Any, **extra: Any) -> Any:
    """Return the envelope of an answer whose data are `output`."""
    return inline_serializer(
        f"{name}Envelope",
        {
            "data": output,
            "live_data": serializers.BooleanField(),
            "timestamp": serializers.IntegerField(help_text="UTC epoch milliseconds"),
            "source": serializers.CharField(),
            "as_of": serializers.DateTimeField(allow_null=True),
            "received_at": serializers.DateTimeField(allow_null=True, required=False),
            "stale": serializers.BooleanField(required=False),
            "delayed": serializers.BooleanField(required=False),
            "imputed": serializers.BooleanField(required=False),
            "closed_until": serializers.DateTimeField(required=False),
            **extra,
        },
    )


def describe(
    operation: str,
    answer: Any,
    *,
    tag: str,
    request: Any = None,
    status: int = 200,
    parameters: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    problems: Sequence[int] = (),
    is_public: bool = False,
) -> Callable[[Any], Any]:
    """Describe one operation; the docstring of the method is its text."""
    refusals = {400, 429, *problems} | (set() if is_public else {401, 403})
    described = [OpenApiParameter(n, str, description=d) for n, d in (parameters or {}).items()]
    described += [
        OpenApiParameter(n, str, OpenApiParameter.HEADER, description=d)
        for n, d in (headers or {}).items()
    ]
    problem = OpenApiResponse(ProblemDocument, description="Problem details (RFC 9457)")
    return extend_schema(
        operation_id=operation,
        tags=[tag],
        request=request,
        parameters=described,
        auth=[] if is_public else None,
        responses={
            status: answer,
            **{(code, CONTENT_TYPE): problem for code in sorted(refusals)},
        },
    )
