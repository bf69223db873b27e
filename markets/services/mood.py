"""The market's mood: the fear and greed index, and the tone of each hour's news."""

import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from markets.asking import NoSource, SourcePool, Told
from markets.models import FeedState, NewsItem, SentimentPoint
from markets.providers.fear_greed import MoodAnswer
from markets.sentiment.tone import METHOD
from markets.services.feeds import (
    SETTLE_S,
    feed_claim,
    feed_failed,
    feed_succeeded,
    known_from,
    received_now,
)
from mystic.lib.clock import now_ms

log = logging.getLogger(__name__)

HOUR_S, DAY_S = 3600, 86_400
AFTER_UPDATE = timedelta(minutes=5)
EVERY = timedelta(hours=1)
MOST_DAYS = 365
# Hours that ended longer ago are not worked out any more.
MOST_HOURS = 48
# The last texts of an hour are stored by then.
PATIENCE_S = 60


def fear_greed_read(*, env: Mapping[str, Any] | None = None, now: datetime | None = None) -> int:
    """Read the index where it is due; return how many values were new.

    A source that fails leaves the last value, with its age, and nothing in place of the new one.
    """
    env, now = settings.ENV if env is None else env, now or timezone.now()
    code = SourcePool(["fear_greed"], env=env).codes().get("fear_greed")
    state = feed_claim(code, now=now) if code is not None else None
    if state is None:
        return 0
    try:
        told = async_to_sync(_ask)(_days_wanted(state, now), env)
    except NoSource as fault:
        log.info("the fear and greed index waits: %s", fault)
        feed_failed(state, reason=str(fault), now=now)
        return 0
    return fear_greed_store(told, state=state, began=now)


def _days_wanted(state: FeedState, now: datetime) -> int:
    """Return how many values to ask for: all at first, then those since the last reading."""
    if state.followed_from is None or state.last_read_at is None:
        return 0
    return min((now - state.last_read_at).days + 3, MOST_DAYS)


async def _ask(limit: int, env: Mapping[str, Any]) -> Told[MoodAnswer]:
    pool = SourcePool(["fear_greed"], env=env)
    try:
        return await pool.ask("mood", lambda rest: rest.index(limit))
    finally:
        await pool.aclose()


def fear_greed_store(told: Told[MoodAnswer], *, state: FeedState, began: datetime) -> int:
    """Write the values that are new and note the reading; return how many were new."""
    wait = told.value.next_in_s
    pause = EVERY if wait is None else timedelta(seconds=wait) + AFTER_UPDATE
    followed_from = state.followed_from
    begin = int(began.timestamp())
    with transaction.atomic():
        feed_succeeded(state, began=began, next_read_at=began + pause)
        received = received_now()
        periods = {row.period for row in told.value.rows}
        stored = set(
            SentimentPoint.objects.filter(
                name="fear_greed", source=told.source, instrument=None, period__in=periods
            ).values_list("period", flat=True)
        )
        new = [row for row in told.value.rows if row.period not in stored]
        SentimentPoint.objects.bulk_create(
            [
                SentimentPoint(
                    name="fear_greed",
                    value=row.value,
                    label=row.label,
                    period=row.period,
                    # When in its day a value came out is not told: of the past its end counts.
                    available_at=known_from(
                        row.period + DAY_S,
                        followed_from=followed_from,
                        received=received,
                    )
                    if row.period + DAY_S <= begin
                    else max(row.period, received + SETTLE_S),
                    source=told.source,
                    received_at_ms=told.received_at_ms,
                )
                for row in new
            ],
            ignore_conflicts=True,
            batch_size=1000,
        )
    return len(new)


def news_mood_write(*, source: str = "news", now_s: int | None = None) -> int:
    """Write the mean tone of each hour that is over, of the market and each instrument.

    An hour without news has no point. Returns how many points were new.
    """
    now = received_now() if now_s is None else now_s
    end = (now - PATIENCE_S) // HOUR_S * HOUR_S
    begin = end - MOST_HOURS * HOUR_S
    stored = set(
        SentimentPoint.objects.filter(name="news", source=source, period__gte=begin).values_list(
            "period", "instrument_id"
        )
    )
    tones = {
        key: values for key, values in _tones(begin, end).items() if (key[0], key[1]) not in stored
    }
    if not tones:
        return 0
    with transaction.atomic():
        made = SentimentPoint.objects.bulk_create(
            [
                SentimentPoint(
                    name="news",
                    instrument_id=instrument_id,
                    value=sum(values) / len(values),
                    count=len(values),
                    method=METHOD,
                    period=hour,
                    available_at=max(hour + HOUR_S, now + SETTLE_S),
                    source=source,
                    received_at_ms=now * 1000 if now_s is not None else now_ms(),
                )
                for (hour, instrument_id), values in tones.items()
            ],
            ignore_conflicts=True,
        )
    return len(made)


def _tones(begin: int, end: int) -> dict[tuple[int, int | None], list[float]]:
    """Return the tones of the texts by hour and instrument, None for the whole market."""
    found: dict[tuple[int, int | None], list[float]] = defaultdict(list)
    items = NewsItem.objects.filter(
        available_at__gte=begin, available_at__lt=end, sentiment__isnull=False
    ).order_by("available_at", "pk")
    for at, tone in items.values_list("available_at", "sentiment"):
        found[at // HOUR_S * HOUR_S, None].append(float(tone or 0))
    for at, tone, instrument_id in items.filter(instruments__isnull=False).values_list(
        "available_at", "sentiment", "instruments"
    ):
        found[at // HOUR_S * HOUR_S, instrument_id].append(float(tone or 0))
    return found
