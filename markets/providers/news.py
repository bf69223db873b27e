"""News feeds (RSS, Atom): read with care, for what they hold is foreign text."""

import asyncio
import io
import re
import socket
from calendar import timegm
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Self
from urllib.parse import parse_qsl, urljoin, urlsplit

from markets.providers.rows import NewsRow
from markets.sentiment.plain import clean_link, plain_text
from mystic.lib.http import Answer, HttpClient, Malformed, Refused, SourceError
from mystic.lib.ratelimit import Priority, WeightBudget

REQUESTS_PER_MINUTE = 60
MAX_BYTES = 2 * 1024 * 1024
TOTAL_S = 10.0
MOST_HOPS = 3
MOST_ENTRIES = 200
TITLE, SUMMARY = 300, 500
MOVED = frozenset({301, 302, 303, 307, 308})
HEADERS = {
    "Accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.8"
}
# A document that declares entities of its own is refused before a parser sees it.
DECLARATION = re.compile(rb"<!ENTITY", re.IGNORECASE)

Policy = Callable[[str], Awaitable[None]]
"""Raises `Refused` for an address that may not be asked."""


async def public_only(url: str) -> None:
    """Refuse an address that is not https, or whose host is not on the public internet.

    Raises
    ------
    Refused
        Also where the name cannot be resolved.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" or not host or parts.username is not None:
        raise Refused(f"the feed address {host or 'without a host'} is not plain https")
    addresses = await _addresses(host, parts.port or 443)
    if not addresses or not all(one.is_global and not one.is_multicast for one in addresses):
        raise Refused(f"the host {host} of a feed is not on the public internet")


async def _addresses(host: str, port: int) -> set[IPv4Address | IPv6Address]:
    """Return what a name resolves to; a literal address is itself."""
    with suppress(ValueError):
        return {ip_address(host)}
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused(f"the host {host} of a feed is not known") from None
    return {ip_address(str(one[4][0]).partition("%")[0]) for one in found}


@dataclass(frozen=True, slots=True)
class FeedAnswer:
    """What a feed holds; with `is_unchanged` it said that nothing is new since the last time."""

    rows: list[NewsRow] = field(default_factory=list)
    etag: str = ""
    last_modified: str = ""
    is_unchanged: bool = False


class _FeedClient(HttpClient):
    """Takes "not modified" and redirects as answers; who asked follows them with care."""

    def error_of(self, answer: Answer, where: str) -> SourceError | None:
        if answer.status == 304 or answer.status in MOVED:
            return None
        return super().error_of(answer, where)


class FeedReader:
    """Reads feeds of any host that the policy allows; one per event loop."""

    provider = "news"
    source = "news"
    is_official = True

    def __init__(self, budget: WeightBudget | None = None, policy: Policy = public_only) -> None:
        self.budget = budget or WeightBudget(REQUESTS_PER_MINUTE)
        self._policy = policy

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self:
        return cls()

    async def aclose(self) -> None:
        """Every request has a client of its own, which is closed with it."""

    async def read(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        priority: Priority = Priority.BACKFILL,
    ) -> FeedAnswer:
        """Return what a feed holds, following at most three redirects.

        Raises
        ------
        SourceError
            `Refused` where the policy forbids an address, `Malformed` for what is no feed.
        """
        marks = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        headers = HEADERS | {name: value for name, value in marks.items() if value}
        for _ in range(MOST_HOPS + 1):
            await self._policy(url)
            answer = await self._ask(url, headers, priority)
            if answer.status == 304:
                return FeedAnswer(etag=etag, last_modified=last_modified, is_unchanged=True)
            if answer.status not in MOVED:
                return FeedAnswer(
                    rows_of(answer.body),
                    etag=_mark(answer, "etag", 200),
                    last_modified=_mark(answer, "last-modified", 80),
                )
            url = urljoin(url, answer.headers.get("location", ""))
        raise Malformed(f"{urlsplit(url).hostname} leads on more than {MOST_HOPS} times")

    async def _ask(self, url: str, headers: Mapping[str, str], priority: Priority) -> Answer:
        parts = urlsplit(url)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        async with _FeedClient(
            f"{parts.scheme}://{parts.netloc}",
            max_bytes=MAX_BYTES,
            total_s=TOTAL_S,
            headers=headers,
        ) as client:
            return await client.get(parts.path or "/", query, gate=self.budget.gate(1, priority))


def _mark(answer: Answer, name: str, longest: int) -> str:
    """Return a header to be sent back next time; one too long to keep is forgotten whole."""
    text = answer.headers.get(name, "")
    return text if len(text) <= longest and text.isascii() and text.isprintable() else ""


def rows_of(body: bytes) -> list[NewsRow]:
    """Return the items of a feed as plain text with clean links.

    Raises
    ------
    Malformed
        For a document that declares entities, or is neither RSS nor Atom.
    """
    import feedparser

    if DECLARATION.search(body.replace(b"\0", b"")):
        message = "the feed declares entities, which no feed needs"
        raise Malformed(message)
    try:
        # As a file: bytes that look like a path would be opened.
        told = feedparser.parse(io.BytesIO(body), resolve_relative_uris=False, sanitize_html=False)
    except (ValueError, LookupError, RecursionError, AssertionError) as fault:
        raise Malformed(f"the feed cannot be read: {type(fault).__name__}") from None
    if not told.get("version") and not told.entries:
        message = "the answer is neither RSS nor Atom"
        raise Malformed(message)
    rows = (_row(entry) for entry in told.entries[:MOST_ENTRIES])
    return [row for row in rows if row.title]


def _row(entry: Any) -> NewsRow:
    guid, title, link = _text(entry, "id"), _text(entry, "title"), _text(entry, "link")
    return news_row(guid, title, link, _text(entry, "summary"), _moment(entry))


def news_row(guid: str, title: str, link: str, summary: str, published_ms: int | None) -> NewsRow:
    """Return a piece of news as plain text with a clean link, whatever its source wrote."""
    return NewsRow(
        guid=plain_text(guid, 500),
        title=plain_text(title, TITLE),
        link=clean_link(link),
        summary=plain_text(summary, SUMMARY),
        published_ms=published_ms,
    )


def _text(entry: Any, name: str) -> str:
    found = entry.get(name)
    return found if isinstance(found, str) else ""


def _moment(entry: Any) -> int | None:
    """Return the time of an item, UTC epoch milliseconds, None where there is none that can be."""
    for name in ("published_parsed", "updated_parsed"):
        told = entry.get(name) if name in entry else None
        if told:
            try:
                found = timegm(told) * 1000
            except (ValueError, OverflowError, TypeError):
                continue
            if found > 0:
                return found
    return None
