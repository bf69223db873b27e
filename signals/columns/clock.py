"""Which series a column lives on."""

from dataclasses import dataclass

from markets.types import TIMEFRAME_NAMES
from signals.columns.series import InstrumentKey


@dataclass(frozen=True, slots=True)
class Clock:
    """A series: the strategy's own instrument (None) or another by its symbol, and a timeframe."""

    symbol: InstrumentKey | None
    timeframe: int

    def __str__(self) -> str:
        name = TIMEFRAME_NAMES[self.timeframe]
        return name if self.symbol is None else f"{self.symbol} {name}"
