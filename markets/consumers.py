"""What of the markets a socket may ask for: everything here is public."""

from typing import Any

from channels.db import database_sync_to_async

from markets.models import Instrument
from markets.selectors import instrument_by_symbol
from mystic.lib.live_socket import LiveChannel, UnknownSymbolError


async def _instrument_id(symbol: str) -> int:
    try:
        instrument = await database_sync_to_async(instrument_by_symbol)(symbol)
    except Instrument.DoesNotExist:
        raise UnknownSymbolError(symbol) from None
    return int(instrument.pk)


async def _quote(user: Any, symbol: str) -> list[str]:
    return [f"quote:{await _instrument_id(symbol)}"]


async def _bar(user: Any, symbol: str) -> list[str]:
    number = await _instrument_id(symbol)
    return [f"bar:{number}", f"closed:{number}"]


async def _book(user: Any, symbol: str) -> list[str]:
    return [f"book:{await _instrument_id(symbol)}"]


async def _system(user: Any, symbol: str) -> list[str]:
    return ["system"]


async def _options(user: Any, symbol: str) -> list[str]:
    return ["options"]


CHANNELS = (
    LiveChannel("market_data", _quote, has_symbol=True, is_public=True),
    LiveChannel("bar", _bar, has_symbol=True, is_public=True),
    LiveChannel("book", _book, has_symbol=True, is_public=True),
    LiveChannel("system", _system, is_public=True),
    LiveChannel("options", _options, is_public=True),
)
