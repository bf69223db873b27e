"""Best prices, trades and depth from a recorded stream of Binance: `<nanoseconds> <json>` a line.

The frames are those of the combined stream (`<symbol>@bookTicker`, `<symbol>@trade`,
`<symbol>@depth@100ms`) as Binance documents them, and the answers of its REST depth; every other
line is passed over. Depth goes through `markets.book.LocalBook`: changes count once a snapshot
joins them, and a jump of the update ids makes the book unknown until the next one.
"""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from markets.book import LARGEST_SIDE, BookEvent, BookStep, Level, LocalBook
from mystic.lib.units import to_units
from signals.making.tape import Depth, Event, Scales, Top, Trade

NS_PER_MS = 1_000_000
DEPTH = "depth@100ms"

Texts = list[tuple[str, str]]


def recorded(
    lines: Iterable[str],
    symbol: str,
    scales: Scales | None = None,
) -> Iterator[Event]:
    """Yield what the stream of one symbol, such as `btcusdt`, told, in the order of receipt.

    Raises
    ------
    ValueError
        If a line is not of this form.
    """
    scales = scales or Scales()
    book = _Depths(scales)
    for number, line in enumerate(lines, start=1):
        at_ns, _, text = line.partition(" ")
        try:
            at_ms, frame = int(at_ns) // NS_PER_MS, json.loads(text)
        except ValueError as fault:
            message = f"line {number} is not nanoseconds and a frame"
            raise ValueError(message) from fault
        stream, data = frame.get("stream"), frame.get("data")
        if stream == f"{symbol}@bookTicker":
            yield Top(
                at_ms,
                to_units(Decimal(data["b"]), scales.price),
                to_units(Decimal(data["B"]), scales.base),
                to_units(Decimal(data["a"]), scales.price),
                to_units(Decimal(data["A"]), scales.base),
            )
        elif stream == f"{symbol}@trade":
            yield Trade(
                at_ms,
                to_units(Decimal(data["p"]), scales.price),
                to_units(Decimal(data["q"]), scales.base),
                data.get("m"),
            )
        elif stream == f"{symbol}@{DEPTH}":
            yield from book.change(at_ms, data)
        elif "lastUpdateId" in frame:
            yield from book.snapshot(at_ms, frame)


class _Depths:
    """Turns diffs and snapshots into depth that may be relied on."""

    def __init__(self, scales: Scales) -> None:
        self._scales = scales
        self._book = LocalBook()

    def change(self, at_ms: int, data: dict[str, Any]) -> Iterator[Depth]:
        """Take one diff."""
        event = BookEvent(data["U"], data["u"], _levels(data["b"]), _levels(data["a"]))
        step = self._book.apply(event)
        if step is BookStep.APPLIED:
            yield Depth(at_ms, self._units(data["b"]), self._units(data["a"]))
        elif step is BookStep.LOST:
            yield Depth(at_ms, is_lost=True)

    def snapshot(self, at_ms: int, frame: dict[str, Any]) -> Iterator[Depth]:
        """Take a snapshot with the diffs after it; a book in step needs none."""
        if self._book.is_synced:
            return
        step = self._book.load(
            frame["lastUpdateId"], _levels(frame["bids"]), _levels(frame["asks"])
        )
        if step is BookStep.SYNCED:
            bids, asks = self._book.view(LARGEST_SIDE)
            yield Depth(at_ms, self._shown(bids), self._shown(asks), is_whole=True)

    def _units(self, texts: Texts) -> tuple[tuple[int, int], ...]:
        price, base = self._scales.price, self._scales.base
        return tuple(
            (to_units(Decimal(one), price), to_units(Decimal(size), base)) for one, size in texts
        )

    def _shown(self, levels: tuple[Level, ...]) -> tuple[tuple[int, int], ...]:
        # The shortest text of a float is the text that it was read from, to 15 digits.
        return self._units([(repr(price), repr(size)) for price, size in levels])


def _levels(texts: Texts) -> list[Level]:
    return [(float(price), float(size)) for price, size in texts]
