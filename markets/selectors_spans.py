"""What is stored of each instrument: from when, until when, and how much of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery

from markets.models import Candle, Gap, Instrument
from markets.selectors import instruments_ranked
from markets.series import base_timeframe

DECIDED = (Instrument.AssetClass.CRYPTO, Instrument.AssetClass.STOCK)


@dataclass(frozen=True, slots=True)
class StoredSpan:
    """The stored bars of one instrument; times are UTC epoch seconds.

    Attributes
    ----------
    first, last : int
        Open times of the oldest and the newest bar of the stored timeframe.
    share : float or None
        Part of the slots between them that has a bar; None for a market that closes.
    """

    instrument: Instrument
    first: int
    last: int
    share: float | None


def spans_stored() -> list[StoredSpan]:
    """Return what is stored of each pair and stock, one a symbol, in order of the symbols."""
    base = base_timeframe()
    bars = Candle.objects.filter(instrument_id=OuterRef("pk"), timeframe=base)
    opens = bars.values("open_time")
    found: QuerySet[Instrument] = instruments_ranked().filter(asset_class__in=DECIDED)
    rows = found.annotate(
        first_open=Subquery(opens.order_by("open_time")[:1]),
        last_open=Subquery(opens.order_by("-open_time")[:1]),
    ).filter(first_open__isnull=False)
    by_symbol: dict[str, Instrument] = {}
    for row in rows:
        by_symbol.setdefault(row.symbol, row)
    holes = _holes({row.pk: (row.first_open, row.last_open) for row in by_symbol.values()}, base)  # type: ignore[attr-defined]
    return [
        _span(row, row.first_open, row.last_open, base, holes.get(row.pk, 0))  # type: ignore[attr-defined]
        for _, row in sorted(by_symbol.items())
    ]


def _span(row: Instrument, first: int, last: int, base: int, hole: int) -> StoredSpan:
    is_always_open = row.session_calendar == "24/7"
    share = 1 - hole / (last + base - first) if is_always_open else None
    return StoredSpan(row, first, last, share)


def _holes(ends: Mapping[int, tuple[int, int]], base: int) -> dict[int, int]:
    """Return the seconds without a bar between the first and the last of each series."""
    found: dict[int, int] = {}
    gaps = Gap.objects.filter(instrument_id__in=ends, timeframe=base).exclude(
        state=Gap.State.FILLED
    )
    for pk, start, end in gaps.values_list("instrument_id", "start", "end"):
        first, last = ends[pk]
        found[pk] = found.get(pk, 0) + max(0, min(end, last) - max(start, first))
    return found
