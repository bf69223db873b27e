"""Count how often something happened in a window of time, over all processes."""

from django.core.cache import cache


def count(key: str, window_s: int) -> int:
    """Count once more and return how often it was since the window began."""
    cache.add(key, 0, timeout=window_s)
    try:
        return int(cache.incr(key))
    except ValueError:  # the window ended between the two
        cache.set(key, 1, timeout=window_s)
        return 1
