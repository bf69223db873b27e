"""Which parts run beside each other, in the embedded shape and in the full one."""

from collections.abc import Callable

from markets.streaming import Streamer
from mystic.celery import app
from mystic.embedded.parts import CeleryBeat, CeleryWorker, Part, Simple
from notifications.telegram.poller import TelegramPoller
from notifications.transports.telegram import configured_bot
from notifications.watch import watch as price_rules
from trading.making import desk as makers
from trading.watch import watch


def market_parts(say: Callable[[str], None]) -> list[Part]:
    """Return the streamer and what looks at every quote, which must share its process."""
    streamer = Streamer(on_progress=say)
    return [
        # Before the orders: what a killed process left resting is cancelled, not filled.
        Simple("market makers", makers.start, makers.stop),
        Simple("orders", watch.start, watch.stop),
        Simple("price rules", price_rules.start, price_rules.stop),
        Simple("streamer", streamer.start, streamer.stop),
    ]


def telegram_parts() -> list[Part]:
    """Return the one reader of what people say to the bot, where a bot is configured."""
    bot = configured_bot()
    if bot is None:
        return []
    poller = TelegramPoller(bot)
    return [Simple("telegram", poller.start, poller.stop)]


def worker_parts() -> list[Part]:
    """Return Celery's worker and scheduler as threads, for the embedded shape."""
    return [CeleryWorker(app), CeleryBeat(app)]
