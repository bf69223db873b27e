"""What a reader is shown beside the bars: estimates, and what another venue has in a hole.

None of it is a bar of the series. It goes to pages and the API in lists of its own.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from markets.bars import BarArrays
from markets.models import Gap, Instrument
from markets.selectors import base_timeframe
from markets.services.estimates import Estimate, estimates_for
from markets.stored import stored_read
from mystic.lib.provenance import IMPORT_PREFIX

# Prices in these differ by so little that one may be shown beside the other, named.
DOLLARS = frozenset({"USD", "USDT", "USDC"})
MOST_OTHERS = 3
MOST_BARS = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class OtherSeries:
    """Bars that another venue has of the same asset: its own instrument, never mixed in."""

    instrument: Instrument
    source: str
    bars: BarArrays

    def as_json(self, timeframe: int) -> dict[str, Any]:
        """Return its closes: the last one of each bar of a longer timeframe."""
        buckets = self.bars.open_time // timeframe * timeframe
        is_last = np.append(buckets[1:] != buckets[:-1], [True])
        columns = (buckets[is_last], self.bars.close[is_last])
        return {
            "symbol": self.instrument.symbol,
            "source": self.source,
            "closes": [list(row) for row in zip(*(c.tolist() for c in columns), strict=True)],
        }


def estimates_shown(instrument: Instrument, timeframe: int, start: int, end: int) -> list[Any]:
    """Return the estimates of a span as the API gives them, each marked."""
    return [_as_json(row) for row in estimates_for(instrument.pk, timeframe, start, end)]


def _as_json(row: Estimate) -> dict[str, Any]:
    return {
        "open_time": row.open_time,
        "open": row.open,
        "high": row.high,
        "low": row.low,
        "close": row.close,
        "method": row.method,
        "imputed": True,
    }


def others_in_holes(instrument: Instrument, start: int, end: int) -> list[OtherSeries]:
    """Return what other venues have where this series has holes, each with its source.

    Only bars of the stored timeframe that lie in a hole of [start, end) are returned, of at most
    three venues of the same kind: a replay is not shown beside a live market.
    """
    base = base_timeframe()
    holes = Gap.objects.filter(
        instrument=instrument, timeframe=base, start__lt=end, end__gt=start
    ).exclude(state=Gap.State.FILLED)
    spans = [
        (max(low, start), min(high, end))
        for low, high in holes.order_by("start").values_list("start", "end")[:100]
    ]
    if not spans:
        return []
    found = []
    for other in _others(instrument):
        bars = stored_read(
            other.pk, base, spans[0][0], spans[-1][1], MOST_BARS, source=other.venue.code
        )
        kept = _within(bars, spans)
        if len(kept):
            found.append(OtherSeries(other, other.venue.code, kept))
    return found[:MOST_OTHERS]


def _others(instrument: Instrument) -> list[Instrument]:
    quotes = DOLLARS if instrument.quote in DOLLARS else {instrument.quote}
    rows = Instrument.objects.filter(
        base=instrument.base,
        quote__in=quotes,
        asset_class=instrument.asset_class,
        venue__is_replay=instrument.venue.is_replay,
    ).exclude(venue=instrument.venue_id)
    others = rows.exclude(venue__code__startswith=IMPORT_PREFIX).select_related("venue")
    return list(others.order_by("id"))


def _within(bars: BarArrays, spans: list[tuple[int, int]]) -> BarArrays:
    times = bars.open_time
    is_in = sum(((times >= low) & (times < high) for low, high in spans), start=times < 0)
    return BarArrays(
        times[is_in],
        bars.open[is_in],
        bars.high[is_in],
        bars.low[is_in],
        bars.close[is_in],
        bars.volume[is_in],
        bars.timeframe,
        bars.source,
    )
