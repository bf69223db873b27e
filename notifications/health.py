"""How the outbox and the Telegram bot do, for the status page."""

from typing import Any

from notifications.selectors import bot_state, is_telegram_on, outbox


def report() -> dict[str, Any]:
    """Return what waits to be sent, what failed today, and whether the bot listens."""
    found, bot = outbox(), bot_state()
    is_bot_well = bot is None or bot.state in {"", "listening"}
    is_well = is_bot_well and not found["overdue"]
    summary = "Alerts go out as they are raised."
    if found["overdue"]:
        summary = f"{found['overdue']} deliveries are due for more than a minute."
    elif bot is not None and not is_bot_well:
        summary = f"The Telegram bot is {bot.state}: {bot.detail}."
    telegram = "off" if not is_telegram_on() else bot.state if bot and bot.state else "starting"
    return {
        "state": "ok" if is_well else "warn",
        "summary": summary,
        "figures": [
            {
                "label": "Deliveries waiting",
                "value": found["waiting"],
                "unit": "",
                "state": "warn" if found["overdue"] else "ok",
            },
            {
                "label": "Deliveries failed today",
                "value": found["failed_today"],
                "unit": "",
                "state": "warn" if found["failed_today"] else "ok",
            },
            {
                "label": "Telegram bot",
                "value": telegram,
                "unit": "",
                "state": "ok" if is_bot_well else "warn",
                "note": bot.detail if bot else "",
            },
        ],
    }
