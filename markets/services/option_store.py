"""Keep one expiry of a chain as a source told it: checked, valued, judged, told."""

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils import timezone

from markets import watchlist
from markets.events import UnusualOption
from markets.models import (
    Instrument,
    OptionChain,
    OptionQuote,
    UnusualActivity,
)
from markets.options import unusual
from markets.options.checks import checked
from markets.options.contracts import SHARES, trading_day, years_to_expiry
from markets.options.valuation import Valued, mid, valued
from markets.providers.rows import OptionRow
from markets.quality import Refused
from markets.selectors_options import rate_for
from markets.services.option_history import volumes_before
from markets.services.quarantine import quarantined_write
from mystic.lib.bus import publish
from mystic.lib.provenance import Provenance

# An own price of the underlying that is older than this values no option.
OLDEST_SPOT_MS = 30 * 60_000
WRITTEN = (
    "source",
    "snapshot_ms",
    "read_at",
    "contracts",
    "refused",
    "detail",
    "rate",
    "rate_note",
    "spot",
    "spot_source",
    "spot_as_of_ms",
)


@dataclass(frozen=True, slots=True)
class Spot:
    """The underlying's price and where it comes from."""

    price: float
    source: str
    as_of_ms: int | None


def chain_store(
    chain: OptionChain, rows: Sequence[OptionRow], *, source: str, received_at_ms: int
) -> list[OptionQuote]:
    """Write a snapshot of one expiry and what stands out in it; wrong rows are quarantined.

    Doing it again with the same rows and time changes nothing. `UnusualOption` is published on
    commit, once for a contract and day.
    """
    instrument = chain.underlying
    sound = checked(rows, ticker=instrument.base, expiry=chain.expiry)
    spot = _spot(instrument, sound.rows, source, received_at_ms)
    years = years_to_expiry(chain.expiry, received_at_ms)
    rate = rate_for(years, received_at_ms)
    values = valued(
        sound.rows,
        spot=spot.price if spot else None,
        years=years,
        rate=rate.value,
        dividend_yield=chain.dividend_yield,
    )
    quotes = [
        _quote(instrument, row, value, spot, source=source, received_at_ms=received_at_ms)
        for row, value in zip(sound.rows, values, strict=True)
    ]
    with transaction.atomic():
        quarantined_write(
            Refused(source, "option", instrument.pk, reason, row) for row, reason in sound.refused
        )
        OptionQuote.objects.bulk_create(quotes, ignore_conflicts=True, batch_size=500)
        chain.source, chain.snapshot_ms, chain.read_at = source, received_at_ms, timezone.now()
        chain.contracts, chain.refused, chain.detail = len(quotes), len(sound.refused), ""
        chain.rate, chain.rate_note = rate.value, rate.note[:120]
        chain.spot = spot.price if spot else None
        chain.spot_source = spot.source if spot else ""
        chain.spot_as_of_ms = spot.as_of_ms if spot else None
        chain.save(update_fields=WRITTEN)
        _unusual_write(chain, quotes, spot)
    return quotes


def _spot(
    instrument: Instrument, rows: Sequence[OptionRow], source: str, at_ms: int
) -> Spot | None:
    """Return the price told with the chain, else Mystic's own where it is recent."""
    told = Counter(row.underlying_price for row in rows if row.underlying_price)
    if told:
        price, _ = told.most_common(1)[0]
        times = [row.as_of_ms for row in rows if row.as_of_ms and row.underlying_price == price]
        return Spot(float(price or 0.0), source, max(times, default=None))
    (row,) = watchlist.rows_for([instrument])
    origin: Provenance | None = row.origin
    if row.last is None or origin is None:
        return None
    at = origin.as_of_ms or origin.received_at_ms or 0
    if at_ms - at > OLDEST_SPOT_MS:
        return None
    return Spot(row.last, origin.source, at)


def _quote(
    instrument: Instrument,
    row: OptionRow,
    value: Valued,
    spot: Spot | None,
    *,
    source: str,
    received_at_ms: int,
) -> OptionQuote:
    worth = asdict(value)
    return OptionQuote(
        underlying=instrument,
        contract=row.contract.removeprefix("O:").replace(" ", ""),
        kind=str(row.kind),
        strike=row.strike,
        expiry=row.expiry,
        bid=row.bid,
        ask=row.ask,
        last=row.last,
        volume=row.volume,
        open_interest=row.open_interest,
        underlying_price=row.underlying_price or (spot.price if spot else None),
        implied_volatility=worth.pop("volatility"),
        volatility_reason=worth.pop("reason")[:80],
        is_delayed=row.is_delayed,
        source=source,
        as_of_ms=row.as_of_ms,
        received_at_ms=received_at_ms,
        **worth,
    )


def _unusual_write(chain: OptionChain, quotes: Sequence[OptionQuote], spot: Spot | None) -> None:
    at_ms = chain.snapshot_ms or 0
    day = trading_day(at_ms)
    busy = {one.contract: one for one in quotes if (one.volume or 0) >= unusual.LEAST_VOLUME}
    past = volumes_before(chain.underlying_id, list(busy), before=day)
    sides = _side_volumes(quotes, spot)
    for contract, quote in busy.items():
        found = unusual.judge(
            unusual.Seen(
                contract=contract,
                volume=quote.volume or 0,
                open_interest=quote.open_interest,
                past=past.get(contract, ()),
                premium=_premium(quote),
                days=(chain.expiry - day).days,
                moneyness=_moneyness(quote, spot),
                side_volume=sides.get(quote.kind, 0),
            )
        )
        if found is not None:
            _unusual_keep(chain, quote, found, at_ms)


def _unusual_keep(
    chain: OptionChain, quote: OptionQuote, found: unusual.Unusual, at_ms: int
) -> None:
    row, is_new = UnusualActivity.objects.get_or_create(
        contract=found.contract,
        day=trading_day(at_ms),
        defaults={
            "underlying_id": chain.underlying_id,
            "reasons": [asdict(reason) for reason in found.reasons],
            "volume": quote.volume or 0,
            "open_interest": quote.open_interest,
            "typical_volume": found.typical_volume,
            "premium": _premium(quote),
            "score": found.score,
            "source": quote.source,
            "detected_at_ms": at_ms,
        },
    )
    if is_new:
        event = UnusualOption(
            activity_id=row.pk,
            instrument_id=chain.underlying_id,
            symbol=chain.underlying.symbol,
            contract=found.contract,
            score=found.score,
            reasons=tuple(reason.text for reason in found.reasons),
            volume=row.volume,
            premium=row.premium,
            source=row.source,
            is_delayed=quote.is_delayed,
            detected_at_ms=at_ms,
        )
        transaction.on_commit(functools.partial(publish, event))


def _premium(quote: OptionQuote) -> float | None:
    middle = mid(quote.bid, quote.ask)
    return None if middle is None or quote.volume is None else quote.volume * middle * SHARES


def _moneyness(quote: OptionQuote, spot: Spot | None) -> float | None:
    price = quote.underlying_price or (spot.price if spot else None)
    if not price:
        return None
    distance = quote.strike / price - 1
    return distance if quote.kind == OptionQuote.Kind.CALL else -distance


def _side_volumes(quotes: Sequence[OptionQuote], spot: Spot | None) -> dict[str, int]:
    """Return the volume out of the money by kind."""
    sums: Counter[str] = Counter()
    for quote in quotes:
        moneyness = _moneyness(quote, spot)
        if moneyness is not None and moneyness > 0:
            sums[quote.kind] += quote.volume or 0
    return dict(sums)
