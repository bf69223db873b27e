"""Find instruments by what a person types: a symbol, a name, another source's name."""

from collections.abc import Sequence

from django.conf import settings
from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Concat, Length

from markets.models import Instrument, InstrumentAlias, Venue, WatchItem
from markets.providers.names import checked_search
from markets.providers.table import is_replaying
from markets.selectors import stock_codes
from mystic.lib.http import Refused

MOST_FOUND = 30
LONGEST_QUERY = 40


def instruments_found(
    query: str, *, asset_class: str = "", limit: int = MOST_FOUND
) -> list[Instrument]:
    """Return the instruments that match, the exact ones first, then the shortest names.

    Live and replayed instruments are never mixed; what is delisted comes last.
    """
    text = " ".join(query.split())[:LONGEST_QUERY]
    plain = text.upper().replace("/", "").replace("-", "").replace("_", "").replace(" ", "")
    if not plain or "\x00" in text:
        return []
    aliases = InstrumentAlias.objects.filter(instrument=OuterRef("pk"), native_id__iexact=text)
    rows = (
        _catalogue()
        .annotate(plain=Concat("base", "quote"), has_alias=Exists(aliases))
        .filter(
            Q(plain__istartswith=plain)
            | Q(symbol__istartswith=text)
            | Q(base__iexact=plain)
            | Q(name__icontains=text)
            | Q(has_alias=True)
        )
    )
    if asset_class:
        rows = rows.filter(asset_class=asset_class)
    rank = Case(
        When(status=Instrument.Status.DELISTED, then=Value(3)),
        When(Q(symbol__iexact=text) | Q(plain__iexact=plain) | Q(has_alias=True), then=Value(0)),
        When(base__iexact=plain, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return list(
        rows.select_related("venue").order_by(rank, "-is_watched", Length("symbol"), "symbol")[
            :limit
        ]
    )


def _catalogue() -> QuerySet[Instrument]:
    return Instrument.objects.filter(venue__is_replay=is_replaying(settings.ENV))


def stock_venue() -> str:
    """Return the venue code of the source of stocks that is followed; empty while none was."""
    codes = stock_codes()
    watched = Instrument.objects.filter(
        is_watched=True, asset_class=Instrument.AssetClass.STOCK, venue__code__in=codes
    )
    found = set(watched.order_by().values_list("venue__code", flat=True).distinct())
    return next((code for code in codes if code in found), "")


def lacks_stock(query: str, found: Sequence[Instrument]) -> bool:
    """Tell whether the sources of stocks may know a stock that the catalogue has not.

    That is so for what may be a ticker or a name, where nothing is called exactly so, and either
    no stock matches or not all stocks of the followed source are in the catalogue.
    """
    try:
        words = checked_search(query).upper()
    except Refused:
        return False
    plain = words.replace("-", ".")
    if not stock_codes() or any(plain in {one.symbol, one.base + one.quote} for one in found):
        return False
    stock = Instrument.AssetClass.STOCK
    has_stock = any(one.asset_class == stock for one in found) or bool(
        instruments_found(query, asset_class=stock, limit=1)
    )
    is_whole = Venue.objects.filter(code=stock_venue(), listed_at__isnull=False).exists()
    return not (has_stock and is_whole)


def watch_list(user_id: int | None) -> list[Instrument]:
    """Return a person's own list in its order; empty for nobody and for an empty list."""
    if user_id is None:
        return []
    items = WatchItem.objects.filter(user_id=user_id).select_related("instrument__venue")
    return [
        item.instrument
        for item in items
        if item.instrument.venue.is_replay == is_replaying(settings.ENV)
    ]


def watched_by(user_id: int | None, instruments: Sequence[Instrument]) -> set[int]:
    """Return which of these instruments are on a person's list."""
    if user_id is None:
        return set()
    keys = [one.pk for one in instruments]
    items = WatchItem.objects.filter(user_id=user_id, instrument_id__in=keys)
    return set(items.values_list("instrument_id", flat=True))
