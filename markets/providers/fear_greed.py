"""The fear and greed index of alternative.me: one value a day, with their own word for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

import msgspec

from markets.providers.base import is_official, source_name
from markets.providers.rows import MoodRow
from mystic.lib.http import HttpClient, Malformed
from mystic.lib.ratelimit import Priority, WeightBudget

REQUESTS_PER_MINUTE = 6
DAY_S = 86_400
LATEST = 32_503_680_000


class _Point(msgspec.Struct):
    value: str | int
    timestamp: str | int
    value_classification: str = ""
    time_until_update: str | int | None = None


class _Metadata(msgspec.Struct):
    error: str | None = None


class _Index(msgspec.Struct):
    data: list[_Point] | None = None
    metadata: _Metadata | None = None


@dataclass(frozen=True, slots=True)
class MoodAnswer:
    """The values, oldest first; `next_in_s` is the time until the next, None if not told."""

    rows: list[MoodRow]
    next_in_s: int | None


class FearGreedRest:
    """The request side of alternative.me; one per event loop."""

    provider = "fear_greed"

    def __init__(
        self,
        base_url: str,
        budget: WeightBudget | None = None,
        client: HttpClient | None = None,
    ) -> None:
        self.source = source_name(self.provider, base_url)
        self.is_official = is_official(self.provider, base_url)
        self.budget = budget or WeightBudget(REQUESTS_PER_MINUTE)
        self._client = client or HttpClient(base_url)

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self:
        return cls(env["FEAR_GREED_URL"])

    async def aclose(self) -> None:
        await self._client.aclose()

    async def index(self, limit: int, *, priority: Priority = Priority.BACKFILL) -> MoodAnswer:
        """Return the newest `limit` values, 0 for all since 2018.

        Raises
        ------
        Malformed
            Also for an answer with status 200 whose `metadata.error` names an error, or one
            without values: nothing is put in their place.
        """
        told: _Index = await self._client.get_json(
            "/fng/", (("limit", limit),), type=_Index, gate=self.budget.gate(1, priority)
        )
        if told.metadata is not None and told.metadata.error:
            raise Malformed(f"alternative.me says: {told.metadata.error[:200]}")
        if not told.data:
            message = "alternative.me sent no value"
            raise Malformed(message)
        rows = {row.period: row for row in map(_row, told.data)}
        return MoodAnswer(
            [rows[period] for period in sorted(rows)],
            _seconds(told.data[0].time_until_update),
        )


def _row(told: _Point) -> MoodRow:
    try:
        value, moment = float(told.value), int(told.timestamp)
    except (ValueError, OverflowError):
        value, moment = float("nan"), -1
    if not (isfinite(value) and 0 <= value <= 100 and 0 <= moment < LATEST and not moment % DAY_S):
        found = f"{str(told.value)[:20]!r} at {str(told.timestamp)[:20]!r}"
        raise Malformed(f"alternative.me sent {found}, wants 0 to 100 at the beginning of a day")
    return MoodRow(moment, value, told.value_classification[:40])


def _seconds(told: str | int | None) -> int | None:
    """Return how long until the next value, where it is a number that can be."""
    text = str(told).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        return None
    return min(int(text), 2 * DAY_S)
