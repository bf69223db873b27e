"""What is known of options: the chain of an underlying, unusual activity, what it was valued by."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db.models import Q

from markets.models import (
    Instrument,
    MacroPoint,
    OptionChain,
    OptionQuote,
    OptionUnderlying,
    SessionDay,
    UnusualActivity,
)
from markets.options.contracts import trading_day
from markets.providers.table import is_replaying
from markets.selectors import instrument_by_symbol
from mystic.lib.provenance import REPLAY_PREFIX, Provenance

# A quote of an open market that is older than this is stale.
STALE_MS = 20 * 60_000
# A rate that was not renewed for so long is not used.
OLDEST_RATE = timedelta(days=30)
SHORT_RATE, LONGER_RATE = "DGS1MO", "DGS3MO"
SHORT_YEARS = 60 / 365
DAY_S = 86_400


def has_options(instrument: Instrument) -> bool:
    """Tell whether options of this kind of instrument can be asked for: of stocks and funds."""
    return instrument.asset_class == Instrument.AssetClass.STOCK


def underlying_by_symbol(symbol: str) -> Instrument:
    """Return the instrument that `AAPL`, `AAPL/USD` or `AAPLUSD` names.

    Raises
    ------
    Instrument.DoesNotExist
        If none is known.
    """
    try:
        return instrument_by_symbol(symbol)
    except Instrument.DoesNotExist:
        found = underlyings_of([symbol.strip().upper()]) if symbol.isprintable() else []
        if not found:
            raise
        return found[0]


def underlyings_of(tickers: Sequence[str]) -> list[Instrument]:
    """Return the stocks of these tickers, one each, in the order of the tickers."""
    rows = Instrument.objects.filter(
        asset_class=Instrument.AssetClass.STOCK,
        base__in=tickers,
        venue__is_replay=is_replaying(settings.ENV),
    ).exclude(status=Instrument.Status.DELISTED)
    found: dict[str, Instrument] = {}
    for row in rows.select_related("venue").order_by("id"):
        found.setdefault(row.base, row)
    return [found[ticker] for ticker in tickers if ticker in found]


def is_session_open(instrument: Instrument, at_ms: int) -> bool:
    """Tell whether the underlying trades now; an unknown calendar counts as open."""
    if instrument.session_calendar == "24/7":
        return True
    at = at_ms // 1000
    rows = SessionDay.objects.filter(calendar=instrument.session_calendar)
    near = rows.filter(opens_at__gt=at - 10 * DAY_S, opens_at__lt=at + 10 * DAY_S)
    if not near.exists():
        return True
    return near.filter(opens_at__lte=at, closes_at__gt=at).exists()


@dataclass(frozen=True, slots=True)
class Rate:
    """A yearly rate, continuously compounded, and where it comes from."""

    value: float
    note: str


def rate_for(years: float, at_ms: int) -> Rate:
    """Return the risk-free rate for a time to expiry as it was known at a moment.

    FRED's constant-maturity yields of one month (up to 60 days) or three months, bond-equivalent
    percent, as a continuous rate: 2 ln(1 + y / 200). Without one: 0, and the note says so.
    """
    order = (SHORT_RATE, LONGER_RATE) if years <= SHORT_YEARS else (LONGER_RATE, SHORT_RATE)
    oldest = datetime.fromtimestamp(at_ms / 1000, tz=UTC).date() - OLDEST_RATE
    for series in order:
        point = (
            MacroPoint.objects.filter(
                instrument__native_id=series,
                instrument__venue__is_replay=is_replaying(settings.ENV),
                available_at__lte=at_ms // 1000,
                period__gte=oldest,
            )
            .order_by("-period", "-available_at")
            .first()
        )
        if point is not None and -50 < point.value < 100:
            note = f"{series} of {point.period}: {point.value:g} % ({point.source})"
            return Rate(2 * math.log1p(point.value / 200), note)
    return Rate(0.0, f"assumed 0: no {SHORT_RATE} or {LONGER_RATE} is stored")


def expiries_of(instrument: Instrument, at_ms: int) -> list[OptionChain]:
    """Return the listed expiries that are not over, the nearest first."""
    today = trading_day(at_ms)
    return list(
        OptionChain.objects.filter(underlying=instrument, is_listed=True, expiry__gte=today)
    )


def underlying_state(instrument: Instrument) -> OptionUnderlying | None:
    return OptionUnderlying.objects.filter(instrument=instrument).first()


def quotes_of(
    chain: OptionChain,
    *,
    kind: str = "",
    low: float | None = None,
    high: float | None = None,
) -> list[OptionQuote]:
    """Return the newest quotes of one expiry by strike, calls before puts."""
    if chain.snapshot_ms is None:
        return []
    wanted = Q(
        underlying_id=chain.underlying_id, expiry=chain.expiry, received_at_ms=chain.snapshot_ms
    )
    if kind:
        wanted &= Q(kind=kind)
    if low is not None:
        wanted &= Q(strike__gte=low)
    if high is not None:
        wanted &= Q(strike__lte=high)
    return list(OptionQuote.objects.filter(wanted).order_by("strike", "kind"))


def chain_provenance(
    chain: OptionChain, quotes: Sequence[OptionQuote], at_ms: int
) -> Provenance | None:
    """Return where a chain came from; live only when official, not delayed and fresh."""
    if chain.snapshot_ms is None or not quotes:
        return None
    told = [quote.as_of_ms for quote in quotes if quote.as_of_ms is not None]
    is_delayed = any(quote.is_delayed for quote in quotes)
    is_stale = at_ms - chain.snapshot_ms > STALE_MS
    is_official = not chain.source.startswith(REPLAY_PREFIX)
    return Provenance(
        source=chain.source,
        is_live=is_official and not is_delayed and not is_stale,
        as_of_ms=min(told, default=None),
        received_at_ms=chain.snapshot_ms,
        is_delayed=is_delayed,
        is_stale=is_stale,
    )


def unusual_recent(
    *, instrument: Instrument | None = None, day: date | None = None, limit: int
) -> list[UnusualActivity]:
    """Return what stood out, the newest day first, there the highest score."""
    rows = UnusualActivity.objects.filter(
        underlying__venue__is_replay=is_replaying(settings.ENV)
    ).select_related("underlying")
    if instrument is not None:
        rows = rows.filter(underlying=instrument)
    if day is not None:
        rows = rows.filter(day=day)
    return list(rows.order_by("-day", "-score", "contract")[:limit])
