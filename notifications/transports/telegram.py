"""Telegram's Bot API over plain HTTP: what is sent, and what each refusal means.

The token is part of every address, so no address, exception or log line of the HTTP client ever
leaves this module.
"""

import functools
import html
import random
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
from django.conf import settings

from notifications.message import Message
from notifications.transports.errors import (
    PermanentError,
    TemporaryError,
    TransportError,
    UnknownOutcomeError,
)
from notifications.transports.pace import Pace

TEXT_LIMIT = 4096
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
TOKEN_REFUSED_WAIT_S = 300.0
DEFAULT_RETRY_AFTER_S = 5.0
pace = Pace("telegram")


@dataclass(frozen=True, slots=True)
class Bot:
    """Whose voice we speak with, and where its API stands."""

    token: str = field(repr=False)
    base: str

    @property
    def bot_id(self) -> str:
        """The public half of the token."""
        return self.token.partition(":")[0][:20]

    def address(self, method: str) -> str:
        return f"{self.base}/bot{self.token}/{method}"


class BotRefusedError(Exception):
    """Raised when Telegram answers "not ok"; holds its code and words."""

    def __init__(self, code: int, description: str, retry_after_s: float | None) -> None:
        super().__init__(f"Telegram answered {code}: {description}")
        self.code = code
        self.description = description.lower()
        self.retry_after_s = retry_after_s


class BotSilentError(Exception):
    """Raised when no readable answer came; `is_unsent` when the request surely never arrived."""

    def __init__(self, reason: str, *, is_unsent: bool, is_time_out: bool = False) -> None:
        super().__init__(reason)
        self.is_unsent = is_unsent
        self.is_time_out = is_time_out


def configured_bot() -> Bot | None:
    """Return the bot of the settings, or None where no token is set."""
    token = settings.ENV["TELEGRAM_BOT_TOKEN"]
    return Bot(token=token, base=settings.ENV["TELEGRAM_API_BASE"]) if token else None


def answer_read(response: httpx.Response) -> Any:
    """Return `result` of an answer.

    Raises
    ------
    BotRefusedError, BotSilentError
        If Telegram refused, or if what answered does not speak like Telegram.
    """
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("ok"), bool):
        reason = f"Telegram gave no readable answer ({response.status_code})"
        raise BotSilentError(reason, is_unsent=False)
    if answer["ok"]:
        return answer.get("result")
    code = answer.get("error_code")
    parameters = answer.get("parameters")
    retry_after = parameters.get("retry_after") if isinstance(parameters, dict) else None
    raise BotRefusedError(
        code if isinstance(code, int) else response.status_code,
        str(answer.get("description", ""))[:200],
        float(retry_after) if isinstance(retry_after, int | float) else None,
    )


def silence_of(fault: httpx.HTTPError) -> BotSilentError:
    """Return what a failure of the HTTP client means, without its words: they hold the address."""
    name = type(fault).__name__
    if isinstance(fault, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return BotSilentError(f"Telegram cannot be reached ({name})", is_unsent=True)
    return BotSilentError(
        f"Telegram did not answer ({name})",
        is_unsent=False,
        is_time_out=isinstance(fault, httpx.TimeoutException),
    )


@functools.cache
def _client() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT)


def call(bot: Bot, method: str, parameters: dict[str, Any]) -> Any:
    """Call one method of the API and return its result."""
    try:
        response = _client().post(bot.address(method), json=parameters)
    except httpx.HTTPError as fault:
        raise silence_of(fault) from None
    return answer_read(response)


def send(message: Message, *, bot: Bot) -> None:
    """Send one message to a private chat.

    Raises
    ------
    TemporaryError, UnknownOutcomeError, PermanentError
        As the table of `docs/alerts.md` says.
    """
    try:
        text_send(bot, message.address, formatted(message))
    except BotRefusedError as refusal:
        if "parse entities" not in refusal.description:
            raise _failure_of(refusal) from None
        _send_plain(message, bot)
    except BotSilentError as silence:
        raise _failure_of_silence(silence) from None


def _send_plain(message: Message, bot: Bot) -> None:
    try:
        text_send(bot, message.address, unformatted(message), is_html=False)
    except BotRefusedError as refusal:
        raise _failure_of(refusal) from None
    except BotSilentError as silence:
        raise _failure_of_silence(silence) from None


def text_send(bot: Bot, chat: str, text: str, *, is_html: bool = True) -> None:
    parameters: dict[str, Any] = {
        "chat_id": int(chat),
        "text": text,
        "link_preview_options": {"is_disabled": True},
    }
    if is_html:
        parameters["parse_mode"] = "HTML"
    call(bot, "sendMessage", parameters)


def formatted(message: Message) -> str:
    """Return the message in Telegram's HTML, where only `& < >` mean anything."""
    lines = (
        f"<b>{_escaped(message.marked_title)}</b>",
        _escaped(message.body),
        _escaped(message.url),
        f"<i>{_escaped(message.origin)} · {_escaped(message.code)}</i>",
    )
    return "\n".join(line for line in lines if line)


def unformatted(message: Message) -> str:
    lines = (message.marked_title, message.body, message.url, f"{message.origin} · {message.code}")
    return "\n".join(line for line in lines if line)[:TEXT_LIMIT]


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _failure_of(refusal: BotRefusedError) -> TransportError:
    if refusal.code == HTTPStatus.TOO_MANY_REQUESTS:
        delay_s = (refusal.retry_after_s or DEFAULT_RETRY_AFTER_S) + random.uniform(0.1, 1.0)  # noqa: S311  jitter
        pace.hold(delay_s)
        return TemporaryError("Telegram asks us to slow down", retry_after_s=delay_s)
    if refusal.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}:
        pace.hold(TOKEN_REFUSED_WAIT_S)
        return TemporaryError(
            "Telegram refuses the token of the bot", retry_after_s=TOKEN_REFUSED_WAIT_S
        )
    if refusal.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnknownOutcomeError(f"Telegram answered {refusal.code}")
    is_dead = refusal.code == HTTPStatus.FORBIDDEN or any(
        words in refusal.description
        for words in ("chat not found", "upgraded to a supergroup", "can't initiate conversation")
    )
    return PermanentError(_reason(refusal), is_channel_dead=is_dead)


def _reason(refusal: BotRefusedError) -> str:
    if "blocked" in refusal.description:
        return "the bot was blocked in the chat"
    if "deactivated" in refusal.description:
        return "the Telegram account is closed"
    if "chat not found" in refusal.description:
        return "the chat does not exist any more"
    return f"Telegram refused the message ({refusal.code})"


def _failure_of_silence(silence: BotSilentError) -> TransportError:
    if silence.is_unsent:
        return TemporaryError(str(silence))
    return UnknownOutcomeError(str(silence), repeats=1 if silence.is_time_out else 5)
