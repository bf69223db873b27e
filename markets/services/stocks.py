"""Keep the stocks of a source as instruments of its venue: one function writes them all."""

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.utils import timezone

from markets.models import Instrument, Venue
from markets.providers.base import InstrumentSpec
from markets.providers.table import PROVIDERS
from markets.services.catalogue import CatalogueChange, listing_write
from markets.services.sessions import STOCKS
from mystic.lib.provenance import REPLAY_PREFIX

# Money is counted at one scale whatever the source; an account in USD has the same.
MONEY_SCALE = 8
PRICE_SCALE = 4


def stocks_sync(
    specs: Mapping[str, InstrumentSpec], *, venue_code: str, is_watched: bool
) -> list[Instrument]:
    """Write a source's stocks and return them in the order of `specs`.

    Parameters
    ----------
    specs : mapping
        The source's word on each stock by the symbol that it has here: AAPL.
    venue_code : str
        `alpaca`, or `replay:alpaca` when it comes over any but the official host.
    is_watched : bool
        Whether these are the stocks that are watched; those of every other venue are then not.
    """
    if not specs:
        return []
    with transaction.atomic():
        venue = _venue(venue_code)
        rows = [_written(venue, symbol, spec, is_watched) for symbol, spec in specs.items()]
        if is_watched:
            stocks = Instrument.objects.filter(asset_class=Instrument.AssetClass.STOCK)
            others = stocks.filter(is_watched=True).exclude(pk__in=[row.pk for row in rows])
            others.update(is_watched=False)
    return rows


def stocks_whole(specs: Sequence[InstrumentSpec], *, venue_code: str) -> CatalogueChange:
    """Write every stock that a source lists; what it no longer lists is delisted, never deleted.

    What is watched stays as it is. An answer without a single stock changes nothing.
    """
    if not specs:
        return CatalogueChange(0, 0, 0)
    by_symbol = {stock_symbol(spec): spec for spec in specs}
    return listing_write(_venue(venue_code), by_symbol, told=_told)


def stocks_add(specs: Mapping[str, InstrumentSpec], *, venue_code: str) -> list[Instrument]:
    """Write those stocks of a venue that are not known yet, unwatched; return all of them.

    Nothing that is known changes: this serves who looked for a few stocks.
    """
    if not specs:
        return []
    with transaction.atomic():
        venue = _venue(venue_code)
        known = set(venue.instruments.filter(symbol__in=specs).values_list("symbol", flat=True))
        new = [_told(None, venue, symbol, spec) for symbol, spec in specs.items()]
        # Somebody else may be writing the same stock.
        Instrument.objects.bulk_create(
            [row for row in new if row.symbol not in known], ignore_conflicts=True
        )
        found = venue.instruments.filter(symbol__in=specs).select_related("venue")
        rows = {row.symbol: row for row in found}
    return [rows[symbol] for symbol in specs if symbol in rows]


def stock_symbol(spec: InstrumentSpec) -> str:
    """Return what a stock is called here: BRK.B where a source writes BRK-B."""
    return spec.base.replace("-", ".")


def _venue(code: str) -> Venue:
    provider = code.removeprefix(REPLAY_PREFIX)
    is_replay = code.startswith(REPLAY_PREFIX)
    known = PROVIDERS.get(provider)
    name = provider if known is None else known.name
    defaults = {"name": f"{name} (replay)" if is_replay else name, "is_replay": is_replay}
    return Venue.objects.get_or_create(code=code, defaults=defaults)[0]


def _written(
    venue: Venue,
    symbol: str,
    spec: InstrumentSpec,
    is_watched: bool,  # noqa: FBT001  a value, not a switch
) -> Instrument:
    """Return the saved row of a stock."""
    found = Instrument.objects.filter(venue=venue, symbol=symbol).first()
    row = _told(found, venue, symbol, spec)
    row.is_watched = is_watched
    row.save()
    return row


def _told(found: Instrument | None, venue: Venue, symbol: str, spec: InstrumentSpec) -> Instrument:
    """Return the row of a stock, unsaved; its scales never change once it exists."""
    row = found or Instrument(
        venue=venue,
        symbol=symbol,
        base_scale=MONEY_SCALE,
        quote_scale=MONEY_SCALE,
        price_scale=PRICE_SCALE,
    )
    row.native_id, row.base, row.quote = spec.native_id, symbol, spec.quote
    row.name = spec.name or row.name
    row.asset_class = Instrument.AssetClass.STOCK
    row.session_calendar = STOCKS
    row.tick = max(1, _scaled(spec.tick, spec.price_scale, row.price_scale))
    row.step = max(1, _scaled(spec.step, spec.base_scale, row.base_scale))
    row.min_quantity = _scaled(spec.min_quantity, spec.base_scale, row.base_scale)
    row.min_notional = _scaled(spec.min_notional, spec.quote_scale, row.quote_scale)
    row.status = str(spec.status)
    row.updated_at = timezone.now()
    return row


def _scaled(units: int, scale: int, wanted: int) -> int:
    """Return units of 10**-scale in units of 10**-wanted, upwards where that is not exact."""
    if wanted >= scale:
        return units * int(10 ** (wanted - scale))
    return -(-units // int(10 ** (scale - wanted)))
