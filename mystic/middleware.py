"""Make every error below the API's paths a problem document, also those Django makes itself."""

import logging

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from mystic.lib.problems import CODES, CONTENT_TYPE, django_response, request_id

log = logging.getLogger(__name__)

PREFIXES = ("/api/", "/metrics")
SECRET_PARAMETERS = {"token", "key", "api_key", "apikey", "access_token", "auth", "authorization"}
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
SENTENCES = {
    400: "the request could not be understood",
    403: "this is not allowed",
    404: "there is nothing at this address",
    405: "this method is not allowed here",
    413: "the body is too large",
    500: "something failed here; the request id finds it in the log",
}


class ApiProblems(MiddlewareMixin):
    """Guard the API's paths; it stands first, so that it sees every refusal."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        if not request.path_info.startswith(PREFIXES):
            return None
        if any(name.lower() in SECRET_PARAMETERS for name in request.GET):
            from mystic.authentication import revoke_leaked

            revoke_leaked(value for values in request.GET.lists() for value in values[1])
            detail = "a token in an address is written to logs; it was revoked, use a header"
            return django_response(request, 400, "token_in_url", detail)
        return None

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        if not request.path_info.startswith(PREFIXES):
            return None
        number = request_id(request)
        log.error("request %s failed", number, exc_info=exception, extra={"request_id": number})
        return django_response(request, 500, "internal_error", SENTENCES[500])

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIXES):
            return response
        if response.status_code >= 400 and response["Content-Type"] != CONTENT_TYPE:
            response = self._problem(request, response)
        response["X-Request-ID"] = request_id(request)
        if "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"  # prices and accounts are of this moment
        return response

    def _problem(self, request: HttpRequest, refused: HttpResponseBase) -> HttpResponseBase:
        status = refused.status_code
        detail = SENTENCES.get(status, refused.reason_phrase)
        made = django_response(request, status, CODES.get(status, "error"), detail)
        for name in KEPT_HEADERS:
            if name in refused:
                made[name] = refused[name]
        return made
