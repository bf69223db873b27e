"""Ask a service that wants a key: the key stays in headers, refusals say what the plan lacks."""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from mystic.lib.http import (
    Answer,
    Blocked,
    Gate,
    HttpClient,
    Malformed,
    Params,
    RateLimited,
    Refused,
    SourceError,
)

MINUTE_S = 60


class PlanLacks(Blocked):
    """The plan of this key does not include what was asked; asking again changes nothing."""


class _Told(msgspec.Struct):
    message: str = ""
    error: str = ""


def reset_wait_s(headers: Mapping[str, str], *, wall_s: float) -> float | None:
    """Return the seconds until X-RateLimit-Reset (Unix seconds), by the server's own clock."""
    text = headers.get("x-ratelimit-reset", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        return None
    now_ms = date_ms(headers)
    now_s = wall_s if now_ms is None else now_ms / 1000
    return max(0.0, int(text) - now_s)


def date_ms(headers: Mapping[str, str]) -> int | None:
    """Return the Date header, UTC epoch milliseconds; None where there is none."""
    try:
        return int(parsedate_to_datetime(headers["date"]).timestamp() * 1000)
    except (KeyError, ValueError, OverflowError):
        return None


class KeyedClient(HttpClient):
    """A client that sends key headers and never shows them.

    Parameters
    ----------
    secrets : mapping
        Header names and values that are sent with each request.
    settings : str
        The names of the settings that hold the key, for the sentence of a refusal.
    wait_s : callable, optional
        Reads from a 429's headers how long to be silent, where Retry-After is not used.
    limits
        What `HttpClient` takes.
    """

    def __init__(
        self,
        base_url: str,
        *,
        secrets: Mapping[str, str],
        settings: str,
        wait_s: Callable[..., float | None] | None = None,
        **limits: Any,
    ) -> None:
        super().__init__(base_url, headers=secrets, **limits)
        self._hidden = [word for value in secrets.values() for word in value.split() if word]
        self._settings = settings
        self._wait_s = wait_s

    def error_of(self, answer: Answer, where: str) -> SourceError | None:
        """Name the error as the keyed services mean it: 401 the key, 403 the plan."""
        error = super().error_of(answer, where)
        if error is None:
            return None
        status, told = answer.status, self._told(answer.body)
        about = f": {told}" if told else ""
        if status == 401:
            message = f"{where} does not accept the key{about}; check {self._settings}"
            return Refused(message, status=401)
        if status == 403:
            hint = "another plan or another source is wanted"
            return PlanLacks(f"{where} is not part of this key's plan{about}; {hint}")
        if isinstance(error, RateLimited) and error.retry_after_s is None and self._wait_s:
            wait_s = self._wait_s(answer.headers, wall_s=time.time())
            return RateLimited(str(error), retry_after_s=wait_s, is_ban=error.is_ban)
        if isinstance(error, Refused):
            return Refused(f"{where} answered {status}{about}", status=status)
        return error

    async def get_timed(
        self,
        path: str,
        params: Params,
        *,
        type: Any,  # noqa: A002  the word msgspec uses
        gate: Gate | None = None,
    ) -> tuple[Any, int | None]:
        """Return the decoded answer and a moment not later than that of its data.

        The moment is the answer's Date header less the time that the request took, UTC epoch
        milliseconds: what had ended then was complete. None where the header is missing.
        """
        begun = time.monotonic()
        answer = await self.get(path, params, gate=gate)
        took_ms = int((time.monotonic() - begun) * 1000) + 1
        told_ms = date_ms(answer.headers)
        try:
            value = msgspec.json.decode(answer.body, type=type, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise Malformed(f"{self._host}{path} gave no valid data: {fault}") from None
        return value, None if told_ms is None else told_ms - took_ms

    def _told(self, body: bytes) -> str:
        """Return the service's own words, on one line and without our key."""
        try:
            told = msgspec.json.decode(body[:4000], type=_Told)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return ""
        text = " ".join((told.message or told.error).split())
        for word in self._hidden:
            text = text.replace(word, "***")
        return text[:200]


class NextMinuteGate:
    """A gate that takes a 429 without a hint as `wait until the next minute begins`."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def admit(self) -> None:
        await self._gate.admit()

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        self._gate.heard(status, headers)

    def limited(self, retry_after_s: float | None, *, is_ban: bool) -> None:
        if retry_after_s is None:
            retry_after_s = MINUTE_S - time.time() % MINUTE_S + 1
        self._gate.limited(retry_after_s, is_ban=is_ban)
