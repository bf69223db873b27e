"""How every source does, and which instruments are paused because sources disagree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from markets.agreement import distance_percent
from markets.models import Breaker, Disagreement, RateBudget, SourceState
from markets.providers.table import PROVIDERS, Provider, code_of, off_reason
from markets.selectors import sources
from mystic.lib.budget_windows import RANKS, Window
from mystic.lib.clock import now_ms
from mystic.lib.prepared import Prepared
from mystic.lib.provenance import REPLAY_PREFIX

State = SourceState.State

_doubts = Prepared(
    lambda instrument_id: Disagreement.objects.filter(instrument_id=instrument_id, ended_at=None)
)
_PLACES = {str(priority): rank for priority, rank in RANKS.items()}
# A source is called by its stream's state, without a stream by the best of its parts.
_RANK = (
    State.LIVE,
    State.STALE,
    State.CONNECTING,
    State.BLOCKED,
    State.DOWN,
    State.STANDBY,
    State.OFF,
)
# An operation that was asked successfully so lately makes a source that has no stream live.
LIVELY_S = 6 * 3600


def pause_reason(instrument_id: int) -> str:
    """Return why nothing may be entered in an instrument now; empty where sources agree."""
    row = _doubts.first(instrument_id)
    return "" if row is None else doubt_sentence(row)


def doubt_sentence(row: Disagreement) -> str:
    """Return what two sources tell and what follows, in a sentence."""
    apart = distance_percent(row.price, row.other_price)
    return (
        f"Sources disagree: {row.source} tells {row.price:.10g}, {row.other_source}"
        f" {row.other_price:.10g}, {apart:.1f} % apart since {row.began_at:%H:%M:%S} UTC."
        " New entries wait until they agree for 30 s."
    )


def disagreements_open() -> list[Disagreement]:
    """Return which instruments are paused, the newest first."""
    return list(Disagreement.objects.filter(ended_at=None).select_related("instrument"))


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """One window of a source's budget; `by` holds (priority, weight), the most urgent first.

    A window that has ended since it was written counts nothing.
    """

    limit: int
    window_s: int
    used: int
    by: Sequence[tuple[str, int]]
    written_at: datetime

    @property
    def span(self) -> str:
        """The window in words."""
        names = {1: "second", 60: "minute", 3600: "hour", 86_400: "day", 2_592_000: "month"}
        return names.get(self.window_s, f"{self.window_s} s")


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source with all that is known of it; `reason` says why it is off or not live."""

    provider: Provider
    code: str
    state: str
    reason: str
    is_on: bool
    parts: Sequence[SourceState] = ()
    breakers: Sequence[Breaker] = ()
    budgets: Sequence[BudgetUse] = ()
    blocked_until: datetime | None = None
    is_ban: bool = False
    last_message_at: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None
    latency_ms: float | None = None
    doubts: Sequence[Disagreement] = field(default_factory=tuple)

    @property
    def is_replay(self) -> bool:
        return self.code.startswith(REPLAY_PREFIX)

    @property
    def gives(self) -> str:
        return ", ".join(sorted(self.provider.gives))

    @property
    def asset_classes(self) -> str:
        return " and ".join(sorted(self.provider.asset_classes))

    @property
    def open_breakers(self) -> list[Breaker]:
        return [one for one in self.breakers if one.state != Breaker.State.CLOSED]


def source_views() -> list[SourceView]:
    """Return every source there is, also those that are off, in the order of the table."""
    parts, breakers, budgets = (
        sources(),
        list(Breaker.objects.all()),
        list(RateBudget.objects.all()),
    )
    doubts = disagreements_open()
    return [
        _view(provider, settings.ENV, parts, breakers, budgets, doubts)
        for provider in PROVIDERS.values()
    ]


def source_view(provider_code: str) -> SourceView | None:
    """Return one source by the code of its provider, None where there is none of that name."""
    return next((one for one in source_views() if one.provider.code == provider_code), None)


def _view(
    provider: Provider,
    env: Mapping[str, Any],
    parts: Iterable[SourceState],
    breakers: Iterable[Breaker],
    budgets: Iterable[RateBudget],
    doubts: Iterable[Disagreement],
) -> SourceView:
    code, off = code_of(provider, env), off_reason(provider, env)
    own_parts = [row for row in parts if row.source.rpartition(":")[0] == code]
    own_breakers = [row for row in breakers if row.source == code]
    rows = [row for row in budgets if _budget_of(row.name, env) == code]
    blocked = max((r for r in rows if r.blocked_until), key=_blocked_until, default=None)
    is_blocked = blocked is not None and _blocked_until(blocked) > timezone.now()
    error, error_at = _last_error(own_parts, own_breakers)
    state, reason = _state(own_parts, own_breakers, off)
    return SourceView(
        provider=provider,
        code=code,
        state=state,
        reason=reason,
        is_on=not off,
        parts=own_parts,
        breakers=own_breakers,
        budgets=[_use(row) for row in rows],
        blocked_until=blocked.blocked_until if blocked and is_blocked else None,
        is_ban=bool(blocked and is_blocked and blocked.is_ban),
        last_message_at=_newest(
            [row.last_message_at for row in own_parts]
            + [row.last_success_at for row in own_breakers]
        ),
        last_error=error,
        last_error_at=error_at,
        latency_ms=_latency(own_breakers),
        doubts=[row for row in doubts if code in {row.source, row.other_source}],
    )


def _state(parts: list[SourceState], breakers: list[Breaker], off: str) -> tuple[str, str]:
    """Return the state of a source and the sentence that explains it."""
    if off:
        return State.OFF, off
    if parts:
        streams = [row for row in parts if row.source.endswith(":stream")]
        best = min(streams or parts, key=lambda row: _RANK.index(State(row.state)))
        return best.state, "" if best.state == State.LIVE else best.detail
    stopped = [one for one in breakers if one.state != Breaker.State.CLOSED]
    answered = _newest([one.last_success_at for one in breakers])
    if len(stopped) == len(breakers) and breakers:
        return State.DOWN, stopped[0].reason
    if answered is None:
        return (
            (State.DOWN, breakers[0].last_error) if breakers else (State.STANDBY, "not asked yet")
        )
    if timezone.now() - answered > timedelta(seconds=LIVELY_S):
        return State.STALE, "has not answered for hours"
    return State.LIVE, ""


def _budget_of(name: str, env: Mapping[str, Any]) -> str:
    """Return the source whose budget a row is, empty for that of another egress."""
    name, _, egress = name.partition("@")
    if (egress or "default") != env["MYSTIC_EGRESS"]:
        return ""
    head, _, tail = name.rpartition(":")
    is_further = tail == "month" or (tail.endswith("s") and tail[:-1].isdigit())
    return head if is_further else name


def _use(row: RateBudget) -> BudgetUse:
    _, end_ms = Window(row.limit, row.window_s).span(row.window_start * 1000)
    is_running = end_ms > now_ms()
    by = row.used_by if is_running else {}
    return BudgetUse(
        row.limit,
        row.window_s,
        row.used if is_running else 0,
        sorted(by.items(), key=lambda item: _PLACES.get(item[0], len(_PLACES))),
        row.updated_at,
    )


def _blocked_until(row: RateBudget) -> datetime:
    return row.blocked_until or row.updated_at


def _newest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _last_error(
    parts: Iterable[SourceState], breakers: Iterable[Breaker]
) -> tuple[str, datetime | None]:
    told = [(row.last_error_at, row.last_error) for row in parts]
    told += [(row.last_error_at, row.last_error) for row in breakers]
    found = [(at, error) for at, error in told if at is not None]
    if not found:
        return "", None
    at, error = max(found)
    return error, at


def _latency(breakers: Sequence[Breaker]) -> float | None:
    """Return the mean of the operations' smoothed latencies, None where nothing was asked."""
    found = [row.latency_ms for row in breakers if row.latency_ms is not None]
    return sum(found) / len(found) if found else None
