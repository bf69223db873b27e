"""Write the venue's frames and bars: the same fields in the same order as Binance."""

from typing import Any

import msgspec

from markets.providers.binance.decode import INTERVALS
from markets.replay.market import Published, Row

_encode = msgspec.json.encode


def published(stream: str, data: dict[str, Any]) -> Published:
    return stream, _encode({"stream": stream, "data": data})


def kline(
    native_id: str,
    seconds: int,
    row: Row,
    event_ms: int,
    ids: tuple[int, int],
    *,
    is_closed: bool,
) -> Published:
    """Return the kline frame of a bar."""
    interval = INTERVALS[seconds]
    data = {
        "e": "kline",
        "E": event_ms,
        "s": native_id,
        "k": {
            "t": row[0],
            "T": row[6],
            "s": native_id,
            "i": interval,
            "f": ids[0],
            "L": ids[1],
            "o": row[1],
            "c": row[4],
            "h": row[2],
            "l": row[3],
            "v": row[5],
            "n": row[8],
            "x": is_closed,
            "q": row[7],
            "V": row[9],
            "Q": row[10],
            "B": "0",
        },
    }
    return published(f"{native_id.lower()}@kline_{interval}", data)


def row_of(k: dict[str, Any]) -> Row:
    """Return the bar of a recorded kline frame as REST writes it."""
    return [
        k["t"],
        k["o"],
        k["h"],
        k["l"],
        k["c"],
        k["v"],
        k["T"],
        k["q"],
        k["n"],
        k["V"],
        k["Q"],
        "0",
    ]


def inner(frame: bytes) -> bytes:
    """Return the bare event of a combined frame, for clients of `/ws/<stream>`."""
    return bytes(msgspec.json.decode(frame, type=_Combined).data)


class _Combined(msgspec.Struct):
    data: msgspec.Raw
