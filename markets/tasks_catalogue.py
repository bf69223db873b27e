"""A doorbell: the venues' whole catalogues, a few times a day."""

import logging
from datetime import timedelta

from asgiref.sync import async_to_sync
from celery import shared_task

from markets.asking import NoSource, SourcePool
from markets.providers.base import InstrumentSpec
from markets.services import catalogue_due, catalogue_whole
from markets.services.stocks import stocks_whole

log = logging.getLogger(__name__)

EVERY = timedelta(hours=6)
# These list everything they trade in one answer; the others are asked for what is watched.
WHOLE = {"binance": catalogue_whole, "alpaca": stocks_whole}


@shared_task  # type: ignore[untyped-decorator]
def sync() -> None:
    """Bring the catalogue up to date where it is older than some hours."""
    for provider, write in WHOLE.items():
        code = SourcePool([provider]).codes().get(provider)
        if code is None or not catalogue_due(code, every=EVERY):
            continue
        try:
            specs = async_to_sync(_listed)(provider)
        except NoSource as fault:
            log.info("the catalogue of %s waits: %s", provider, fault)
            continue
        change = write(specs, venue_code=code)
        log.info(
            "%s lists %d instruments: %d new, %d changed, %d delisted",
            provider,
            len(specs),
            change.new,
            change.changed,
            change.delisted,
        )


async def _listed(provider: str) -> list[InstrumentSpec]:
    pool = SourcePool([provider])
    try:
        told = await pool.ask("exchange_info", lambda rest: rest.exchange_info([]))
    finally:
        await pool.aclose()
    return list(told.value)
