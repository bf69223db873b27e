"""Where this process finds quotes: in its own memory where it streams, else in the hub."""

from datetime import datetime

from markets.quotes import store
from markets.types import BookView, Quote
from mystic.lib.clock import monotonic_ms, now_ms
from mystic.lib.live import hub
from mystic.lib.provenance import may_be_live
from trading.execution.fills import MarketView


class HeardView:
    """The newest quotes that the streaming process told the hub; it knows no book."""

    def latest(self, instrument_id: int) -> Quote | None:
        message = hub.latest(f"quote:{instrument_id}").get("quote")
        if message is None:
            return None
        data = message["data"]
        received_at = data.get("received_at") or message["timestamp"]
        received_ms = round(datetime.fromisoformat(received_at).timestamp() * 1000)
        as_of = data.get("as_of")
        as_of_ms = round(datetime.fromisoformat(as_of).timestamp() * 1000) if as_of else None
        is_delayed = bool(data.get("delayed"))
        # What was late when it came is as old as its own time says.
        told_ms = as_of_ms if is_delayed and as_of_ms is not None else received_ms
        return Quote(
            instrument_id=instrument_id,
            bid=data["bid"],
            bid_size=data["bid_size"],
            ask=data["ask"],
            ask_size=data["ask_size"],
            last=data.get("last"),
            source=message["source"],
            is_official=may_be_live(message["source"]),
            as_of_ms=as_of_ms,
            received_at_ms=received_ms,
            received_mono_ms=monotonic_ms() - (now_ms() - told_ms),
            is_delayed=is_delayed,
        )

    def book(self, instrument_id: int) -> BookView | None:
        return None

    def age_ms(self, value: Quote | BookView) -> int:
        """Return the age by the clocks of both machines; it is never used to fill an order."""
        return max(0, monotonic_ms() - value.received_mono_ms)


heard = HeardView()


def current_view() -> MarketView:
    """Return the quotes of this process."""
    return store if store.is_local else heard
