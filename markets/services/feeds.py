"""When a slow feed is due, who reads it, and from when on what it told may be read."""

from datetime import datetime, timedelta
from typing import Any

from markets.models import FeedState, Instrument, Venue
from mystic.lib.clock import now_ms
from mystic.lib.provenance import REPLAY_PREFIX

# Rows are committed this much before the moment from which strategies may read them.
SETTLE_S = 5
# Who claimed a feed and died loses it after so long.
CLAIM = timedelta(minutes=5)
RETRY = timedelta(minutes=5)
LONGEST_RETRY = timedelta(hours=6)


def known_from(natural: int, *, followed_from: int | None, received: int) -> int:
    """Return from when on a point may be read, UTC epoch seconds.

    What was published before the feed was followed counts from its own release (`natural`). What
    came later counts from when we had it and it was stored, if that is later: a decision made
    meanwhile did not see it, and a backtest must not either.
    """
    if followed_from is None or natural <= followed_from:
        return natural
    return max(natural, received + SETTLE_S)


def received_now() -> int:
    """Return this moment in whole UTC epoch seconds, rounded up."""
    return -(-now_ms() // 1000)


def feed_claim(name: str, *, now: datetime) -> FeedState | None:
    """Return the state of a feed that is due, claimed for this reader; None for any other."""
    state, _ = FeedState.objects.get_or_create(name=name, defaults={"next_read_at": now})
    if state.next_read_at > now:
        return None
    mine = FeedState.objects.filter(pk=state.pk, next_read_at=state.next_read_at)
    return state if mine.update(next_read_at=now + CLAIM) else None


def feed_succeeded(
    state: FeedState, *, began: datetime, next_read_at: datetime, told: dict[str, Any] | None = None
) -> None:
    """Note a whole reading that began at a moment; the first one begins the following."""
    if state.followed_from is None:
        state.followed_from = int(began.timestamp())
    state.last_read_at, state.next_read_at = began, next_read_at
    state.failures, state.last_error = 0, ""
    if told is not None:
        state.told = told
    state.save()


def feed_failed(state: FeedState, *, reason: str, now: datetime) -> None:
    """Note a failed reading; the next is due later each time, at most six hours later."""
    state.next_read_at = now + retry_after(state.failures)
    state.failures += 1
    state.last_error, state.last_error_at = reason[:300], now
    state.save(update_fields=["next_read_at", "failures", "last_error", "last_error_at"])


def retry_after(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row."""
    return min(LONGEST_RETRY, RETRY * (1 << min(failures, 10)))


def macro_instrument(*, venue_code: str, series: str, name: str) -> Instrument:
    """Return the catalogue's row of a macro series, made or renamed; nobody trades it."""
    is_replay = venue_code.startswith(REPLAY_PREFIX)
    venue, _ = Venue.objects.get_or_create(
        code=venue_code,
        defaults={"name": "FRED (replay)" if is_replay else "FRED", "is_replay": is_replay},
    )
    row, is_new = Instrument.objects.get_or_create(
        venue=venue,
        symbol=series,
        defaults={
            "native_id": series,
            "asset_class": Instrument.AssetClass.MACRO,
            "base": series[:20],
            "quote": "",
            "name": name[:120],
            "status": Instrument.Status.HALTED,
        },
    )
    if not is_new and row.name != name[:120]:
        row.name = name[:120]
        row.save(update_fields=["name"])
    return row
