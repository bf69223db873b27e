"""What markets writes: bars, the catalogue, gaps, the state of sources, the streamer's lease."""

from markets.services.candles import Stored, candles_rewind, candles_store
from markets.services.catalogue import (
    aliases_write,
    catalogue_due,
    catalogue_sync,
    catalogue_whole,
)
from markets.services.gaps import gap_open, gap_resolve, gap_withdraw
from markets.services.leases import lease_claim, lease_release, lease_renew
from markets.services.sources import SourceReport, source_state_write
from markets.services.watchlists import watch_add, watch_move, watch_remove

__all__ = [
    "SourceReport",
    "Stored",
    "aliases_write",
    "candles_rewind",
    "candles_store",
    "catalogue_due",
    "catalogue_sync",
    "catalogue_whole",
    "gap_open",
    "gap_resolve",
    "gap_withdraw",
    "lease_claim",
    "lease_release",
    "lease_renew",
    "source_state_write",
    "watch_add",
    "watch_move",
    "watch_remove",
]
