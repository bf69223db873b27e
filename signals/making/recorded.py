"""Best prices and trades from a recorded stream of Binance: `<nanoseconds> <json>` a line.

The frames are those of the combined stream (`<symbol>@bookTicker`, `<symbol>@trade`) as Binance
documents them; every other line is passed over.
"""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal

from mystic.lib.units import to_units
from signals.making.simulator import Scales, Top, Trade

NS_PER_MS = 1_000_000


def recorded(
    lines: Iterable[str],
    symbol: str,
    scales: Scales | None = None,
) -> Iterator[Top | Trade]:
    """Yield what the stream of one symbol, such as `btcusdt`, told, in the order of receipt.

    Raises
    ------
    ValueError
        If a line is not of this form.
    """
    scales = scales or Scales()
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
            )
