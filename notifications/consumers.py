"""What of their own alerts a person's socket may ask for."""

from typing import Any

from mystic.lib.live_socket import LiveChannel


async def _notifications(user: Any, symbol: str) -> list[str]:
    return [f"user:{user.pk}"]


CHANNELS = (LiveChannel("notifications", _notifications),)
