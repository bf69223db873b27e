"""Keep the catalogue of venues and instruments as the venues describe it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from markets.models import Instrument, InstrumentAlias, Venue
from markets.providers.base import InstrumentSpec
from mystic.lib.provenance import REPLAY_PREFIX

log = logging.getLogger(__name__)

# A replay that knows none of the configured symbols is watched for what it has, up to so many.
LARGEST_REPLAY_LIST = 10
TOLD_FIELDS = (
    "native_id",
    "base",
    "quote",
    "tick",
    "step",
    "min_quantity",
    "min_notional",
    "status",
    "name",
    "asset_class",
    "session_calendar",
)
# A whole catalogue is written in slices, so that nobody waits for long who writes beside it.
SLICE = 400
VENUE_NAMES = {"binance": "Binance", "coinbase": "Coinbase"}


def catalogue_sync(
    specs: Sequence[InstrumentSpec], *, venue_code: str, symbols: Sequence[str]
) -> list[Instrument]:
    """Write a venue's instruments and return those that are watched, in the order of `symbols`.

    The scales of an instrument never change once it exists, for money is counted in them; new
    rules are translated into the scales it has.

    Parameters
    ----------
    specs : sequence of InstrumentSpec
        The venue's word on each pair.
    venue_code : str
        `binance`, or `replay:binance` when it comes over any but the official host.
    symbols : sequence of str
        What is to be watched. If a replay has none of them, the first of its own are.
    """
    watched = [symbol for symbol in symbols if any(spec.symbol == symbol for spec in specs)]
    if not watched and venue_code.startswith(REPLAY_PREFIX):
        watched = [spec.symbol for spec in specs[:LARGEST_REPLAY_LIST]]
    with transaction.atomic():
        venue = _venue(venue_code)
        for spec in specs:
            _instrument_write(venue, spec, is_watched=spec.symbol in watched)
        venue.instruments.exclude(symbol__in=watched).filter(is_watched=True).update(
            is_watched=False
        )
        found = {row.symbol: row for row in venue.instruments.filter(symbol__in=watched)}
    return [found[symbol] for symbol in watched]


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """What a synchronisation of a whole catalogue changed, in numbers of instruments."""

    new: int
    changed: int
    delisted: int


def catalogue_whole(specs: Sequence[InstrumentSpec], *, venue_code: str) -> CatalogueChange:
    """Write everything that a venue lists; what it no longer lists is delisted, never deleted.

    What is watched stays as it is. An answer without a single instrument changes nothing.
    """
    if not specs:
        return CatalogueChange(0, 0, 0)

    def told(row: Instrument | None, venue: Venue, symbol: str, spec: InstrumentSpec) -> Instrument:
        del symbol
        return _instrument_told(row or _instrument_new(venue, spec), spec)

    return listing_write(_venue(venue_code), {spec.symbol: spec for spec in specs}, told=told)


def listing_write(
    venue: Venue,
    specs: Mapping[str, InstrumentSpec],
    *,
    told: Callable[[Instrument | None, Venue, str, InstrumentSpec], Instrument],
) -> CatalogueChange:
    """Write all that a venue lists, by our symbol; `told` makes or changes one row, unsaved.

    Each slice is a transaction of its own. One that was cut short is gone on with by the next
    call: only at the end is it noted that the venue was listed.
    """
    change = CatalogueChange(0, 0, 0)
    symbols = list(specs)
    for at in range(0, len(symbols), SLICE):
        part = {symbol: specs[symbol] for symbol in symbols[at : at + SLICE]}
        new, changed = _slice_write(venue, part, told)
        change = replace(change, new=change.new + new, changed=change.changed + changed)
    listed = venue.instruments.exclude(status=Instrument.Status.DELISTED)
    gone = [pk for pk, symbol in listed.values_list("pk", "symbol") if symbol not in specs]
    for at in range(0, len(gone), SLICE):
        rows = Instrument.objects.filter(pk__in=gone[at : at + SLICE])
        rows.update(status=Instrument.Status.DELISTED, updated_at=timezone.now())
    Venue.objects.filter(pk=venue.pk).update(listed_at=timezone.now())
    return replace(change, delisted=len(gone))


def _slice_write(
    venue: Venue,
    specs: Mapping[str, InstrumentSpec],
    told: Callable[[Instrument | None, Venue, str, InstrumentSpec], Instrument],
) -> tuple[int, int]:
    """Write some instruments; return how many are new, and how many changed."""
    new, changed = [], []
    with transaction.atomic():
        known = {row.symbol: row for row in venue.instruments.filter(symbol__in=specs)}
        for symbol, spec in specs.items():
            row = known.get(symbol)
            if row is None:
                new.append(told(None, venue, symbol, spec))
                continue
            before = [getattr(row, name) for name in TOLD_FIELDS]
            told(row, venue, symbol, spec)
            if before != [getattr(row, name) for name in TOLD_FIELDS]:
                changed.append(row)
        # Somebody else may have written the same instrument meanwhile.
        Instrument.objects.bulk_create(new, batch_size=200, ignore_conflicts=True)
        Instrument.objects.bulk_update(changed, [*TOLD_FIELDS, "updated_at"], batch_size=50)
    return len(new), len(changed)


def catalogue_add(specs: Sequence[InstrumentSpec], *, venue_code: str) -> list[Instrument]:
    """Write those of a venue's instruments that are not known yet, unwatched; return all of them.

    Nothing that is known changes: this serves who wants the bars of a few symbols.
    """
    with transaction.atomic():
        venue = _venue(venue_code)
        symbols = [spec.symbol for spec in specs]
        known = set(venue.instruments.filter(symbol__in=symbols).values_list("symbol", flat=True))
        for spec in specs:
            if spec.symbol not in known:
                _instrument_told(_instrument_new(venue, spec), spec).save()
        return list(venue.instruments.filter(symbol__in=symbols))


def catalogue_due(venue_code: str, *, every: timedelta) -> bool:
    """Tell whether a venue's whole catalogue was not synchronised for so long."""
    listed = Venue.objects.filter(code=venue_code).values_list("listed_at", flat=True).first()
    return listed is None or timezone.now() - listed > every


def aliases_write(*, source: str, native_ids: Mapping[int, str]) -> None:
    """Record what another source calls these instruments, by instrument id."""
    InstrumentAlias.objects.bulk_create(
        [
            InstrumentAlias(source=source, instrument_id=key, native_id=native_id)
            for key, native_id in native_ids.items()
        ],
        ignore_conflicts=True,
    )


def _venue(code: str) -> Venue:
    provider = code.removeprefix(REPLAY_PREFIX)
    is_replay = code.startswith(REPLAY_PREFIX)
    name = VENUE_NAMES.get(provider, provider)
    venue, _ = Venue.objects.get_or_create(
        code=code,
        defaults={"name": f"{name} (replay)" if is_replay else name, "is_replay": is_replay},
    )
    return venue


def _instrument_write(venue: Venue, spec: InstrumentSpec, *, is_watched: bool) -> None:
    row = Instrument.objects.filter(venue=venue, symbol=spec.symbol).first()
    row = _instrument_told(row or _instrument_new(venue, spec), spec)
    row.is_watched = is_watched
    row.save()


def _instrument_new(venue: Venue, spec: InstrumentSpec) -> Instrument:
    return Instrument(
        venue=venue,
        symbol=spec.symbol,
        base_scale=spec.base_scale,
        quote_scale=spec.quote_scale,
        price_scale=spec.price_scale,
    )


def _instrument_told(row: Instrument, spec: InstrumentSpec) -> Instrument:
    """Take over what a venue tells; its rules in the scales that the instrument has."""
    row.native_id, row.base, row.quote = spec.native_id, spec.base, spec.quote
    row.tick = _translated(spec.tick, spec.price_scale, row.price_scale) or row.tick
    row.step = _translated(spec.step, spec.base_scale, row.base_scale) or row.step
    row.min_quantity = _translated(spec.min_quantity, spec.base_scale, row.base_scale) or 0
    row.min_notional = _translated(spec.min_notional, spec.quote_scale, row.quote_scale) or 0
    row.status = str(spec.status)
    row.updated_at = timezone.now()
    return row


def _translated(units: int, scale: int, wanted: int) -> int | None:
    """Return units of 10**-scale in units of 10**-wanted, or None if that is not exact."""
    if wanted >= scale:
        return units * int(10 ** (wanted - scale))
    factor: int = 10 ** (scale - wanted)
    whole, rest = divmod(units, factor)
    if rest:
        log.warning("a rule of %d units at scale %d cannot be said at %d", units, scale, wanted)
        return None
    return whole
