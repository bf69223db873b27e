"""A doorbell: the calendars of the markets, computed anew about once a week."""

import logging

from celery import shared_task

from markets.services.sessions import (
    SessionsError,
    calendars_wanted,
    sessions_due,
    sessions_sync,
)

log = logging.getLogger(__name__)


@shared_task  # type: ignore[untyped-decorator]
def sync() -> None:
    """Compute the calendars that are missing or end too soon; a fault waits for the next look."""
    due = sessions_due(calendars_wanted())
    for name in due:
        try:
            sessions_sync([name])
        except SessionsError as fault:
            log.warning("%s", fault)
