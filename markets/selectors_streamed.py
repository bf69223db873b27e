"""What the streamer asks the database: whose lists name what, what others call a coin."""

from collections.abc import Callable, Collection, Iterable, Sequence

from markets.models import Instrument, InstrumentAlias, Venue, WatchItem
from mystic.lib.provenance import IMPORT_PREFIX

# A connection of Binance carries 1,024 streams, and a pair has four.
MOST_STREAMED = 200
# Prices of so many stocks are polled in one request; a plan's stream may carry fewer.
MOST_STOCKS = 50

type Needed = Callable[[Collection[str], str], Iterable[str]]
# Others who need prices: each names the symbols of some venues and of an asset class.
_needed_by: list[Needed] = []


def stream_also(symbols_of: Needed) -> None:
    """Let what `symbols_of(venue codes, asset class)` names be streamed, whoever watches it."""
    if symbols_of not in _needed_by:
        _needed_by.append(symbols_of)


def _needed(always: Sequence[str], codes: Collection[str], asset_class: str) -> list[str]:
    more = [symbol for ask in _needed_by for symbol in ask(codes, asset_class)]
    return list(dict.fromkeys([*always, *more]))


def symbols_streamed(venue_code: str, always: Sequence[str]) -> list[str]:
    """Return what is streamed of a venue: `always`, what others need, then what anybody watches.

    The oldest line comes first. What is delisted is left out, and the newest lines are where one
    stream cannot carry more.
    """
    lines = WatchItem.objects.filter(
        instrument__venue__code=venue_code,
        instrument__asset_class=Instrument.AssetClass.CRYPTO,
    ).exclude(instrument__status=Instrument.Status.DELISTED)
    watched = lines.order_by("added_at", "id").values_list("instrument__symbol", flat=True)
    needed = _needed(always, [venue_code], Instrument.AssetClass.CRYPTO)
    return list(dict.fromkeys([*needed, *watched]))[: max(MOST_STREAMED, len(needed))]


def stocks_followed(
    always: Sequence[str], *, venue_code: str = "", is_replay: bool = False
) -> list[str]:
    """Return the symbols of the stocks to follow: `always`, what others need, what lists name.

    The oldest line comes first; the newest are left out where there are more than fifty in all.

    Parameters
    ----------
    venue_code : str
        Whose stocks count; by default those of every source, live or replayed.
    """
    lines = WatchItem.objects.filter(instrument__asset_class=Instrument.AssetClass.STOCK).exclude(
        instrument__status=Instrument.Status.DELISTED
    )
    codes = [venue_code]
    if not venue_code:
        venues = Venue.objects.filter(is_replay=is_replay).exclude(code__startswith=IMPORT_PREFIX)
        codes = list(venues.values_list("code", flat=True))
    lines = lines.filter(instrument__venue__code__in=codes)
    listed = lines.order_by("added_at", "id").values_list("instrument__symbol", flat=True)
    needed = _needed(always, codes, Instrument.AssetClass.STOCK)
    return list(dict.fromkeys([*needed, *listed]))[: max(MOST_STOCKS, len(needed))]


def coin_ids(source: str) -> dict[str, str]:
    """Return what a source calls the base assets that an alias names: {"PEPE": "pepe"}."""
    rows = InstrumentAlias.objects.filter(source=source).order_by("id")
    return dict(rows.values_list("instrument__base", "native_id"))
