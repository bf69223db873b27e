"""A span of sealed bars for a reader: what was asked, what is stored, where it came from."""

import re
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min
from django.utils.dateparse import parse_datetime

from markets.bars import BarArrays
from markets.models import Candle, Gap, Instrument
from markets.selectors import bars_load, base_timeframe, closed_through
from markets.types import TIMEFRAME_SECONDS
from mystic.lib.provenance import Provenance, may_be_live

HOUR = 3600
PERIODS = {
    "1H": HOUR,
    "4H": 4 * HOUR,
    "1D": 24 * HOUR,
    "1W": 7 * 24 * HOUR,
    "1M": 30 * 24 * HOUR,
    "3M": 90 * 24 * HOUR,
    "1Y": 365 * 24 * HOUR,
}
MOST_BARS = 5000
# Nothing is stored before Bitcoin; later than this the year has five digits.
EARLIEST, LATEST = 1_230_768_000, 253_402_300_799


class SpanError(ValueError):
    """Raised for a span that cannot be answered; `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end) in UTC epoch seconds, the bars' timeframe in seconds, the most of the newest."""

    timeframe: int
    start: int
    end: int
    limit: int | None = None

    @property
    def count(self) -> int:
        return -(-(self.end - self.start) // self.timeframe)


def timeframes() -> dict[str, int]:
    """Return the timeframes that can be made of the stored one."""
    base = base_timeframe()
    return {name: s for name, s in TIMEFRAME_SECONDS.items() if s >= base and s % base == 0}


def newest_moment(instrument: Instrument, *, now: int) -> int:
    """Return the epoch second that is now for this instrument: a replay's time is its bars'."""
    if not instrument.venue.is_replay:
        return now
    return closed_through(instrument.pk, base_timeframe()) or now


def time_read(text: str, name: str) -> int:
    """Return the epoch second of `text`: epoch seconds, or ISO 8601 with a zone."""
    is_epoch = re.fullmatch(r"[0-9]{1,11}", text)
    second = int(text) if is_epoch else _iso_second(text, name)
    if not EARLIEST <= second <= LATEST:
        raise SpanError("time_out_of_range", f"{name} must lie between the years 2009 and 9999")
    return second


def _iso_second(text: str, name: str) -> int:
    wanted = f"{name} wants ISO 8601 with a zone such as 2026-01-02T03:04:05Z, or epoch seconds"
    try:
        moment: datetime | None = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise SpanError("time_format", wanted)
    try:
        return int(moment.timestamp())
    except (OverflowError, ValueError):
        raise SpanError("time_out_of_range", wanted) from None


def span_of(
    *, timeframe: str, period: str, start: str, end: str, limit: int | None, now: int
) -> Span:
    """Return the span that a query means; `from` and `to` win over the period.

    Raises
    ------
    SpanError
        `bad_timeframe`, `bad_period`, `time_format`, `time_out_of_range`, `from_after_to`,
        `range_too_large`.
    """
    known = timeframes()
    if timeframe not in known:
        raise SpanError("bad_timeframe", f"timeframe must be one of {', '.join(known)}")
    if period and period not in PERIODS:
        raise SpanError("bad_period", f"period must be one of {', '.join(PERIODS)}")
    seconds = known[timeframe]
    until = time_read(end, "to") if end else now
    since = time_read(start, "from") if start else until - PERIODS[period or "1D"]
    if limit is not None and not start and not period:
        since = EARLIEST
    if since >= until:
        raise SpanError("from_after_to", "from must lie before to")
    span = Span(seconds, since, until, limit)
    if limit is None and span.count > MOST_BARS:
        message = f"{span.count} bars are asked for, at most {MOST_BARS} are given at once"
        raise SpanError("range_too_large", message)
    return span


def bars_of(instrument: Instrument, span: Span) -> BarArrays:
    """Return the sealed bars that opened and closed within the span."""
    most = min(span.count + 1, span.limit or MOST_BARS + 1)
    bars = bars_load(instrument.pk, span.timeframe, end=span.end, limit=most)
    return bars.cut(slice(int(bars.open_time.searchsorted(span.start)), None))


def origin_of(
    instrument: Instrument, bars: BarArrays, now: int
) -> tuple[Provenance, dict[str, int]]:
    """Return where the bars came from, and how many stored bars arrived in which way.

    They are live only when the newest closed a moment ago and came over the official host.
    """
    if not len(bars):
        return Provenance(instrument.venue.code, False, None, None), {}  # noqa: FBT003
    start, end = int(bars.open_time[0]), int(bars.open_time[-1]) + bars.timeframe
    stored = Candle.objects.filter(
        instrument_id=instrument.pk,
        timeframe=base_timeframe(),
        open_time__gte=start,
        open_time__lt=end,
    )
    counts: dict[str, int] = {}
    sources: set[str] = set()
    received: list[int] = []
    grouped = stored.order_by().values("origin", "source")
    for row in grouped.annotate(
        n=Count("*"), first=Min("received_at_ms"), last=Max("received_at_ms")
    ):
        counts[row["origin"]] = counts.get(row["origin"], 0) + row["n"]
        sources.add(row["source"])
        received.append(row["last"])
    is_official = all(may_be_live(source) for source in sources)
    origin = Provenance(
        source=",".join(sorted(sources)),
        is_live=is_official and 0 <= now - end < 2 * bars.timeframe,
        as_of_ms=end * 1000,
        received_at_ms=max(received, default=None),
    )
    return origin, counts


def gaps_of(instrument: Instrument, span: Span) -> list[Gap]:
    """Return the holes within the span: still open, or confirmed absent by the venue."""
    return list(
        Gap.objects.filter(instrument=instrument, start__lt=span.end, end__gt=span.start)
        .exclude(state=Gap.State.FILLED)
        .order_by("start")[:100]
    )
