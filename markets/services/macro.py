"""Macro series: read what is due from FRED, keep every vintage with the moment of its release."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from markets.asking import NoSource, SourcePool, Told
from markets.models import FeedState, Instrument, MacroPoint
from markets.providers.fred import SeriesInfo
from markets.providers.rows import ObservationRow
from markets.services.feeds import (
    feed_claim,
    feed_failed,
    feed_succeeded,
    known_from,
    macro_instrument,
    received_now,
)

log = logging.getLogger(__name__)

# FRED's days are those of St. Louis.
ZONE = ZoneInfo("America/Chicago")
HISTORY = timedelta(days=3653)
OVERLAP = timedelta(days=3)
EVERY = timedelta(hours=2)
MOST_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Read:
    """What one request for a series brought; `rows` None where it says that nothing is new."""

    info: SeriesInfo
    rows: list[ObservationRow] | None


def released_at(vintage: date, updated_at: datetime | None) -> int:
    """Return when a vintage could first be known, UTC epoch seconds.

    The day is all that FRED keeps of a release. Of the newest it also says the moment
    (`last_updated`); every other counts from the end of its day, rather late than early.
    """
    if updated_at is not None and updated_at.astimezone(ZONE).date() == vintage:
        return -int(-updated_at.timestamp() // 1)
    end = datetime.combine(vintage + timedelta(days=1), time(0), ZONE)
    return int(end.timestamp())


def macro_read(
    *, env: Mapping[str, Any] | None = None, now: datetime | None = None, most: int = MOST_AT_ONCE
) -> int:
    """Read the series that are due, at most so many; return how many rows were new."""
    env, now = settings.ENV if env is None else env, now or timezone.now()
    code = SourcePool(["fred"], env=env).codes().get("fred")
    if code is None:
        return 0
    written = claimed = 0
    for series in env["MYSTIC_MACRO"]:
        if claimed == most:
            break
        state = feed_claim(f"{code}:{series}", now=now)
        if state is None:
            continue
        claimed += 1
        newest = MacroPoint.objects.filter(instrument__symbol=series, instrument__venue__code=code)
        last = newest.order_by("-vintage").values_list("vintage", flat=True).first()
        written += _series_read(series, last, state, env, now)
    return written


def _series_read(
    series: str, last: date | None, state: FeedState, env: Mapping[str, Any], now: datetime
) -> int:
    try:
        told = async_to_sync(_ask)(series, last, state.told.get("last_updated", ""), env, now)
    except NoSource as fault:
        log.info("the series %s waits: %s", series, fault)
        feed_failed(state, reason=str(fault), now=now)
        return 0
    return macro_store(told, state=state, began=now)


async def _ask(
    series: str, last: date | None, updated: str, env: Mapping[str, Any], now: datetime
) -> Told[Read]:
    today = now.astimezone(ZONE).date()

    async def read(rest: Any) -> Read:
        info: SeriesInfo = await rest.series(series)
        if last is not None and info.updated_at and info.updated_at.isoformat() == updated:
            return Read(info, None)
        begin = today - HISTORY if last is None else min(last, today) - OVERLAP
        rows = await rest.observations(
            series, known_from=begin, today=today, period_from=today - HISTORY
        )
        return Read(info, rows)

    pool = SourcePool(["fred"], env=env)
    try:
        return await pool.ask("macro", read)
    finally:
        await pool.aclose()


def macro_store(told: Told[Read], *, state: FeedState, began: datetime) -> int:
    """Write what is new of a series and note the reading; return how many rows were new."""
    info, rows = told.value.info, told.value.rows
    about = {
        "title": info.title,
        "unit": info.unit,
        "frequency": info.frequency,
        "last_updated": info.updated_at.isoformat() if info.updated_at else "",
    }
    followed_from = state.followed_from
    with transaction.atomic():
        instrument = macro_instrument(venue_code=told.source, series=info.series, name=info.title)
        # This write takes the lock that some databases need, so that the clock is read behind it.
        feed_succeeded(state, began=began, next_read_at=began + EVERY, told=about)
        received = received_now()
        today = began.astimezone(ZONE).date()
        new = _new_rows(instrument, rows or (), today)
        made = [
            MacroPoint(
                instrument=instrument,
                period=row.period,
                value=row.value,
                vintage=row.vintage,
                available_at=known_from(
                    released_at(row.vintage, info.updated_at),
                    followed_from=followed_from,
                    received=received,
                ),
                source=told.source,
                received_at_ms=told.received_at_ms,
            )
            for row in new
        ]
        MacroPoint.objects.bulk_create(made, ignore_conflicts=True, batch_size=1000)
    return len(made)


def _new_rows(
    instrument: Instrument, rows: Sequence[ObservationRow], today: date
) -> Iterable[ObservationRow]:
    """Yield the rows that say something else than what is stored of their period by their day.

    FRED may correct a value on the very day of its release, and keeps that day: such a
    correction gets the day on which we learnt of it, once that is a later one.
    """
    stored: dict[date, dict[date, float]] = defaultdict(dict)
    periods = {row.period for row in rows}
    if periods:
        for period, vintage, value in MacroPoint.objects.filter(
            instrument=instrument, period__gte=min(periods), period__lte=max(periods)
        ).values_list("period", "vintage", "value"):
            stored[period][vintage] = value
    for row in rows:
        known = stored[row.period]
        vintage = row.vintage
        if vintage in known and known[vintage] != row.value and vintage == max(known) < today:
            vintage = today
        before = [day for day in known if day <= vintage]
        if before and (max(before) == vintage or known[max(before)] == row.value):
            continue
        known[vintage] = row.value
        yield ObservationRow(row.period, row.value, vintage)
