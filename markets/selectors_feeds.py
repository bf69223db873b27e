"""What is asked about slow feeds: points for strategies, and what the pages show of them."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from django.conf import settings
from django.db.models import Max, Q
from numpy.typing import NDArray

from markets.models import BookStat, Instrument, MacroPoint, SentimentPoint, UnusualActivity
from markets.options.contracts import parse
from markets.providers.rows import OptionKind
from markets.providers.table import is_replaying
from mystic.lib.clock import now_ms
from mystic.lib.provenance import REPLAY_PREFIX

MACRO, BOOK = "macro:", "book."
BOOK_FIELDS = frozenset(
    {"spread", "imbalance", "micro_offset", "order_flow_imbalance", "bid_depth", "ask_depth"}
    | {"void_above", "void_below", "buy_volume", "sell_volume"}
)
MINUTE_S, DAY_S = 60, 86_400
# The streamer writes a minute of the book a few seconds after its end.
BOOK_WRITTEN_S = 15
# A chain is valued, judged and stored within so many seconds of its snapshot.
UNUSUAL_WRITTEN_S = 15


class UnknownFeedError(LookupError):
    """No feed has this name; the sentence says which may be meant."""


@dataclass(frozen=True, slots=True)
class FeedPoints:
    """Points in the order in which they became known; `available_at` in UTC epoch seconds."""

    available_at: NDArray[np.int64]
    value: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Iterable[tuple[int, float]]) -> "FeedPoints":
        """Return rows that are in order already; of one moment the last counts."""
        kept = dict(rows)
        return cls(
            np.fromiter(kept.keys(), dtype=np.int64, count=len(kept)),
            np.fromiter(kept.values(), dtype=np.float64, count=len(kept)),
        )


def feed_points(
    name: str, instrument_id: int | None, start: int, end: int | None = None
) -> FeedPoints:
    """Return the points of a feed with `start < available_at <= end`, all later ones without `end`.

    What was known at a moment is decided by `available_at` alone. Live and replayed points are
    never mixed.

    Parameters
    ----------
    name : str
        `fear_greed`; `news` (of an instrument) and `market_news`: the mean tone of an hour;
        `unusual_options` (of a stock): premium of the day's unusual calls less that of its puts;
        `macro:<series>`: the newest period as it was published; `book.<column of BookStat>`.

    Raises
    ------
    UnknownFeedError
        If there is no such feed, or no such series is read.
    """
    span = (
        Q(available_at__gt=start)
        if end is None
        else Q(available_at__gt=start) & Q(available_at__lte=end)
    )
    if name.startswith(MACRO):
        return _macro(name.removeprefix(MACRO), start, span)
    if name.startswith(BOOK):
        return _book(name.removeprefix(BOOK), instrument_id, start, end)
    if name in {"fear_greed", "market_news"}:
        return _mood(name.removeprefix("market_"), None, span)
    if name == "news":
        return FeedPoints.of(()) if instrument_id is None else _mood("news", instrument_id, span)
    if name == "unusual_options":
        return FeedPoints.of(() if instrument_id is None else _unusual(instrument_id, start, end))
    raise UnknownFeedError(f"there is no feed {name}")


def feed_settled(name: str, instrument_id: int | None, *, newest_close: int) -> int:
    """Return the moment up to which no point of a feed will be added any more.

    A row may be read some seconds after it is stored, so everything up to now is settled. A minute
    of the book is known at its very end and is stored a little later: it is waited for until it is
    there, its time to be written is over, or another bar has closed (a replay's only clock).

    Parameters
    ----------
    newest_close : int
        When the newest bar of the instrument closed, UTC epoch seconds.
    """
    now = now_ms() // 1000
    if not name.startswith(BOOK) or instrument_id is None:
        return now
    newest = BookStat.objects.filter(instrument_id=instrument_id).aggregate(at=Max("open_time"))
    stored = -1 if newest["at"] is None else newest["at"] + MINUTE_S
    written = -1 if is_replaying(settings.ENV) else now - BOOK_WRITTEN_S
    return min(now, max(stored, written, newest_close - MINUTE_S))


def _mood(name: str, instrument_id: int | None, span: Q) -> FeedPoints:
    of = Q(instrument__isnull=True) if instrument_id is None else Q(instrument_id=instrument_id)
    rows = SentimentPoint.objects.filter(span, of, name=name)
    replayed = Q(source__startswith=REPLAY_PREFIX)
    rows = rows.filter(replayed if is_replaying(settings.ENV) else ~replayed)
    ordered = rows.order_by("available_at", "period", "pk")
    return FeedPoints.of(ordered.values_list("available_at", "value"))


def _macro(series: str, start: int, span: Q) -> FeedPoints:
    """Return the value of the newest period at each release; a revision of an older one is none."""
    instrument = macro_series(series)
    if instrument is None:
        return FeedPoints.of(())
    points = MacroPoint.objects.filter(instrument=instrument)
    newest = points.filter(available_at__lte=start).aggregate(at=Max("period"))["at"]
    kept: list[tuple[int, float]] = []
    rows = points.filter(span).order_by("available_at", "period", "vintage")
    for period, value, at in rows.values_list("period", "value", "available_at"):
        if newest is None or period >= newest:
            newest = period
            kept.append((at, value))
    return FeedPoints.of(kept)


def _unusual(instrument_id: int, start: int, end: int | None) -> Iterator[tuple[int, float]]:
    """Yield the sum of the trading day so far at each contract that stood out.

    Premium of calls less premium of puts, in the quote asset. A contract whose premium is not known
    counts nothing. It is known when it was seen, and the seconds in which it is stored.
    """
    rows = UnusualActivity.objects.filter(
        underlying_id=instrument_id, premium__isnull=False, day__gte=_day_before(start)
    ).order_by("detected_at_ms", "pk")
    net: dict[date, float] = {}
    for contract, day, premium, at_ms in rows.values_list(
        "contract", "day", "premium", "detected_at_ms"
    ):
        sign = 1 if parse(contract).kind is OptionKind.CALL else -1
        net[day] = net.get(day, 0.0) + sign * (premium or 0.0)
        at = -(-at_ms // 1000) + UNUSUAL_WRITTEN_S
        if start < at and (end is None or at <= end):
            yield at, net[day]


def _day_before(moment: int) -> date:
    """Return a day that no trading day touched after a moment can precede."""
    return datetime.fromtimestamp(max(moment, DAY_S) - DAY_S, tz=UTC).date()


def _book(field: str, instrument_id: int | None, start: int, end: int | None) -> FeedPoints:
    if field not in BOOK_FIELDS:
        raise UnknownFeedError(f"there is no feed book.{field}")
    if instrument_id is None:
        return FeedPoints.of(())
    rows = BookStat.objects.filter(instrument_id=instrument_id, open_time__gt=start - MINUTE_S)
    if end is not None:
        rows = rows.filter(open_time__lte=end - MINUTE_S)
    found = rows.exclude(**{field: None}).order_by("open_time").values_list("open_time", field)
    return FeedPoints.of((at + MINUTE_S, value) for at, value in found)


def _macro_instruments() -> "dict[str, Instrument]":
    rows = Instrument.objects.filter(
        asset_class=Instrument.AssetClass.MACRO, venue__is_replay=is_replaying(settings.ENV)
    )
    return {row.symbol: row for row in rows.select_related("venue").order_by("pk")}


def macro_series(series: str) -> Instrument | None:
    """Return the catalogue's row of a macro series, None for one that was not read yet.

    Raises
    ------
    UnknownFeedError
        If the series is neither stored nor in MYSTIC_MACRO.
    """
    stored = _macro_instruments()
    if series in stored:
        return stored[series]
    wanted = settings.ENV["MYSTIC_MACRO"]
    if series not in wanted:
        close = difflib.get_close_matches(series, sorted({*stored, *wanted}), n=1)
        hint = f"Did you mean {close[0]}?" if close else "Add it to MYSTIC_MACRO."
        raise UnknownFeedError(f"the macro series {series} is not read. {hint}")
    return None
