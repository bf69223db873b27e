"""Keep what each minute of an order book was like."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace

from markets.models import BookStat


@dataclass(frozen=True, slots=True)
class BookMinute:
    """The values of one `BookStat` row."""

    instrument_id: int
    open_time: int
    spread: float | None
    imbalance: float | None
    micro_offset: float | None
    bid_depth: float | None
    ask_depth: float | None
    order_flow_imbalance: float | None
    void_above: float | None
    void_below: float | None
    buy_volume: float | None
    sell_volume: float | None
    samples: int
    source: str

    def without_flows(self) -> "BookMinute":
        """Return the row of a minute of which a trade or a change was not counted."""
        return replace(self, order_flow_imbalance=None, buy_volume=None, sell_volume=None)


_KEY = ("instrument_id", "open_time")
_VALUES = tuple(one.name for one in fields(BookMinute) if one.name not in _KEY)


def book_stats_write(minutes: Sequence[BookMinute]) -> None:
    """Write one row per instrument and minute; a minute that is told again replaces its row."""
    BookStat.objects.bulk_create(
        (BookStat(**asdict(one)) for one in minutes),
        update_conflicts=True,
        unique_fields=_KEY,
        update_fields=_VALUES,
    )
