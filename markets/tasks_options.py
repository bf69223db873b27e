"""Doorbells of options: one underlying, whatever is due, what is old."""

from datetime import date

from celery import shared_task

from markets.models import Instrument
from markets.services.option_history import options_prune
from markets.services.options import chain_refresh, underlyings_due
from mystic.lib.clock import now_ms


@shared_task  # type: ignore[untyped-decorator]
def refresh(instrument_id: int, expiry: str = "") -> None:
    """Read what is due of one underlying's chain; doubled rings ask once."""
    instrument = Instrument.objects.select_related("venue").filter(pk=instrument_id).first()
    if instrument is not None:
        chain_refresh(instrument, expiry=date.fromisoformat(expiry) if expiry else None)


@shared_task  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Ring for each underlying that is due: configured and in session, or wanted by somebody."""
    for instrument in underlyings_due():
        refresh.apply_async((instrument.pk,), expires=55)


@shared_task  # type: ignore[untyped-decorator]
def prune() -> None:
    """Throw away the snapshots that history does not need."""
    options_prune(at_ms=now_ms())
