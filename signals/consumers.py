"""What of the signals a socket may ask for: they are for people who are signed in."""

from typing import Any

from mystic.lib.live_socket import LiveChannel


async def _signals(user: Any, symbol: str) -> list[str]:
    return ["signals"]


CHANNELS = (LiveChannel("signals", _signals),)
