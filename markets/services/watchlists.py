"""A person's own watch list; what anybody watches is streamed."""

from django.db import transaction
from django.db.models import Max

from markets.models import Instrument, WatchItem
from mystic.lib.provenance import IMPORT_PREFIX, REPLAY_PREFIX

# One person may not make the streamer follow a whole exchange.
LONGEST_LIST = 50


class WatchListFull(Exception):  # noqa: N818  said to the person as it is
    """Raised when a list has `LONGEST_LIST` lines."""

    def __init__(self) -> None:
        super().__init__(
            f"your watch list has {LONGEST_LIST} lines, which is the most; remove one first"
        )


def watch_add(*, user_id: int, instrument: Instrument) -> WatchItem:
    """Put an instrument at the end of a person's list; one that is there stays where it is.

    Raises
    ------
    WatchListFull
        When no line is left.
    """
    with transaction.atomic():
        items = WatchItem.objects.filter(user_id=user_id)
        found = items.filter(instrument=instrument).first()
        if found is not None:
            return found
        if items.count() >= LONGEST_LIST:
            raise WatchListFull
        last = items.aggregate(last=Max("position"))["last"]
        item, _ = WatchItem.objects.get_or_create(
            user_id=user_id,
            instrument=instrument,
            defaults={"position": 0 if last is None else last + 1},
        )
        return item


def watch_remove(*, user_id: int, instrument: Instrument) -> bool:
    """Take an instrument off a person's list; False when it was not on it."""
    count, _ = WatchItem.objects.filter(user_id=user_id, instrument=instrument).delete()
    return count > 0


def watch_move(*, user_id: int, instrument: Instrument, is_up: bool) -> None:
    """Swap a line with its neighbour above or below; at an end nothing happens."""
    with transaction.atomic():
        items = list(WatchItem.objects.filter(user_id=user_id).order_by("position", "id"))
        places = [item.instrument_id for item in items]
        if instrument.pk not in places:
            return
        here = places.index(instrument.pk)
        there = here - 1 if is_up else here + 1
        if not 0 <= there < len(items):
            return
        items[here], items[there] = items[there], items[here]
        for position, item in enumerate(items):
            item.position = position
        WatchItem.objects.bulk_update(items, ["position"])


def watch_hand_over(*, venue_code: str) -> int:
    """Let lists name the stocks of the source that is followed; return how many lines changed.

    A line of another source's stock is changed where the venue `venue_code` has a stock of the
    same symbol and currency; one that would then stand twice on a list is dropped.
    """
    stocks = WatchItem.objects.filter(
        instrument__asset_class=Instrument.AssetClass.STOCK,
        instrument__venue__is_replay=venue_code.startswith(REPLAY_PREFIX),
    ).exclude(instrument__venue__code__startswith=IMPORT_PREFIX)
    elsewhere = stocks.exclude(instrument__venue__code=venue_code).select_related("instrument")
    names = {line.instrument.symbol for line in elsewhere}
    rows = Instrument.objects.filter(venue__code=venue_code, symbol__in=names) if names else ()
    here = {(row.symbol, row.quote): row for row in rows}
    changed = 0
    for line in elsewhere:
        row = here.get((line.instrument.symbol, line.instrument.quote))
        if row is not None and row.status != Instrument.Status.DELISTED:
            _line_hand_over(line, row)
            changed += 1
    return changed


def _line_hand_over(line: WatchItem, row: Instrument) -> None:
    with transaction.atomic():
        WatchItem.objects.get_or_create(
            user_id=line.user_id,
            instrument=row,
            defaults={"position": line.position, "added_at": line.added_at},
        )
        WatchItem.objects.filter(pk=line.pk).delete()
