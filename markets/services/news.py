"""News: read the feeds that are due, keep each story once, say whom it is about and its tone."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from markets.models import Instrument, NewsFeed, NewsItem
from markets.providers.news import FeedAnswer, FeedReader, Policy, public_only
from markets.providers.rows import NewsRow
from markets.providers.table import PROVIDERS, off_reason
from markets.sentiment.doubles import Story, item_key
from markets.sentiment.names import Finder, Known
from markets.sentiment.tone import METHOD, tone_of
from markets.services.feeds import CLAIM, SETTLE_S, received_now, retry_after
from mystic.lib.clock import from_ms
from mystic.lib.http import Blocked, RateLimited, SourceError

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
BLOCKED = timedelta(hours=6)
MOST_AT_ONCE = 4
# What was published longer ago is no news, and doubles are looked for further back than that.
OLDEST = timedelta(days=7)
DOUBLES = timedelta(days=14)


@dataclass(slots=True)
class Stored:
    """What is stored already: keys, links and stories of the last days."""

    keys: set[str]
    links: set[str]
    stories: list[Story] = field(default_factory=list)


def news_read(
    *,
    env: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    most: int = MOST_AT_ONCE,
    policy: Policy = public_only,
) -> int:
    """Read the feeds that are due, at most so many; return how many stories were new.

    Parameters
    ----------
    policy
        Refuses addresses that may not be asked; the product's own lets public hosts through.
    """
    env, now = settings.ENV if env is None else env, now or timezone.now()
    if off_reason(PROVIDERS["news"], env):
        return 0
    feeds = [feed for feed in _due(now)[:most] if _claimed(feed, now)]
    if not feeds:
        return 0
    answers = async_to_sync(_read_all)(feeds, policy)
    return sum(
        _failed(feed, answer, now)
        if isinstance(answer, SourceError)
        else news_store(feed, answer, now=now)
        for feed, answer in zip(feeds, answers, strict=True)
    )


def _due(now: datetime) -> list[NewsFeed]:
    due = NewsFeed.objects.filter(is_active=True, next_read_at__lte=now)
    return list(due.order_by("next_read_at", "pk"))


def _claimed(feed: NewsFeed, now: datetime) -> bool:
    mine = NewsFeed.objects.filter(pk=feed.pk, next_read_at=feed.next_read_at)
    return bool(mine.update(next_read_at=now + CLAIM))


async def _read_all(feeds: Sequence[NewsFeed], policy: Policy) -> list[FeedAnswer | SourceError]:
    reader = FeedReader(policy=policy)

    async def read(feed: NewsFeed) -> FeedAnswer | SourceError:
        try:
            return await reader.read(feed.url, etag=feed.etag, last_modified=feed.last_modified)
        except SourceError as fault:
            return fault

    return await asyncio.gather(*(read(feed) for feed in feeds))


def _failed(feed: NewsFeed, fault: SourceError, now: datetime) -> int:
    """Note why a feed gave nothing; one that fails again and again is asked less and less."""
    wait = retry_after(feed.failures + 1)
    if isinstance(fault, RateLimited) and fault.retry_after_s is not None:
        wait = max(wait, timedelta(seconds=min(fault.retry_after_s, 86_400)))
    if isinstance(fault, Blocked):
        wait = max(wait, BLOCKED)
    feed.next_read_at, feed.last_error = now + wait, str(fault)[:300]
    feed.failures += 1
    feed.save(update_fields=["next_read_at", "last_error", "failures"])
    log.info("the feed %s waits: %s", feed.name, fault)
    return 0


def news_store(feed: NewsFeed, answer: FeedAnswer, *, now: datetime) -> int:
    """Write the stories that are new and note the reading; return how many there were.

    The same story of two feeds is one row, that of the feed which had it first.
    """
    told = [row for row in answer.rows if _is_news(row, now)]
    tones = {row.title: tone_of(row.title) for row in told}
    finder = _finder() if told else Finder(())
    with transaction.atomic():
        feed.last_read_at, feed.next_read_at = now, now + EVERY
        feed.failures, feed.last_error = 0, ""
        feed.etag, feed.last_modified = answer.etag, answer.last_modified
        feed.save()
        known = _known(now) if told else Stored(set(), set())
        made = []
        for row in told:
            key = item_key(feed=feed.url, guid=row.guid, link=row.link, title=row.title)
            if not _is_new(row, key, known):
                continue
            item, is_new = NewsItem.objects.get_or_create(
                key=key,
                defaults={
                    "feed": feed,
                    "title": row.title,
                    "link": row.link,
                    "summary": row.summary,
                    "published_at": _published(row, now),
                    "available_at": received_now() + SETTLE_S,
                    "sentiment": tones[row.title],
                    "method": METHOD,
                },
            )
            if is_new:
                item.instruments.set(finder.find(f"{row.title}\n{row.summary}"))
                made.append(item.pk)
        # Many stories take their time: they count from the moment at which all are stored.
        NewsItem.objects.filter(pk__in=made).update(available_at=received_now() + SETTLE_S)
    return len(made)


def _is_news(row: NewsRow, now: datetime) -> bool:
    return row.published_ms is None or from_ms(row.published_ms) > now - OLDEST


def _published(row: NewsRow, now: datetime) -> datetime:
    """Return the feed's time of a story, or now where it gives none or one that is to come."""
    return now if row.published_ms is None else min(from_ms(row.published_ms), now)


def _known(now: datetime) -> Stored:
    since = int((now - DOUBLES).astimezone(UTC).timestamp())
    known = Stored(set(), set())
    rows = NewsItem.objects.filter(available_at__gte=since).order_by()
    for key, link, title in rows.values_list("key", "link", "title"):
        known.keys.add(key)
        known.links.add(link)
        known.stories.append(Story.of(title))
    return known


def _is_new(row: NewsRow, key: str, known: Stored) -> bool:
    """Tell whether a story is not known, and know it from now on."""
    story = Story.of(row.title)
    is_known = (
        key in known.keys
        or (row.link and row.link in known.links)
        or any(story.is_like(other) for other in known.stories)
    )
    if is_known:
        return False
    known.keys.add(key)
    known.links.add(row.link)
    known.stories.append(story)
    return True


def _finder() -> Finder:
    """Return what finds the watched instruments in a text."""
    rows = Instrument.objects.filter(
        is_watched=True,
        asset_class__in=(Instrument.AssetClass.CRYPTO, Instrument.AssetClass.STOCK),
    )
    return Finder(
        Known(row.pk, row.base or row.symbol, _company(row)) for row in rows.order_by("pk")
    )


def _company(row: Instrument) -> str:
    return row.name if row.asset_class == Instrument.AssetClass.STOCK else ""
