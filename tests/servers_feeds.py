"""Loopback FRED, alternative.me and news feeds: documented answers, faults on demand."""

import time
from collections import defaultdict
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Response

from tests.servers import Asked, VenueServer, response

LAST = date(9999, 12, 31)
KEY = "0123456789abcdef0123456789abcdef"
BAD = "Bad Request.  "


class FredServer(VenueServer):
    """FRED with vintages: `values[series]` are (period, day of publication, text)."""

    def __init__(self) -> None:
        super().__init__()
        self.series: dict[str, dict[str, str]] = {}
        self.values: dict[str, list[tuple[date, date, str]]] = {}
        self.page = 100_000

    def add(
        self, series: str, title: str, *, updated: str, unit: str = "%", frequency: str = "Daily"
    ) -> None:
        self.series[series] = {
            "id": series,
            "title": title,
            "units_short": unit,
            "frequency": frequency,
            "last_updated": updated,
        }
        self.values.setdefault(series, [])

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        told = {name: values[0] for name, values in query.items()}
        if told.get("api_key") != KEY:
            text = BAD + "The value for variable api_key is not registered."
            return 400, {"error_code": 400, "error_message": text}, {}
        series = told.get("series_id", "")
        if series not in self.series:
            text = BAD + "The series does not exist."
            return 400, {"error_code": 400, "error_message": text}, {}
        if path == "/fred/series":
            return 200, {"seriess": [self.series[series]]}, {}
        if path == "/fred/series/observations":
            return self._observations(series, told)
        raise LookupError(path)

    def _observations(self, series: str, told: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        first, last = (date.fromisoformat(told[f"realtime_{end}"]) for end in ("start", "end"))
        begin = date.fromisoformat(told["observation_start"])
        published = {day for _, day, _ in self.values[series] if first <= day <= last}
        if len(published) > 2000:
            text = BAD + "There are too many vintage dates."
            return 400, {"error_code": 400, "error_message": text}, {}
        rows, periods = [], defaultdict(list)
        for period, day, text in self.values[series]:
            periods[period].append((day, text))
        for period in sorted(periods):
            spans = sorted(periods[period])
            for number, (day, text) in enumerate(spans):
                end = spans[number + 1][0] - timedelta(days=1) if number + 1 < len(spans) else LAST
                if period >= begin and day <= last and end >= first:
                    shown = {"realtime_start": max(day, first), "realtime_end": min(end, last)}
                    row = {name: str(one) for name, one in shown.items()}
                    rows.append(row | {"date": str(period), "value": text})
        offset = int(told.get("offset", "0"))
        limit = min(int(told.get("limit", "100000")), self.page)
        part = rows[offset : offset + limit]
        return 200, {"count": len(rows), "offset": offset, "observations": part}, {}


class FearGreedServer(VenueServer):
    """alternative.me: `points` are (day in epoch seconds, value, word), the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.points: list[tuple[int, int, str]] = []
        self.seconds_left = "40211"
        self.complaint: str | None = None

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        if path != "/fng/":
            raise LookupError(path)
        limit = int(query.get("limit", ["1"])[0])
        rows = [
            {"value": str(value), "value_classification": word, "timestamp": str(day)}
            for day, value, word in self.points[: limit or None]
        ]
        if rows:
            rows[0]["time_until_update"] = self.seconds_left
        data = {"name": "Fear and Greed Index", "data": rows, "metadata": {"error": self.complaint}}
        return 200, data, {}


class NewsServer(VenueServer):
    """Feeds by path: bytes with an ETag; `moved` leads from a path to another address."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.moved: dict[str, str] = {}

    async def _request(self, connection: ServerConnection, request: Any) -> Response | None:
        parts = urlsplit(request.path)
        headers = dict(request.headers.raw_items())
        self.requests.append(Asked(parts.path, parse_qs(parts.query), headers, time.monotonic()))
        await self._tell()
        fault = self._next_fault(parts.path)
        if fault is not None:
            return await self._hurt(connection, fault)
        if parts.path in self.moved:
            return response(302, b"", {"Location": self.moved[parts.path]})
        if parts.path not in self.bodies:
            return response(404, b"no such feed")
        etag = self.etags.get(parts.path, "")
        if etag and request.headers.get("If-None-Match") == etag:
            return response(304, b"")
        more = {"ETag": etag} if etag else {}
        return response(200, self.bodies[parts.path], {"Content-Type": "text/xml", **more})


def rss(*items: str, title: str = "A feed") -> bytes:
    """Return an RSS 2.0 document of these items."""
    text = f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>{title}'
    return (text + "</title>" + "".join(items) + "</channel></rss>").encode()


def item(title: str, *, link: str = "", guid: str = "", date: str = "", summary: str = "") -> str:
    """Return one item; what is empty is left out."""
    named = {
        "title": title,
        "link": link,
        "guid": guid,
        "pubDate": date,
        "description": summary,
    }
    return "<item>" + "".join(f"<{k}>{v}</{k}>" for k, v in named.items() if v) + "</item>"
