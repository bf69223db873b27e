"""Doorbells: pack finished days of bars."""

from celery import shared_task

from markets.services.blocks import blocks_pack

# A run takes about a second; what is left is packed by the next.
MOST_DAYS = 100


@shared_task  # type: ignore[untyped-decorator]
def pack() -> None:
    """Pack what is finished; the next run makes up for a lost ring."""
    blocks_pack(most=MOST_DAYS)
