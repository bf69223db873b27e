"""The delayed price of an instrument as this process knows it: told by its streamer or the hub."""

from dataclasses import dataclass
from datetime import datetime

from markets.quotes import store
from markets.types import DelayedPrice
from mystic.lib.live import hub
from mystic.lib.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Delayed:
    """A delayed price and where it came from."""

    last: float
    origin: Provenance


def delayed_provenance(price: DelayedPrice) -> Provenance:
    """Return the marks of a delayed price; a cross rate was computed, so it is imputed too."""
    return Provenance(
        source=price.source,
        is_live=False,
        as_of_ms=price.as_of_ms,
        received_at_ms=price.received_at_ms,
        is_delayed=True,
        is_imputed=price.is_cross_rate,
    )


def delayed_now(instrument_id: int) -> Delayed | None:
    """Return the delayed price that is shown while no source of quotes works, else None."""
    if store.is_local:
        price = store.delayed(instrument_id)
        return None if price is None else Delayed(price.last, delayed_provenance(price))
    message = hub.latest(f"quote:{instrument_id}").get("delayed")
    if message is None:
        return None
    data = message["data"]
    origin = Provenance(
        source=message["source"],
        is_live=False,
        as_of_ms=_epoch_ms(message.get("as_of")),
        received_at_ms=_epoch_ms(data.get("received_at")),
        is_delayed=True,
        is_imputed=bool(data.get("imputed")),
    )
    return Delayed(float(data["last"]), origin)


def _epoch_ms(iso: str | None) -> int | None:
    return None if not iso else int(datetime.fromisoformat(iso).timestamp() * 1000)
