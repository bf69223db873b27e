"""Ask Telegram for updates by long polling, in a thread with a loop of its own.

An update is acknowledged by asking for the next one, which happens only after its work is
committed; one that comes again after a crash is known by its number. One that cannot be worked
off is tried three times and then passed over: those behind it wait.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
from django.db import Error, InterfaceError, OperationalError, close_old_connections

from mystic.lib.backoff import Backoff
from notifications.models import BotState
from notifications.telegram.updates import (
    Reply,
    next_offset,
    number_of,
    update_pass_over,
    update_work_off,
)
from notifications.transports.telegram import (
    Bot,
    BotRefusedError,
    BotSilentError,
    answer_read,
    silence_of,
    text_send,
)

log = logging.getLogger(__name__)
POLL_S = 50
TIMEOUT = httpx.Timeout(POLL_S + 10.0, connect=5.0)
CONFLICT_WAIT_S = 30.0
TOKEN_REFUSED_WAIT_S = 300.0
MOST_TRIES = 3
ALLOWED_UPDATES = ["message", "my_chat_member"]


class TelegramPoller:
    """Reads what people say to the bot while it runs; one for each token, or Telegram refuses."""

    def __init__(
        self,
        bot: Bot,
        *,
        poll_s: int = POLL_S,
        conflict_wait_s: float = CONFLICT_WAIT_S,
        first_delay_s: float = 1.0,
    ) -> None:
        self._bot = bot
        self._poll_s = poll_s
        self._conflict_wait_s = conflict_wait_s
        self._backoff = Backoff(base_s=first_delay_s, cap_s=60.0)
        self._is_answered = False
        self._failing: int | None = None
        self._tries = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._is_ready = threading.Event()

    def start(self) -> None:
        """Begin to poll in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="telegram-poller", daemon=True)
        self._thread.start()
        self._is_ready.wait(timeout=5)

    def stop(self) -> None:
        """End at once: a poll that waits is given up, an update being worked off is finished."""
        if self._loop is not None and self._task is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except asyncio.CancelledError:
            log.debug("the Telegram poller was stopped")

    async def _main(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._is_ready.set()
        async with httpx.AsyncClient(timeout=TIMEOUT) as client:
            delay_s = 0.0
            # Ends by being cancelled.
            while delay_s >= 0:
                delay_s = await self._round(client)
                await asyncio.sleep(delay_s)

    async def _round(self, client: httpx.AsyncClient) -> float:
        """Fetch and work off one batch; return how long to wait before the next."""
        try:
            state = await _in_thread(self._state)
            if not state.username:
                await self._introduce(client)
            updates = await self._updates(client, next_offset(state))
            for update in updates:
                if not await self._is_settled(update):
                    return self._backoff.next_delay_s()
        except BotRefusedError as refusal:
            return await self._after_refusal(refusal)
        except BotSilentError as silence:
            return await self._after_failure("unreachable", str(silence))
        except Error:
            log.exception("an update of the bot could not be written")
            return self._backoff.next_delay_s()
        except Exception as fault:  # noqa: BLE001  the bot's only ear: nothing may end it for good
            # Without the traceback, which might hold the token.
            log.error("the Telegram poller failed (%s), it goes on", type(fault).__name__)  # noqa: TRY400
            return self._backoff.next_delay_s()
        self._is_answered = True
        self._backoff.succeeded()
        if state.state != "listening":
            await self._note("listening", "")
        return 0.0

    async def _is_settled(self, update: Any) -> bool:
        """Work an update off and answer; return whether the next one may have its turn."""
        try:
            reply = await _in_thread(update_work_off, self._bot.bot_id, update)
        except (OperationalError, InterfaceError):
            # The database is away: that is no fault of the update.
            raise
        except Exception as fault:
            number = number_of(update)
            if number is None:
                raise
            return await self._after_fault(number, fault)
        await self._answer(reply)
        return True

    async def _after_fault(self, number: int, fault: Exception) -> bool:
        """Count an update's failures; pass it over after the last try, and say so once."""
        self._tries = self._tries + 1 if number == self._failing else 1
        self._failing = number
        if self._tries < MOST_TRIES:
            return False
        await _in_thread(update_pass_over, self._bot.bot_id, number)
        # Neither the text, which might hold a code, nor the traceback.
        kind = type(fault).__name__
        log.error(
            "update %d of the bot failed %d times (%s): passed over", number, MOST_TRIES, kind
        )
        return True

    def _state(self) -> BotState:
        return BotState.objects.get_or_create(bot_id=self._bot.bot_id)[0]

    async def _introduce(self, client: httpx.AsyncClient) -> None:
        """Learn the bot's name, which links to it need."""
        me = await self._call(client, "getMe", {})
        name = me.get("username") if isinstance(me, dict) else None
        if isinstance(name, str):
            bots = BotState.objects.filter(bot_id=self._bot.bot_id)
            await _in_thread(lambda: bots.update(username=name[:64]))

    async def _updates(self, client: httpx.AsyncClient, offset: int | None) -> list[Any]:
        # The first time without waiting, so that the status page soon says that the bot listens.
        timeout_s = self._poll_s if self._is_answered else 0
        parameters: dict[str, Any] = {"timeout": timeout_s, "allowed_updates": ALLOWED_UPDATES}
        if offset is not None:
            parameters["offset"] = offset
        result = await self._call(client, "getUpdates", parameters)
        return result if isinstance(result, list) else []

    async def _call(
        self, client: httpx.AsyncClient, method: str, parameters: dict[str, Any]
    ) -> Any:
        try:
            response = await client.post(self._bot.address(method), json=parameters)
        except httpx.HTTPError as fault:
            raise silence_of(fault) from None
        return answer_read(response)

    async def _answer(self, reply: Reply | None) -> None:
        """Answer in the chat; the work is committed, so an answer that is lost loses nothing."""
        if reply is None:
            return
        try:
            await asyncio.to_thread(text_send, self._bot, reply.chat, reply.text, is_html=False)
        except (BotRefusedError, BotSilentError) as fault:
            log.warning("an answer of the bot did not get through: %s", fault)

    async def _after_refusal(self, refusal: BotRefusedError) -> float:
        if refusal.code == HTTPStatus.CONFLICT:
            await self._after_failure("conflict", "another poller or a webhook uses this bot")
            return self._conflict_wait_s
        if refusal.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}:
            await self._after_failure("refused", "Telegram refuses the token")
            return TOKEN_REFUSED_WAIT_S
        delay_s = await self._after_failure("unreachable", str(refusal))
        return refusal.retry_after_s or delay_s

    async def _after_failure(self, state: str, detail: str) -> float:
        await self._note(state, detail)
        return self._backoff.next_delay_s()

    async def _note(self, state: str, detail: str) -> None:
        """Keep for the status page how the bot does, and say it once in the log."""
        bots = BotState.objects.filter(bot_id=self._bot.bot_id)
        changed = bots.exclude(state=state, detail=detail[:200])
        try:
            count = await _in_thread(lambda: changed.update(state=state, detail=detail[:200]))
        except Error:
            log.exception("the state of the bot could not be written")
            return
        if count and state != "listening":
            log.warning("the Telegram bot is %s: %s", state, detail)


async def _in_thread[**P, R](work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do database work away from the loop, with a connection that is fresh and given back."""

    def wrapped() -> R:
        close_old_connections()
        try:
            return work(*args, **kwargs)
        finally:
            close_old_connections()

    # Once begun it is finished even when the poller is stopped meanwhile.
    return await asyncio.shield(asyncio.to_thread(wrapped))
