"""What is stored of each instrument: from when, until when, and how much of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, OuterRef, QuerySet, Subquery

from markets.models import Candle, Gap, Instrument
from markets.selectors import instrument_by_symbol, instruments_ranked
from markets.series import base_timeframe
from mystic.lib.provenance import IMPORT_PREFIX

AT = "@"
LONGEST_NAME = 80
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

    @property
    def name(self) -> str:
        """Return what tells this series from every other one, such as `BTC/USDT@import:mine`."""
        return series_name(self.instrument)

    @property
    def is_import(self) -> bool:
        return self.instrument.venue.code.startswith(IMPORT_PREFIX)


@dataclass(frozen=True, slots=True)
class SourceCount:
    """How many stored bars of a span came from a source, and in which way."""

    source: str
    origin: str
    bars: int


def series_name(instrument: Instrument) -> str:
    """Return the symbol; of bars that a file brought in, with the name that the import gave."""
    code = instrument.venue.code
    is_import = code.startswith(IMPORT_PREFIX)
    return f"{instrument.symbol}{AT}{code}" if is_import else instrument.symbol


def instrument_by_series(name: str) -> Instrument:
    """Return the instrument that `series_name` names; a symbol alone never names an import.

    Raises
    ------
    Instrument.DoesNotExist
        If no such series is known.
    """
    symbol, at, code = name.strip().partition(AT)
    if not at:
        return instrument_by_symbol(symbol)
    found = None
    if len(name) <= LONGEST_NAME and "\x00" not in name and code.lower().startswith(IMPORT_PREFIX):
        rows = Instrument.objects.filter(venue__code=code.lower(), symbol=symbol.upper())
        found = rows.select_related("venue").first()
    if found is None:
        message = f"{name[:LONGEST_NAME]} names no imported series, such as BTC/USDT@import:mine"
        raise Instrument.DoesNotExist(message)
    return found


def sources_stored(instrument_id: int, timeframe: int, low: int, high: int) -> list[SourceCount]:
    """Return where the stored bars with `low <= open_time < high` came from, the most first."""
    rows = Candle.objects.filter(
        instrument_id=instrument_id, timeframe=timeframe, open_time__gte=low, open_time__lt=high
    )
    counted = rows.values_list("source", "origin").annotate(bars=Count("open_time"))
    found = [SourceCount(*row) for row in counted]
    return sorted(found, key=lambda one: (-one.bars, one.source, one.origin))


def spans_stored() -> list[StoredSpan]:
    """Return what is stored of each pair and stock, one a symbol; after them what was imported."""
    base = base_timeframe()
    bars = Candle.objects.filter(instrument_id=OuterRef("pk"), timeframe=base)
    opens = bars.values("open_time")
    found: QuerySet[Instrument] = instruments_ranked().filter(asset_class__in=DECIDED)
    imported = Instrument.objects.filter(
        venue__code__startswith=IMPORT_PREFIX, asset_class__in=DECIDED
    ).select_related("venue")
    by_name: dict[str, Instrument] = {}
    for rows in (found, imported.order_by("pk")):
        annotated = rows.annotate(
            first_open=Subquery(opens.order_by("open_time")[:1]),
            last_open=Subquery(opens.order_by("-open_time")[:1]),
        )
        for row in annotated.filter(first_open__isnull=False):
            by_name.setdefault(series_name(row), row)
    holes = _holes({row.pk: (row.first_open, row.last_open) for row in by_name.values()}, base)  # type: ignore[attr-defined]
    return [
        _span(row, row.first_open, row.last_open, base, holes.get(row.pk, 0))  # type: ignore[attr-defined]
        for _, row in sorted(by_name.items(), key=lambda one: (AT in one[0], one[0]))
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
