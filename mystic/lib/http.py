"""Ask an outside service over HTTP: bounded in time and size, errors that say what to do next."""

import asyncio
import logging
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from types import TracebackType
from typing import Any, Protocol, Self, overload
from urllib.parse import urlsplit

import httpx
import msgspec

from mystic.lib.backoff import Backoff

logger = logging.getLogger(__name__)

CONNECT_S = 5.0
READ_S = 12.0
TOTAL_S = 15.0
MAX_BYTES = 8 * 1024 * 1024
TRIES = 3
Params = Sequence[tuple[str, str | int]]


class SourceError(Exception):
    """A service did not give what was asked; `retryable` when a later try may succeed."""

    retryable = True

    @property
    def permanent(self) -> bool:
        return not self.retryable


class Unreachable(SourceError):  # noqa: N818  the policy is the name
    """No answer: network, time-out, cut or a 5xx; a GET may be repeated at once."""


class Insecure(SourceError):  # noqa: N818  the policy is the name
    """The service could not prove who it is; never ignored."""


class Malformed(SourceError):  # noqa: N818  the policy is the name
    """An answer that is not what the service documents: HTML, wrong shape, too large."""


class RateLimited(SourceError):  # noqa: N818  the policy is the name
    """The service, or our own budget for it, wants silence for `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float | None, is_ban: bool) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.is_ban = is_ban


class Blocked(SourceError):  # noqa: N818  the policy is the name
    """The service refuses this place or this client (451, firewall); another source is wanted."""

    retryable = False


class Refused(SourceError):  # noqa: N818  the policy is the name
    """The request itself is wrong (4xx); repeating it changes nothing."""

    retryable = False

    def __init__(self, message: str, *, status: int = 0, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ApiError(msgspec.Struct):
    """The error body that many services share."""

    code: int | None = None
    msg: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Gate(Protocol):
    """What stands before each try and hears of each answer: a rate budget."""

    async def admit(self) -> None: ...

    def heard(self, status: int, headers: Mapping[str, str]) -> None: ...

    def limited(self, retry_after_s: float | None, *, is_ban: bool) -> None: ...


def retry_after_s(headers: Mapping[str, str], *, wall_s: float) -> float | None:
    """Return the seconds of a Retry-After header, which may be a number or an HTTP date.

    A date is measured against the server's own Date header, so that our clock may be wrong.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        until = parsedate_to_datetime(text).timestamp()
        sent = headers.get("date")
        base = parsedate_to_datetime(sent).timestamp() if sent else wall_s
    except ValueError:
        return None
    return max(0.0, until - base)


def _error_of(answer: Answer, where: str) -> SourceError | None:
    """Return the error that an answer stands for, None for a good one."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status in {418, 429}:
        wait = retry_after_s(answer.headers, wall_s=time.time())
        message = f"{where} answered {status}: too many requests"
        return RateLimited(message, retry_after_s=wait, is_ban=status == 418)
    if status in {403, 451} or b"restricted location" in answer.body[:2000]:
        return Blocked(f"{where} answered {status}: it refuses this place or this client")
    if status >= 500:
        return Unreachable(f"{where} answered {status}")
    if 300 <= status < 400:
        return Malformed(f"{where} answered {status}: redirects are not followed")
    return _refusal(answer, where)


def _refusal(answer: Answer, where: str) -> Refused:
    try:
        told = msgspec.json.decode(answer.body, type=ApiError)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = ApiError()
    about = f": {told.msg[:200]} ({told.code})" if told.code is not None else ""
    message = f"{where} answered {answer.status}{about}"
    return Refused(message, status=answer.status, code=told.code)


def _is_tls_fault(fault: BaseException | None) -> bool:
    while fault is not None:
        if isinstance(fault, ssl.SSLError):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


@cache
def trusted() -> ssl.SSLContext:
    """Return what all clients check certificates with; to read the authorities takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


class HttpClient:
    """A client of one base address; use it on one event loop and close it."""

    def __init__(
        self,
        base_url: str,
        *,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        total_s: float = TOTAL_S,
        max_bytes: int = MAX_BYTES,
        backoff_base_s: float = 0.5,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.total_s = total_s
        self.max_bytes = max_bytes
        self._backoff_base_s = backoff_base_s
        parts = urlsplit(self.base_url)
        self._host = parts.netloc.rpartition("@")[2]
        self._base_path = parts.path
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(read_s, connect=connect_s),
            follow_redirects=False,
            trust_env=False,
            verify=trusted(),
            auth=auth,
            headers={"User-Agent": "Mystic", "Accept": "application/json", **(headers or {})},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def get(self, path: str, params: Params = (), *, gate: Gate | None = None) -> Answer:
        """Return the answer to a GET, tried up to three times within the time budget.

        Raises
        ------
        SourceError
            The narrowest kind of it; only `Unreachable` was repeated.
        """
        backoff = Backoff(base_s=self._backoff_base_s)
        left_s = self.total_s
        for tries_left in reversed(range(TRIES)):
            if gate is not None:
                await gate.admit()
            begun = time.monotonic()
            try:
                return await self._once(path, params, gate, left_s)
            except Unreachable:
                delay_s = backoff.next_delay_s()
                left_s -= time.monotonic() - begun + delay_s
                if tries_left == 0 or left_s <= 0:
                    raise
                await asyncio.sleep(delay_s)
        message = f"{self._host}{self._base_path}{path} was not asked"
        raise Unreachable(message)

    @overload
    async def get_json[T](
        self, path: str, params: Params = ..., *, type: type[T], gate: Gate | None = ...
    ) -> T: ...

    @overload
    async def get_json(
        self, path: str, params: Params = ..., *, type: Any = ..., gate: Gate | None = ...
    ) -> Any: ...

    async def get_json(
        self,
        path: str,
        params: Params = (),
        *,
        type: Any = Any,  # noqa: A002  the word msgspec uses
        gate: Gate | None = None,
    ) -> Any:
        """Return the answer to a GET decoded as `type`; quoted numbers are read as numbers."""
        answer = await self.get(path, params, gate=gate)
        try:
            return msgspec.json.decode(answer.body, type=type, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            message = f"{self._host}{self._base_path}{path} gave no valid data: {fault}"
            raise Malformed(message) from None

    def error_of(self, answer: Answer, where: str) -> SourceError | None:
        """Return the error that an answer stands for, None for a good one."""
        return _error_of(answer, where)

    async def _once(self, path: str, params: Params, gate: Gate | None, seconds: float) -> Answer:
        where = f"{self._host}{self._base_path}{path}"
        try:
            async with asyncio.timeout(seconds):
                answer = await self._fetch(path, params)
        except TimeoutError:
            raise Unreachable(f"{where} gave no whole answer in {seconds:.0f} s") from None
        except httpx.TransportError as fault:
            if _is_tls_fault(fault):
                raise Insecure(f"{where} has no valid certificate") from None
            raise Unreachable(f"{where}: {type(fault).__name__}") from None
        except (httpx.InvalidURL, httpx.DecodingError) as fault:
            raise Malformed(f"{where}: {type(fault).__name__}") from None
        logger.debug("GET", extra={"where": where, "status": answer.status})
        if gate is not None:
            gate.heard(answer.status, answer.headers)
        error = self.error_of(answer, where)
        if isinstance(error, RateLimited) and gate is not None:
            gate.limited(error.retry_after_s, is_ban=error.is_ban)
        if error is not None:
            raise error
        return answer

    async def _fetch(self, path: str, params: Params) -> Answer:
        url = f"{self.base_url}{path}"
        async with self._client.stream("GET", url, params=list(params)) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self.max_bytes:
                    message = (
                        f"{self._host}{self._base_path}{path} sent over {self.max_bytes} bytes"
                    )
                    raise Malformed(message)
            return Answer(response.status_code, response.headers, bytes(body))
