"""What is known of the sources outlives a streamer: read at its start, written while it runs."""

import asyncio
import logging

from markets.services.agreement import agreement_restore, agreement_write
from markets.services.resilience import after_work, before_work, sources_restore, sources_write
from markets.streaming.writer import Writer

log = logging.getLogger(__name__)

WRITE_EVERY_S = 1.0
LAST_WRITE_WITHIN_S = 2.0


async def recall(writer: Writer) -> None:
    """Respect silences, breakers and disagreements that began before this streamer."""
    await writer.insist(sources_restore)
    await writer.insist(agreement_restore)


async def remember(writer: Writer) -> None:
    """Write whether sources agree and how budgets and breakers do, and read what others wrote."""
    try:
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            try:
                await writer.insist(agreement_write)
                await writer.insist(after_work)
                await writer.insist(before_work)
            except Exception:  # the stream goes on without its books
                log.exception("what is known of the sources could not be written")
    finally:
        await asyncio.wait_for(writer.run(sources_write), LAST_WRITE_WITHIN_S)
