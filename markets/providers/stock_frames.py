"""What the stock streams share: a frame is a JSON list of rows, and one bad row spoils no other."""

from collections.abc import Callable

import msgspec

from markets.providers.base import BookTickerEvent, KlineEvent, TradeEvent
from mystic.lib.http import Malformed


class FrameError(ValueError):
    """Raised for a frame that is not what the source documents; it is dropped and counted."""


class Frame[C](msgspec.Struct, gc=False):
    """What one frame told; bars carry the channel that they came by.

    `controls` are words about the connection, `bad` rows could not be read, `one_sided` quotes
    had a side without a price or size, `unknown` rows are of a kind that nobody asked for.
    """

    controls: list[C]
    bars: list[tuple[str, KlineEvent]]
    quotes: list[BookTickerEvent]
    trades: list[TradeEvent]
    bad: int = 0
    one_sided: int = 0
    unknown: int = 0


_raws = msgspec.json.Decoder(list[msgspec.Raw])


def frame_read[C](raw: bytes, take: Callable[[Frame[C], msgspec.Raw], None]) -> Frame[C]:
    """Return what one frame says; rows that `take` refuses are left out and counted in `bad`.

    Raises
    ------
    FrameError
        If it is truncated, not JSON, no list, or nothing in it could be read.
    """
    frame: Frame[C] = Frame([], [], [], [])
    try:
        rows = _raws.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise FrameError(str(fault)[:200]) from None
    for row in rows:
        try:
            take(frame, row)
        except (msgspec.DecodeError, UnicodeDecodeError, Malformed):
            frame.bad += 1
    if rows and frame.bad == len(rows):
        message = "nothing in the frame can be read"
        raise FrameError(message)
    return frame
