"""How fast one bot may talk, over all workers: Django's cache counts (Redis in the full shape)."""

import time

from django.core.cache import cache

from notifications.counting import count

PER_SECOND = 25
PER_CHAT_S = 1


class Pace:
    """A limit for the bot as a whole and for each chat; nothing here waits, callers come again."""

    def __init__(self, name: str) -> None:
        self._name = f"pace:{name}"

    def wait_s(self, chat: str) -> float:
        """Take a slot and return 0, or return the seconds after which to ask again."""
        now = time.time()
        held_until = cache.get(f"{self._name}:held")
        if held_until is not None and held_until > now:
            return float(held_until - now)
        if not cache.add(f"{self._name}:chat:{chat}", 1, timeout=PER_CHAT_S):
            return float(PER_CHAT_S)
        second = f"{self._name}:second:{int(now)}"
        if count(second, 5) > PER_SECOND:
            return 1.0 - now % 1.0
        return 0.0

    def hold(self, delay_s: float) -> None:
        """Let nothing out for `delay_s`: the provider's word counts for the whole bot."""
        cache.set(f"{self._name}:held", time.time() + delay_s, timeout=int(delay_s) + 2)
