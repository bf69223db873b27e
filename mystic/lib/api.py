"""The strict JSON door of the API: one parser, one envelope, one kind of view."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mystic.lib import strict_json
from mystic.lib.clock import iso, now_ms
from mystic.lib.parsers import StrictJSONParser
from mystic.lib.problems import Problem, problem_response
from mystic.lib.provenance import Provenance
from mystic.lib.units import LARGEST_UNITS, AmountError, parse_amount

__all__ = [
    "ApiView",
    "StrictBoolean",
    "StrictChoice",
    "StrictDecimal",
    "StrictInteger",
    "StrictJSONParser",
    "StrictSerializer",
    "StrictText",
    "combined",
    "envelope",
    "problem_response",
    "read_id",
    "read_limit",
    "read_page",
    "read_whole",
]

# What a client may see on an object but never set.
READ_ONLY = {
    "client_order_id", "created_at", "fees", "filled", "id", "is_staff",
    "is_superuser", "mode", "owner", "realised", "risk_decision", "status", "user", "user_id",
}  # fmt: skip


class ApiView(APIView):
    """A view that takes only the query parameters it names, each at most once.

    `parameters` says what the query may carry, by name and meaning.
    """

    parameters: ClassVar[Mapping[str, str]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self._refuse_query(request)

    def _refuse_query(self, request: Request) -> None:
        raw = request.META.get("QUERY_STRING", "")
        try:
            strict_json.refuse_control(unquote_to_bytes(raw).decode("utf-8"))
        except UnicodeDecodeError:
            raise Problem(400, "query_invalid", "the query is not UTF-8") from None
        for name, values in request.query_params.lists():
            if name not in self.parameters:
                allowed = ", ".join(sorted(self.parameters)) or "none"
                message = f"unknown query parameter {name[:40]!r}; allowed: {allowed}"
                raise Problem(400, "unknown_parameter", message)
            if len(values) > 1:
                message = f"the query parameter {name!r} is given {len(values)} times"
                raise Problem(400, "repeated_parameter", message)

    def body(self, request: Request) -> dict[str, Any]:
        """Return the JSON object of the request; an absent body is an error, not an empty one."""
        data = request.data
        if not isinstance(data, dict) or not request.content_type:
            raise Problem(400, "json_invalid", "a JSON object is expected, the body is empty")
        return data

    def refuse_body(self, request: Request) -> None:
        """Refuse anything but an absent or empty object where no input is taken."""
        if isinstance(request.data, dict) and request.data:
            raise Problem(400, "unknown_field", "nothing is expected in the body")

    def validated(self, serializer: type[serializers.Serializer[Any]], request: Request) -> Any:
        """Return the validated input, or raise a problem that points at each wrong field."""
        checked = serializer(data=self.body(request))
        checked.is_valid(raise_exception=True)
        return checked.validated_data

    def answer(self, body: dict[str, Any], status: int = 200, **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(body, status=status, headers=named)


def combined(origins: Iterable[Provenance]) -> Provenance | None:
    """Return the provenance of a collection: live only if every part is, as old as the oldest."""
    parts = list(origins)
    if not parts:
        return None
    sources = sorted({part.source for part in parts})
    times = [part.as_of_ms for part in parts if part.as_of_ms is not None]
    received = [part.received_at_ms for part in parts if part.received_at_ms is not None]
    return Provenance(
        source=",".join(sources),
        is_live=all(part.is_live for part in parts),
        as_of_ms=min(times, default=None),
        received_at_ms=min(received, default=None),
        is_delayed=any(part.is_delayed for part in parts),
        is_stale=any(part.is_stale for part in parts),
        is_imputed=any(part.is_imputed for part in parts),
    )


def envelope(data: Any, origin: Provenance | None = None, **extra: Any) -> dict[str, Any]:
    """Return what every answer looks like; without an origin it is Mystic's own record."""
    if origin is None:
        own = {"live_data": False, "source": "mystic", "as_of": iso(now_ms())}
        return {"data": data, **own, "timestamp": now_ms(), **extra}
    marks = origin.as_json()
    live = marks.pop("is_live")
    return {"data": data, "live_data": live, "timestamp": now_ms(), **marks, **extra}


def read_limit(request: Request, *, default: int, largest: int) -> int:
    """Return the query's `limit`, in plain digits from 1 to `largest`."""
    text = request.query_params.get("limit", str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= largest:
        raise Problem(400, "limit_invalid", f"limit wants a whole number from 1 to {largest}")
    return int(text)


def read_id(request: Request, name: str) -> int | None:
    """Return an id of the query, or None where it is not given."""
    return _read_whole(request, name, "id_invalid", "the id of a row")


def read_whole(request: Request, name: str) -> int | None:
    """Return a whole number of the query, or None where it is not given."""
    return _read_whole(request, name, "number_invalid", "a whole number")


def _read_whole(request: Request, name: str, code: str, wanted: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > LARGEST_UNITS:
        raise Problem(400, code, f"{name} wants {wanted}")
    return int(text)


def read_page[M: Model](request: Request, found: QuerySet[M]) -> list[M]:
    """Return the rows below the query's `before`, as many as its `limit`: 50, at most 500."""
    before = read_id(request, "before")
    rows = found if before is None else found.filter(pk__lt=before)
    return list(rows[: read_limit(request, default=50, largest=500)])


class StrictSerializer(serializers.Serializer[Any]):
    """Input whose unknown fields are refused, by name."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - set(self.fields) if isinstance(data, Mapping) else set()
        if unknown:
            raise ValidationError({name: [self._refusal(name)] for name in unknown})
        return super().to_internal_value(data)

    def _refusal(self, name: str) -> ErrorDetail:
        if name in READ_ONLY:
            return ErrorDetail("this field cannot be set", "read_only")
        return ErrorDetail("this field is not known", "unknown_field")


@extend_schema_field({"type": "string", "pattern": r"^\d{1,19}(\.\d{1,18})?$", "example": "0.25"})
class StrictDecimal(serializers.Field[Any, Any, Any, Any]):
    """A positive number in plain digits, as text, since a JSON float is not exact."""

    default_error_messages = {
        "use_string": 'give numbers as text in plain digits, such as "0.25"',
        "number_format": 'wants plain digits such as "0.25", at most 19 and 18 places',
        "must_be_positive": "must be greater than zero",
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("use_string")
        try:
            value = parse_amount(data)
        except AmountError:
            self.fail("number_format")
        if value <= 0:
            self.fail("must_be_positive")
        return value

    def to_representation(self, value: Any) -> str:
        return f"{value:f}"


class StrictQuantity(StrictDecimal):
    """A quantity of an instrument's base asset; the step is the order's own check."""


@extend_schema_field({"type": "string"})
class StrictText(serializers.CharField):
    """Text that was given as text: a number or a boolean is not made into one."""

    default_error_messages = {"not_text": "wants text"}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("not_text")
        return super().to_internal_value(data)


class StrictChoice(serializers.ChoiceField):
    """One of a few words; the error lists them."""

    default_error_messages = {"invalid_choice": "{input} is not known; allowed: {allowed}"}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            allowed = ", ".join(str(choice) for choice in self.choices)
            self.fail("invalid_choice", input=repr(data)[:40], allowed=allowed)
        return data


class StrictInteger(serializers.IntegerField):
    """A JSON whole number; text and booleans are refused."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictBoolean(serializers.BooleanField):
    """JSON's true or false and nothing else."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=repr(data)[:40])
        return data
