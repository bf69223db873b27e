"""FRED of the St. Louis Fed: macro series with every vintage, each by the day it was published."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from math import isfinite
from typing import Any, Self

import msgspec

from markets.providers.base import is_official, source_name
from markets.providers.names import checked_name
from markets.providers.rows import ObservationRow
from mystic.lib.http import (
    Answer,
    HttpClient,
    Malformed,
    Params,
    RateLimited,
    Refused,
    SourceError,
)
from mystic.lib.ratelimit import Priority, WeightBudget

REQUESTS_PER_MINUTE = 60
# FRED refuses a span of more than 2000 days on which it published; no span of so many days has.
VINTAGE_DAYS = 1800
PAGE = 100_000
MOST_ROWS = 400_000
MOST_PAGES = 10
WAIT_S = 20.0
LAST_DAY = date(9999, 12, 31)
SERIES = re.compile(r"[A-Za-z0-9_]+")
STAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)([+-]\d\d)(?::?(\d\d))?")


class _Series(msgspec.Struct):
    id: str
    title: str
    units: str = ""
    units_short: str = ""
    frequency: str = ""
    frequency_short: str = ""
    last_updated: str = ""


class _SeriesAnswer(msgspec.Struct):
    seriess: list[_Series]


class _Observation(msgspec.Struct):
    realtime_start: date
    date: date
    value: str


class _Observations(msgspec.Struct):
    observations: list[_Observation]
    count: int = 0


class _Fault(msgspec.Struct):
    error_code: int = 0
    error_message: str = ""


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """What FRED says about a series; `frequency` is a word such as Daily or Monthly.

    `updated_at` is the moment FRED last published something of it, None where it does not say.
    """

    series: str
    title: str
    unit: str
    frequency: str
    updated_at: datetime | None


def _check(series_id: str) -> None:
    checked_name(series_id, SERIES, what="series of FRED", like="DGS10")


def stamp_of(text: str) -> datetime | None:
    """Return the moment of `2026-11-20 15:16:09-06`, a time with its offset, or None."""
    found = STAMP.fullmatch(text.strip())
    if found is None:
        return None
    hours = int(found[2])
    offset = timedelta(hours=hours, minutes=int(found[3] or 0) * (-1 if hours < 0 else 1))
    try:
        told = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        return told - offset
    except (ValueError, OverflowError):
        return None


def vintages_of(told: Sequence[ObservationRow]) -> list[ObservationRow]:
    """Return the rows that say something new, ordered by period and vintage.

    A span of vintages begins with what was valid then; a row that repeats the value before it is
    the beginning of such a span and no revision.
    """
    ordered = sorted(told, key=lambda row: (row.period, row.vintage))
    kept: list[ObservationRow] = []
    for _, rows in groupby(ordered, key=lambda row: row.period):
        before: float | None = None
        for row in rows:
            if row.value != before:
                kept.append(row)
            before = row.value
    return kept


class _FredClient(HttpClient):
    """Reads FRED's own words out of its errors, without the key should they ever repeat it."""

    def __init__(self, base_url: str, key: str) -> None:
        super().__init__(base_url)
        self._key = key

    def error_of(self, answer: Answer, where: str) -> SourceError | None:
        error = super().error_of(answer, where)
        if error is None:
            return None
        if answer.status in {423, 429}:
            message = f"{where} answered {answer.status}: too many requests"
            return RateLimited(message, retry_after_s=WAIT_S, is_ban=False)
        if isinstance(error, Refused):
            try:
                told = msgspec.json.decode(answer.body, type=_Fault).error_message
            except (msgspec.DecodeError, UnicodeDecodeError):
                told = ""
            told = " ".join(told.replace(self._key or "\0", "<key>").split())[:200]
            about = f": {told}" if told else ""
            return Refused(f"{where} answered {answer.status}{about}", status=answer.status)
        return error


class FredRest:
    """The request side of FRED; one per event loop. The key is part of the query and of no text."""

    provider = "fred"

    def __init__(
        self,
        base_url: str,
        key: str,
        budget: WeightBudget | None = None,
        client: HttpClient | None = None,
    ) -> None:
        self.source = source_name(self.provider, base_url)
        self.is_official = is_official(self.provider, base_url)
        self.budget = budget or WeightBudget(REQUESTS_PER_MINUTE)
        self._key = key
        self._client = client or _FredClient(f"{base_url}/fred", key)

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self:
        return cls(env["FRED_BASE_URL"], env["FRED_API_KEY"])

    async def aclose(self) -> None:
        await self._client.aclose()

    async def series(self, series_id: str, *, priority: Priority = Priority.BACKFILL) -> SeriesInfo:
        """Return what FRED says about a series.

        Raises
        ------
        Refused
            If there is none of this name, or the key is not valid; the sentence says which.
        """
        _check(series_id)
        told: _SeriesAnswer = await self._get(
            "/series", (("series_id", series_id),), _SeriesAnswer, priority
        )
        if [one.id for one in told.seriess] != [series_id]:
            raise Malformed(f"FRED names {len(told.seriess)} series, wants {series_id} alone")
        one = told.seriess[0]
        return SeriesInfo(
            series=one.id,
            title=one.title,
            unit=one.units_short or one.units,
            frequency=one.frequency or one.frequency_short,
            updated_at=stamp_of(one.last_updated),
        )

    async def observations(
        self,
        series_id: str,
        *,
        known_from: date,
        today: date,
        period_from: date,
        priority: Priority = Priority.BACKFILL,
    ) -> list[ObservationRow]:
        """Return every value of every period since `period_from`, as published since `known_from`.

        What was valid on `known_from` already carries that day as its vintage: later than the
        truth, never earlier. Values that FRED calls missing (".") are left out.
        """
        _check(series_id)
        rows: list[ObservationRow] = []
        for first, last in _spans(known_from, today):
            rows += await self._span(series_id, first, last, period_from, priority)
            if len(rows) > MOST_ROWS:
                raise Malformed(f"FRED sent over {MOST_ROWS} values of {series_id}")
        return vintages_of(rows)

    async def _span(
        self, series_id: str, first: date, last: date, period_from: date, priority: Priority
    ) -> list[ObservationRow]:
        rows: list[ObservationRow] = []
        offset = 0
        for _ in range(MOST_PAGES):
            params = (
                ("series_id", series_id),
                ("observation_start", period_from.isoformat()),
                ("realtime_start", first.isoformat()),
                ("realtime_end", last.isoformat()),
                ("output_type", 1),
                ("limit", PAGE),
                ("offset", offset),
            )
            told: _Observations = await self._get(
                "/series/observations", params, _Observations, priority
            )
            rows += [row for one in told.observations if (row := _row(one, series_id))]
            offset += len(told.observations)
            if not told.observations or offset >= told.count or offset > MOST_ROWS:
                return rows
        raise Malformed(f"FRED spread the values of {series_id} over more than {MOST_PAGES} pages")

    async def _get(self, path: str, params: Params, kind: Any, priority: Priority) -> Any:
        query = (*params, ("file_type", "json"), ("api_key", self._key))
        return await self._client.get_json(
            path, query, type=kind, gate=self.budget.gate(1, priority)
        )


def _spans(first: date, today: date) -> Iterator[tuple[date, date]]:
    """Yield spans of days of publication; the last is open, FRED's clock may be ahead of ours."""
    while (end := first + timedelta(days=VINTAGE_DAYS)) < today:
        yield first, end - timedelta(days=1)
        first = end
    yield first, LAST_DAY


def _row(told: _Observation, series_id: str) -> ObservationRow | None:
    if told.value == ".":
        return None
    try:
        value = float(told.value)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise Malformed(f"FRED says {told.value[:20]!r} for {series_id} on {told.date}")
    return ObservationRow(told.date, value, told.realtime_start)
