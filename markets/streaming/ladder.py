"""The sources of crypto quotes in their order: the first that works is the one in use."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from markets.failover import FailoverOrder, Health
from markets.streaming.fallback import Fallback

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5


class Ladder:
    """Watches how the first source does and runs the further ones while they are wanted.

    Parameters
    ----------
    first : str
        Code of the first source, which always runs.
    rungs : sequence of Fallback
        The further ones, in their order.
    order : FailoverOrder
        The decision.
    """

    def __init__(self, first: str, rungs: Sequence[Fallback], order: FailoverOrder) -> None:
        self.rungs = tuple(rungs)
        self.order = order
        self._names = (first, *(rung.source.code for rung in rungs))
        self._health: tuple[Health, ...] = ()

    @property
    def is_first_replaced(self) -> bool:
        """Whether a further source is in use and live, so that the first is not shown."""
        used = self.order.used
        return used > 0 and self.rungs[used - 1].is_live

    @property
    def is_any_live(self) -> bool:
        """Whether the source in use, or a better one, told prices at the last look."""
        return Health.LIVE in self._health[: self.order.used + 1]

    async def run(self, first: Callable[[], Health]) -> None:
        """Look at how each source does, for ever."""
        try:
            while True:
                await self._look(first())
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for rung in self.rungs:
                await rung.stop()

    async def _look(self, first: Health) -> None:
        before = self.order.used
        self._health = (first, *(rung.health for rung in self.rungs))
        if self.order.update(self._health, now_s=time.monotonic()):
            log.warning("%s takes over from %s", self._names[self.order.used], self._names[before])
        for position, rung in enumerate(self.rungs, start=1):
            await rung.look(
                is_wanted=position < self.order.wanted, is_used=position == self.order.used
            )
