"""What of their own trading a person's socket may ask for."""

from typing import Any

from mystic.lib.live_socket import LiveChannel


async def _portfolio(user: Any, symbol: str) -> list[str]:
    """Name the subjects of the one who is signed in; no other can be said."""
    return [f"user:{user.pk}", f"positions:{user.pk}", f"equity:{user.pk}"]


CHANNELS = (LiveChannel("portfolio", _portfolio),)
