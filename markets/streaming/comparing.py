"""Ask a second source for its prices while the first is in use, so that they can be compared."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from markets.models import Instrument
from markets.providers.base import TickerRow
from markets.services.agreement import observe_price
from mystic.lib.clock import monotonic_ms
from mystic.lib.http import SourceError

log = logging.getLogger(__name__)

COMPARE_EVERY_S = 15.0
LONGEST_PAUSE_S = 300.0


class PricesRest(Protocol):
    """The one request that is made: the last prices of many pairs at once."""

    def native_id(self, symbol: str) -> str: ...

    async def prices(self, native_ids: Sequence[str]) -> list[TickerRow]: ...


class Comparing:
    """Tells the agreement of sources what another source says of the same pairs.

    Only pairs with the same quote asset are asked for; delayed prices are not compared.
    """

    def __init__(
        self,
        rest: PricesRest,
        *,
        code: str,
        instruments: Callable[[], Mapping[str, Instrument]],
        is_wanted: Callable[[], bool],
    ) -> None:
        self._rest = rest
        self._code = code
        self._instruments = instruments
        self._is_wanted = is_wanted
        self.counts = {"compared_prices": 0, "compare_failures": 0}

    async def run(self) -> None:
        """Ask about every quarter of a minute, for ever."""
        pause_s = COMPARE_EVERY_S
        while True:
            await asyncio.sleep(pause_s)
            if not self._is_wanted():
                continue
            try:
                await self.look()
            except SourceError as fault:
                self.counts["compare_failures"] += 1
                log.info("%s tells no price to compare: %s", self._code, fault)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            except Exception:  # a second opinion that cannot be read ends no stream
                self.counts["compare_failures"] += 1
                log.exception("what %s tells cannot be compared", self._code)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            else:
                pause_s = COMPARE_EVERY_S

    async def look(self) -> None:
        """Ask once, and hand on what is told.

        Raises
        ------
        SourceError
            If the source did not answer.
        """
        names = {self._rest.native_id(s): row.pk for s, row in self._instruments().items()}
        if not names:
            return
        rows = await self._rest.prices(list(names))
        at_ms = monotonic_ms()
        for row in rows:
            if row.native_id in names and not row.is_delayed:
                self.counts["compared_prices"] += 1
                observe_price(names[row.native_id], self._code, row.last, at_ms)
