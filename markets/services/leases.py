"""The lease by which one streamer is active: claimed, renewed and freed by conditional updates."""

from django.db.models import F, Q
from django.utils import timezone

from markets.models import StreamLease


def lease_claim(*, name: str, holder: str, seen_beats: int | None = None) -> bool:
    """Take a lease that is free or the holder's own, or whose `beats` stand at `seen_beats`.

    The caller has watched `seen_beats` stand still for long enough by its own monotonic clock.
    """
    StreamLease.objects.get_or_create(name=name)
    takeable = Q(holder__in=["", holder])
    if seen_beats is not None:
        takeable |= Q(beats=seen_beats)
    wanted = StreamLease.objects.filter(takeable, name=name)
    return bool(wanted.update(holder=holder, beats=F("beats") + 1, renewed_at=timezone.now()))


def lease_renew(*, name: str, holder: str) -> bool:
    """Show that the holder lives; False when another one holds the lease now."""
    mine = StreamLease.objects.filter(name=name, holder=holder)
    return bool(mine.update(beats=F("beats") + 1, renewed_at=timezone.now()))


def lease_release(*, name: str, holder: str) -> None:
    """Free the lease, so that a waiting streamer takes over at once."""
    mine = StreamLease.objects.filter(name=name, holder=holder)
    mine.update(holder="", beats=F("beats") + 1)
