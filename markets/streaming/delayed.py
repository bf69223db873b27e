"""Delayed prices for the pages while no source of quotes works; nothing is ever filled on them."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from markets.events import DelayedPricesGone, DelayedPriceTold
from markets.models import Instrument
from markets.providers.base import TickerRow
from markets.quotes import store
from markets.registry import DelayedRest
from markets.selectors_streamed import coin_ids
from markets.services import SourceReport
from markets.streaming.board import Board, State
from markets.streaming.writer import Writer
from markets.types import DelayedPrice
from mystic.lib.backoff import Backoff
from mystic.lib.bus import publish
from mystic.lib.clock import monotonic_ms, now_ms
from mystic.lib.http import Refused, SourceError
from mystic.lib.provenance import REPLAY_PREFIX

log = logging.getLogger(__name__)

# Its answers are kept for a minute on the other side; a month's credits would not last for more.
POLL_EVERY_S = 60.0
LOOK_EVERY_S = 1.0
# So long must no source tell a quote before delayed prices are asked for.
WANTED_AFTER_S = 10.0


class DelayedPrices:
    """Asks for delayed prices of what is watched while no source of quotes is live.

    Parameters
    ----------
    instruments : callable
        What is watched, by symbol.
    is_any_live : callable
        Whether a source of quotes is live.
    """

    def __init__(
        self,
        rest: DelayedRest,
        *,
        code: str,
        board: Board,
        writer: Writer,
        instruments: Callable[[], Mapping[str, Instrument]],
        is_any_live: Callable[[], bool],
    ) -> None:
        self.rest = rest
        self._code = code
        self._board = board
        self._writer = writer
        self._instruments = instruments
        self._is_any_live = is_any_live
        self._name = f"{code}:rest"
        self._next_s = 0.0
        self._backoff = Backoff(base_s=POLL_EVERY_S, cap_s=900.0)
        board.add(self._name, is_official=rest.is_official, probe=self._weighed)
        self._tell_standby()

    async def run(self) -> None:
        """Look for ever whether delayed prices are wanted."""
        provider = self._code.removeprefix(REPLAY_PREFIX)
        self.rest.ids.learn(await self._writer.insist(lambda: coin_ids(provider)))
        silent_since: float | None = None
        while True:
            now = time.monotonic()
            if self._is_any_live():
                if silent_since is not None:
                    self._end()
                silent_since = None
            else:
                silent_since = now if silent_since is None else silent_since
                if now - silent_since >= WANTED_AFTER_S and now >= self._next_s:
                    await self._poll()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _poll(self) -> None:
        names = self._names()
        self._next_s = time.monotonic() + POLL_EVERY_S
        if not names:
            return
        try:
            rows = await self.rest.tickers(list(names))
        except SourceError as fault:
            self._board.failed(self._name, fault)
            self._next_s = time.monotonic() + self._backoff.next_delay_s()
            return
        except Exception:  # what is only shown ends no stream
            log.exception("what %s told could not be read", self._code)
            self._next_s = time.monotonic() + self._backoff.next_delay_s()
            return
        self._backoff.succeeded()
        self._board.heard(self._name, "delayed prices are shown, nothing is filled on them")
        if not self._is_any_live():
            for row in rows:
                price = self._price(names[row.native_id].pk, row)
                store.put_delayed(price)
                publish(DelayedPriceTold(price))

    def _names(self) -> dict[str, Instrument]:
        """Return what is watched by this source's names; what it may not know is left out."""
        names: dict[str, Instrument] = {}
        for symbol, instrument in self._instruments().items():
            try:
                names[self.rest.native_id(symbol)] = instrument
            except Refused as refusal:
                log.debug("%s: %s", symbol, refusal)
        return names

    def _price(self, instrument_id: int, row: TickerRow) -> DelayedPrice:
        return DelayedPrice(
            instrument_id,
            row.last,
            self._code,
            self.rest.is_official,
            row.is_cross_rate,
            row.as_of_ms,
            now_ms(),
            monotonic_ms(),
        )

    def _end(self) -> None:
        """Forget delayed prices: a source of quotes works again."""
        gone = store.drop_delayed(self._code)
        if gone:
            publish(DelayedPricesGone(tuple(gone)))
        self._tell_standby()

    def _weighed(self, report: SourceReport) -> SourceReport:
        budget = self.rest.budget
        return replace(report, weight_used=budget.used, weight_limit=budget.limit)

    def _tell_standby(self) -> None:
        self._board.tell(self._name, State.STANDBY, "waits until no source of quotes works")
