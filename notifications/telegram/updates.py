"""Work off one update of the bot: the change and the note that it was seen are one transaction."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from notifications.models import BotState
from notifications.services.linking import (
    LinkError,
    chat_blocked,
    chat_returned,
    chat_unlink,
    link_code_use,
)

# Telegram may begin its numbers anew after a week without updates.
NUMBERS_HOLD_FOR = timedelta(days=6)
CODE_LIMIT = 64
HELP = (
    "This bot brings you alerts of Mystic. To link this chat, open Settings in Mystic and press "
    "the link shown under Telegram. /stop ends it."
)


@dataclass(frozen=True, slots=True)
class Reply:
    chat: str
    text: str


def next_offset(state: BotState) -> int | None:
    """Return the first update that was not worked off yet; None where Telegram may choose."""
    if state.update_id is None or timezone.now() - state.updated_at > NUMBERS_HOLD_FOR:
        return None
    return state.update_id + 1


def number_of(update: object) -> int | None:
    """Return an update's number, None where it is no update."""
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if isinstance(number, int) else None


def update_work_off(bot_id: str, update: object) -> Reply | None:
    """Do what an update asks, once however often it comes, and return what to answer."""
    number = number_of(update)
    if not isinstance(update, dict) or number is None:
        return None
    with transaction.atomic():
        state = BotState.objects.select_for_update().get(bot_id=bot_id)
        if _is_done(state, number):
            return None
        reply = _answer(update)
        _note_done(state, number)
    return reply


def update_pass_over(bot_id: str, number: int) -> None:
    """Take an update for done without doing it, so that those behind it get their turn."""
    with transaction.atomic():
        state = BotState.objects.select_for_update().get(bot_id=bot_id)
        if not _is_done(state, number):
            _note_done(state, number)


def _is_done(state: BotState, number: int) -> bool:
    offset = next_offset(state)
    return offset is not None and number < offset


def _note_done(state: BotState, number: int) -> None:
    state.update_id, state.updated_at = number, timezone.now()
    state.save(update_fields=["update_id", "updated_at"])


def _answer(update: dict[str, Any]) -> Reply | None:
    message, membership = update.get("message"), update.get("my_chat_member")
    if isinstance(membership, dict):
        _membership_changed(membership)
    if not isinstance(message, dict):
        return None
    chat = _private_chat(message)
    text = message.get("text")
    if chat is None or not isinstance(text, str):
        return None
    return Reply(chat, _command(chat, text, _name_of(message)))


def _private_chat(holder: dict[str, Any]) -> str | None:
    chat = holder.get("chat")
    if not isinstance(chat, dict) or chat.get("type") != "private":
        return None
    return str(chat["id"]) if isinstance(chat.get("id"), int) else None


def _name_of(message: dict[str, Any]) -> str:
    sender = message.get("from")
    if not isinstance(sender, dict):
        return "Telegram"
    name = sender.get("username")
    return f"@{name}" if name else str(sender.get("first_name") or "Telegram")


def _command(chat: str, text: str, name: str) -> str:
    command, _, argument = text.strip().partition(" ")
    command, argument = command.partition("@")[0], argument.strip()
    if command == "/start" and argument:
        return _link(chat, argument, name)
    if command == "/stop":
        was_linked = chat_unlink(chat=chat)
        return "No more alerts here." if was_linked else "This chat is not linked."
    return HELP


def _link(chat: str, code: str, name: str) -> str:
    if len(code) > CODE_LIMIT:
        return "This code is not valid."
    try:
        channel = link_code_use(code=code, chat=chat, label=name)
    except LinkError as refusal:
        return str(refusal)
    owner = channel.user.get_username()
    return f"Linked to the account {owner[0]}***. Alerts come here from now on; /stop ends it."


def _membership_changed(membership: dict[str, Any]) -> None:
    chat, member = _private_chat(membership), membership.get("new_chat_member")
    if chat is None or not isinstance(member, dict):
        return
    if member.get("status") == "kicked":
        chat_blocked(chat=chat)
    elif member.get("status") == "member":
        chat_returned(chat=chat)
