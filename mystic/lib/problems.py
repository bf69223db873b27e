"""The one error shape of the API: RFC 9457 problem details with a stable code."""

import uuid
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, JsonResponse, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from mystic.lib.strict_json import StrictJSONError

CONTENT_TYPE = "application/problem+json"
CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}


class Problem(exceptions.APIException):
    """A refusal with its status, its stable code and a sentence for a person."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.code = code
        self.errors = errors or []
        self.headers = headers or {}
        self.extra = extra


def error(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def request_id(request: HttpRequest) -> str:
    """Return the id of this request, made at the first call."""
    found: str | None = getattr(request, "request_id", None)
    if found is None:
        found = uuid.uuid4().hex
        request.request_id = found  # type: ignore[attr-defined]
    return found


def document(
    request: HttpRequest,
    status: int,
    code: str,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """Return the members of a problem document."""
    return {
        "type": f"urn:mystic:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
        "request_id": request_id(request),
        "errors": errors or [],
        **extra,
    }


def django_response(request: HttpRequest, status: int, code: str, detail: str) -> JsonResponse:
    """Return a problem outside of a REST view, where Django itself refused."""
    body = document(request, status, code, detail)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def problem_response(fault: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into a problem; None lets an unforeseen fault become a 500."""
    known = _as_api_exception(fault)
    response = exception_handler(known, context)
    if response is None:
        return None
    request = getattr(context["request"], "_request", context["request"])
    if isinstance(known, Problem):
        body = document(
            request, known.status_code, known.code, str(known.detail), known.errors, **known.extra
        )
        for name, value in known.headers.items():
            response[name] = value
    elif isinstance(known, exceptions.ValidationError):
        body = _validation(request, known)
    else:
        body = document(request, response.status_code, _code(known), _sentence(response.data))
    response.data = body
    response.content_type = CONTENT_TYPE
    return response


def _as_api_exception(fault: Exception) -> Exception:
    if isinstance(fault, StrictJSONError):
        status = 413 if fault.code == "too_large" else 400
        errors = [error(fault.pointer, fault.code, fault.detail)]
        return Problem(status, fault.code, fault.detail, errors=errors)
    if isinstance(fault, RequestDataTooBig):
        return Problem(413, "too_large", "the body is too large")
    if isinstance(fault, OperationalError):
        detail = "the database does not answer now; nothing was written"
        return Problem(503, "unavailable", detail, headers={"Retry-After": "5"})
    if isinstance(fault, SuspiciousOperation | UnreadablePostError):
        return Problem(400, "bad_request", "the request could not be read")
    return fault


def _code(fault: Exception) -> str:
    status = getattr(fault, "status_code", None)
    detail = getattr(fault, "detail", None)
    given = getattr(detail, "code", None)
    if status == 403 and str(detail).startswith("CSRF Failed"):
        return "csrf"
    if isinstance(fault, exceptions.Throttled) or given in {None, "error", "parse_error"}:
        given = None
    return given or CODES.get(status or 404, "not_found")


def _sentence(data: Any) -> str:
    return str(data.get("detail", "")) if isinstance(data, dict) else str(data)


def _validation(request: HttpRequest, fault: exceptions.ValidationError) -> dict[str, Any]:
    errors = list(_walk(fault.detail, ""))
    codes = {item["code"] for item in errors}
    code = codes.pop() if len(codes) == 1 else "invalid"
    detail = errors[0]["detail"] if len(errors) == 1 else f"{len(errors)} fields are wrong"
    return document(request, 400, code, detail, errors)


def _walk(detail: Any, pointer: str) -> Any:
    """Yield one error per leaf of DRF's nested detail, with its JSON pointer."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            step = "" if key == "non_field_errors" else f"/{key}"
            yield from _walk(inner, pointer + step)
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            is_leaf = isinstance(inner, str)
            yield from _walk(inner, pointer if is_leaf else f"{pointer}/{number}")
    else:
        yield error(pointer, getattr(detail, "code", "invalid"), str(detail))
