"""The stored snapshots of option chains: a contract's own past, and what is thrown away."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Q

from markets.models import OptionChain, OptionQuote, UnusualActivity
from markets.options.contracts import EXCHANGE_ZONE, trading_day

# Every snapshot is kept for so many days, then the last of each day.
INTRADAY_DAYS = 3
HISTORY_DAYS = 400
# How far back a contract's own volume is looked at.
TYPICAL_DAYS = 30
DAY_MS = 86_400_000
CHUNK = 50


def day_start_ms(day: date) -> int:
    """Return midnight in New York, UTC epoch milliseconds."""
    moment = datetime.combine(day, time(), EXCHANGE_ZONE).astimezone(UTC)
    return int(moment.timestamp() * 1000)


def volumes_before(
    underlying_id: int, contracts: Sequence[str], *, before: date
) -> dict[str, list[int]]:
    """Return each contract's volume at the last snapshot of each stored day before a day."""
    if not contracts:
        return {}
    rows = (
        OptionQuote.objects.filter(
            underlying_id=underlying_id,
            received_at_ms__gte=day_start_ms(before - timedelta(days=TYPICAL_DAYS)),
            received_at_ms__lt=day_start_ms(before),
            volume__isnull=False,
            expiry__gte=before,
        )
        .order_by("received_at_ms")
        .values_list("contract", "received_at_ms", "volume")
    )
    wanted = set(contracts)
    last: dict[str, dict[date, int]] = {}
    for contract, at_ms, volume in rows.iterator():
        if contract in wanted:
            last.setdefault(contract, {})[trading_day(at_ms)] = volume or 0
    return {contract: list(days.values()) for contract, days in last.items()}


def options_prune(*, at_ms: int) -> int:
    """Throw away what history does not need, and return how many quotes went.

    Kept are: all snapshots of the last days, the last one of each day of an expiry before that,
    nothing older than `HISTORY_DAYS`. Expiries that are over leave the list of chains.
    """
    today = trading_day(at_ms)
    oldest = day_start_ms(today - timedelta(days=HISTORY_DAYS))
    recent = day_start_ms(today - timedelta(days=INTRADAY_DAYS))
    gone, _ = OptionQuote.objects.filter(received_at_ms__lt=oldest).delete()
    UnusualActivity.objects.filter(day__lt=today - timedelta(days=HISTORY_DAYS)).delete()
    OptionChain.objects.filter(expiry__lt=today).delete()
    snapshots = (
        OptionQuote.objects.filter(received_at_ms__lt=recent)
        .order_by()
        .values_list("underlying_id", "expiry", "received_at_ms")
        .distinct()
    )
    newest: dict[tuple[int, date, date], int] = {}
    found = list(snapshots)
    for underlying_id, expiry, received in found:
        key = (underlying_id, expiry, trading_day(received))
        newest[key] = max(newest.get(key, 0), received)
    doomed = [
        Q(underlying_id=underlying_id, expiry=expiry, received_at_ms=received)
        for underlying_id, expiry, received in found
        if newest[underlying_id, expiry, trading_day(received)] != received
    ]
    for begin in range(0, len(doomed), CHUNK):
        wanted = Q()
        for one in doomed[begin : begin + CHUNK]:
            wanted |= one
        count, _ = OptionQuote.objects.filter(wanted).delete()
        gone += count
    return gone
