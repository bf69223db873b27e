"""Ask Yahoo for others: one JSON line in, one JSON line out.

    python -m markets.providers.yahoo.worker BASE_URL CACHE_FOLDER

`yfinance` knows the cookies, the crumb and the TLS that Yahoo wants, but its import costs seconds
and over 100 MB, so it lives here, in a child that ends with its standard input. An empty BASE_URL
is Yahoo itself; any other address gets every request of every Yahoo host instead.

A request is {"id", "path", "params", "needs_crumb", "timeout_s"}; an answer is {"id", "status",
"text"} or {"id", "fault", "message"} with the fault `rate_limited`, `unreachable`, `insecure`
or `failed`. The first line that is written is {"id": 0}: ready.
"""

import json
import logging
import os
import sys
import warnings
from typing import Any, TextIO
from urllib.parse import urlsplit, urlunsplit

QUERY_1 = "https://query1.finance.yahoo.com"
QUERY_2 = "https://query2.finance.yahoo.com"


def _rerouted(base_url: str) -> Any:
    """Return a session that asks `base_url` whatever Yahoo host is meant."""
    import requests  # noqa: TID251  what yfinance speaks through; nothing else here does
    from requests.adapters import HTTPAdapter  # noqa: TID251

    target = urlsplit(base_url)

    class Reroute(HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            asked = urlsplit(request.url)
            path = target.path.rstrip("/") + asked.path
            request.url = urlunsplit((target.scheme, target.netloc, path, asked.query, ""))
            return super().send(request, *args, **kwargs)

    session = requests.Session()
    session.trust_env = False
    session.mount("https://", Reroute())
    return session


def open_data(base_url: str, cache: str) -> Any:
    """Return yfinance's client."""
    warnings.simplefilter("ignore")
    import yfinance
    from yfinance.data import YfData

    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    yfinance.config.debug.hide_exceptions = False
    yfinance.set_tz_cache_location(cache)
    return YfData(session=_rerouted(base_url) if base_url else None)


def ask(data: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one request; a fault is an answer too."""
    path, timeout_s = str(request["path"]), float(request["timeout_s"])
    host = QUERY_1 if path.startswith("/v7/finance/quote") else QUERY_2
    try:
        if request["needs_crumb"]:
            # Without this yfinance goes on without a crumb after a 429 and is refused instead.
            data._get_cookie_and_crumb(timeout_s)  # noqa: SLF001
        answer = data.get(url=host + path, params=request["params"], timeout=timeout_s)
    except Exception as fault:  # noqa: BLE001  of any package below; the caller learns its kind
        return {"fault": kind_of(fault), "message": f"{type(fault).__name__}: {fault}"[:300]}
    return {"status": int(answer.status_code), "text": answer.text}


def kind_of(fault: BaseException) -> str:
    """Return which of our words fits an exception of yfinance, requests or curl_cffi."""
    names = {kind.__name__ for kind in type(fault).__mro__}
    if names & {"YFRateLimitError"}:
        return "rate_limited"
    if names & {"SSLError", "CertificateVerifyError", "SSLCertVerificationError"}:
        return "insecure"
    if names & {"RequestException", "ConnectionError", "Timeout", "TimeoutError", "OSError"}:
        return "unreachable"
    return "failed"


def serve(data: Any, lines: TextIO, out: TextIO) -> None:
    """Answer line by line until the input ends."""
    _write(out, {"id": 0})
    for line in lines:
        request = json.loads(line)
        _write(out, {"id": request["id"], **ask(data, request)})


def _write(out: TextIO, answer: dict[str, Any]) -> None:
    out.write(json.dumps(answer) + "\n")
    out.flush()


def main() -> None:
    # Whatever a package prints must not get between our lines.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(open_data(sys.argv[1], sys.argv[2]), sys.stdin, out)


if __name__ == "__main__":
    main()
