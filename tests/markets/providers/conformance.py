"""The faults that every REST adapter meets, and what it must make of them.

How an adapter joins: add `tests/markets/providers/cases/<name>.py` with

    CASES = (
        Case(
            name="binance klines",              # shown in the test's name: run one with -k
            server=healthy,                     # returns a VenueServer (tests/servers.py) with data
            make=make,                          # (base address, patience in s) -> adapter
            ask=lambda rest: rest.klines(...),  # one request whose healthy answer is not empty
            path="/api/v3/klines",              # where the faults are put
        ),
    )

`make` builds its client with `quick_client(url, patience_s)`, so that the tests need no minute.
The first case of a module meets every fault, the others those of the body's shape. A venue that
means something else by a status says so in `statuses`; a rule that cannot hold for an adapter is
named in `without`, with the reason in a comment. Run one adapter with

    python -m pytest tests/markets/providers/test_conformance.py -k binance
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mystic.lib.http import Blocked, HttpClient, Malformed, SourceError, Unreachable
from tests.servers import HTML, VenueServer

# What the silence of a source costs a test; a healthy answer has `PATIENT_S`.
BRIEF_S = 0.4
PATIENT_S = 10.0
LARGEST_BODY = 300_000


@dataclass(frozen=True, slots=True)
class Case:
    """One request of one adapter; see the head of this module."""

    name: str
    server: Callable[[], VenueServer]
    make: Callable[[str, float], Any]
    ask: Callable[[Any], Awaitable[Any]]
    path: str
    statuses: Mapping[int, type[SourceError]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Expected:
    """One fault and the error it becomes; `tries` is how often it was asked, None is not checked.

    `makes` changes the healthy body where the fault is a wrong body.
    """

    name: str
    error: type[SourceError]
    kind: str = "answer"
    status: int = 200
    makes: Callable[[bytes], bytes] | None = None
    tries: int | None = 1
    patience_s: float = PATIENT_S


def _spoilt(leaf: Any) -> Callable[[bytes], bytes]:
    """Return what puts `leaf` in the place of every value of a body."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner) for inner in value]
        return leaf

    return lambda body: json.dumps(walk(json.loads(body))).encode()


REFUSALS = (
    Expected("451", Blocked, status=451),
    Expected("403", Blocked, status=403),
)
BROKEN = (
    Expected("500 for ever", Unreachable, status=500, tries=3),
    Expected("html", Malformed, makes=lambda body: HTML),
    Expected("no body", Malformed, makes=lambda body: b""),
    Expected("truncated", Malformed, makes=lambda body: body[: len(body) // 2]),
    Expected("not utf-8", Malformed, makes=lambda body: b"\xff\xfe" + body),
    Expected("huge", Malformed, kind="huge"),
    Expected("drip", Unreachable, kind="drip", tries=None, patience_s=BRIEF_S),
    Expected("silence", Unreachable, kind="silence", tries=None, patience_s=BRIEF_S),
    Expected("reset", Unreachable, kind="reset", tries=3),
    Expected("cut", Unreachable, kind="cut", tries=3),
    Expected("closed", Unreachable, kind="close", tries=3),
)
# A body of another shape is an error, or an answer without any value; never an invented one.
HOLLOW: Mapping[str, Callable[[bytes], bytes]] = {
    "an empty object": lambda body: b"{}",
    "an empty list": lambda body: b"[]",
    "null": lambda body: b"null",
    "a word": lambda body: b'"ok"',
    "every value null": _spoilt(None),
    "every value an object": _spoilt({"what": []}),
    "every value a word": _spoilt("soon"),
    "every value nan": _spoilt("NaN"),
    "every value negative": _spoilt(-1),
    "truncated": lambda body: body[: len(body) // 2],
}


def quick_client(url: str, patience_s: float, **more: Any) -> HttpClient:
    """Return a client that repeats at once and gives up after `patience_s`."""
    return HttpClient(url, total_s=patience_s, backoff_base_s=0.01, max_bytes=LARGEST_BODY, **more)


async def healthy_body(case: Case, server: VenueServer) -> tuple[Any, bytes]:
    """Return what the adapter makes of the healthy answer, and the body of that answer."""
    rest = case.make(server.rest_url, PATIENT_S)
    try:
        value = await case.ask(rest)
    finally:
        await rest.aclose()
    asked = server.asked(case.path)
    assert asked, f"{case.name} never asked {case.path}"
    _, answer, _ = server.answer(case.path, asked[-1].query)
    server.requests.clear()
    return value, json.dumps(answer).encode()
