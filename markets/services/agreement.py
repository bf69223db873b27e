"""Compare what different sources tell of one instrument; where they differ, trading it pauses.

`observe` and `observe_price` are called for every quote of every source, on the streamer's loop:
they look into memory only. `agreement_write` turns what they found into rows, about once a second.
"""

import functools
from collections import defaultdict, deque

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from markets.agreement import Agreement, Opinion
from markets.events import QuoteChanged, SourcesDisagree
from markets.models import Disagreement, Instrument
from markets.quotes import store
from markets.types import Quote
from mystic.lib.bus import publish
from mystic.lib.clock import monotonic_ms
from mystic.lib.provenance import REPLAY_PREFIX

LOOK_EVERY_MS = 500


class Watch:
    """The figures of this process, and the changes of opinion that are not written yet."""

    def __init__(self) -> None:
        self._agreement: Agreement | None = None
        self._looked: dict[tuple[int, str], int] = {}
        self._instruments: dict[str, set[int]] = defaultdict(set)
        self._found: deque[Opinion] = deque()

    @property
    def agreement(self) -> Agreement:
        if self._agreement is None:
            self._agreement = Agreement(settings.ENV["MYSTIC_DISAGREEMENT_PERCENT"])
        return self._agreement

    def observe(self, quote: Quote) -> None:
        """Take a quote of any source; most return at once, as one was looked at just before."""
        looked_ms = self._looked.get((quote.instrument_id, quote.source))
        if looked_ms is None or quote.received_mono_ms - looked_ms >= LOOK_EVERY_MS:
            self.observe_price(quote.instrument_id, quote.source, quote.mid, quote.received_mono_ms)

    def observe_price(
        self, instrument_id: int, source: str, price: float, received_mono_ms: int
    ) -> None:
        """Take the price that a source tells of an instrument, in that instrument's currency."""
        self._looked[instrument_id, source] = received_mono_ms
        key = _key(instrument_id, source)
        self._instruments[key].add(instrument_id)
        opinion = self.agreement.observe(key, source, price, now_s=received_mono_ms / 1000)
        if opinion is not None:
            self._found.append(opinion)

    def restore(self) -> None:
        """Begin anew, with the disagreements that were open when the last process ended."""
        self.forget()
        rows = Disagreement.objects.filter(ended_at=None).select_related("instrument")
        for row in rows:
            store.put_symbols({row.instrument_id: row.instrument.symbol})
            key = _key(row.instrument_id, row.source)
            self._instruments[key].add(row.instrument_id)
            now_s = monotonic_ms() / 1000
            self.agreement.doubt(key, row.source, row.other_source, now_s=now_s)

    def take(self) -> list[tuple[Opinion, set[int]]]:
        """Return what changed since the last call, with the instruments it is about."""
        self._found.extend(self.agreement.lapsed(now_s=monotonic_ms() / 1000))
        taken = []
        while self._found:
            opinion = self._found.popleft()
            taken.append((opinion, set(self._instruments[opinion.key])))
        return taken

    def put_back(self, opinions: list[Opinion]) -> None:
        """Hand out again what could not be written, before anything newer."""
        self._found.extendleft(reversed(opinions))

    def forget(self) -> None:
        self._agreement = None
        self._looked.clear()
        self._instruments.clear()
        self._found.clear()


def _key(instrument_id: int, source: str) -> str:
    """Return what is compared: a symbol with its currency, live and replayed apart.

    An instrument whose symbol is not known here is compared with nothing but itself.
    """
    kind = "replay" if source.startswith(REPLAY_PREFIX) else "live"
    return f"{kind}:{store.symbol(instrument_id) or instrument_id}"


watch = Watch()
observe = watch.observe
observe_price = watch.observe_price


def on_quote(event: QuoteChanged) -> None:
    """Hear the quotes in use; those of a second source are given to `observe` by who asks it."""
    watch.observe(event.quote)


def agreement_restore() -> None:
    """Know the disagreements that are open, as at the start of the streamer."""
    watch.restore()


def agreement_write(held: Watch = watch) -> int:
    """Write which instruments came into doubt or out of it; returns how many rows changed."""
    count, taken = 0, deque(held.take())
    try:
        while taken:
            opinion, ids = taken[0]
            count += _ended(opinion, ids) if opinion.is_over else _began(opinion, ids)
            taken.popleft()
    finally:
        # What the database did not take is written the next time.
        held.put_back([opinion for opinion, _ in taken])
    return count


@transaction.atomic
def _began(opinion: Opinion, instrument_ids: set[int]) -> int:
    count = 0
    for instrument in Instrument.objects.filter(pk__in=instrument_ids):
        row, is_new = Disagreement.objects.get_or_create(
            instrument=instrument,
            ended_at=None,
            defaults={
                "source": opinion.first.source,
                "price": opinion.first.price,
                "other_source": opinion.other.source,
                "other_price": opinion.other.price,
            },
        )
        if is_new:
            count += 1
            _tell(row, instrument.symbol)
    return count


@transaction.atomic
def _ended(opinion: Opinion, instrument_ids: set[int]) -> int:
    rows = Disagreement.objects.filter(instrument_id__in=instrument_ids, ended_at=None)
    ended = list(rows.select_related("instrument"))
    rows.update(ended_at=timezone.now())
    for row in ended:
        _tell(row, row.instrument.symbol, is_over=True, is_lapsed=opinion.is_lapsed)
    return len(ended)


def _tell(
    row: Disagreement, symbol: str, *, is_over: bool = False, is_lapsed: bool = False
) -> None:
    event = SourcesDisagree(
        disagreement_id=row.pk,
        instrument_id=row.instrument_id,
        symbol=symbol,
        source=row.source,
        price=row.price,
        other_source=row.other_source,
        other_price=row.other_price,
        is_over=is_over,
        is_lapsed=is_lapsed,
    )
    transaction.on_commit(functools.partial(publish, event))
