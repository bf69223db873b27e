"""Ask the sources of options what is wanted and due."""

import logging
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from markets.asking import NoSource, SourcePool, Told
from markets.models import Instrument, InstrumentAlias, OptionChain, OptionUnderlying
from markets.options.contracts import trading_day
from markets.providers.rows import OptionRow
from markets.selectors_options import (
    expiries_of,
    has_options,
    is_session_open,
    underlyings_of,
)
from markets.services.option_store import chain_store
from mystic.lib.clock import from_ms, now_ms
from mystic.lib.provenance import REPLAY_PREFIX

log = logging.getLogger(__name__)

# The nearest expiries are read without being asked for.
NEAREST = 2
LISTED_FOR = timedelta(hours=6)
READ_FOR = timedelta(minutes=10)
READ_FOR_CLOSED = timedelta(hours=1)
# After an attempt nobody asks again for so long, whatever came of it; where it failed and nobody
# wanted the chain since, for longer.
BETWEEN_ATTEMPTS = timedelta(seconds=60)
AFTER_A_FAILURE = timedelta(minutes=10)
LONGEST_DETAIL = 600


class NoOptions(Exception):  # noqa: N818  said to the person as it is
    """Raised for an instrument of a kind that has no listed options here."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__(
            f"{instrument.symbol} has no options here; Mystic reads those of US stocks and funds"
        )


class UnknownExpiry(Exception):  # noqa: N818  said to the person as it is
    """Raised for a day on which no listed option of the instrument expires."""


@dataclass(slots=True)
class Refreshed:
    """What one refresh did: expiries read with their contracts, and what failed."""

    read: dict[date, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def chain_want(instrument: Instrument, expiry: date | None = None) -> bool:
    """Write that somebody wants a chain, and tell whether a doorbell should ring for it.

    Without an expiry the nearest ones are wanted. Nothing is due while the newest answer, or the
    newest attempt, is fresh enough.

    Raises
    ------
    NoOptions, UnknownExpiry
        Where there is nothing that could be asked for.
    """
    if not has_options(instrument):
        raise NoOptions(instrument)
    now = timezone.now()
    with transaction.atomic():
        state, is_new = OptionUnderlying.objects.get_or_create(instrument=instrument)
        if not is_new:
            OptionUnderlying.objects.filter(pk=state.pk).update(wanted_at=now)
            state.wanted_at = now
        if expiry is not None:
            rows = OptionChain.objects.filter(
                underlying=instrument, expiry=expiry, is_listed=True
            ).filter(expiry__gte=trading_day(now_ms()))
            if not rows.update(wanted_at=now):
                raise UnknownExpiry(_unknown(instrument, expiry))
        else:
            nearest = [row.pk for row in expiries_of(instrument, now_ms())[:NEAREST]]
            OptionChain.objects.filter(pk__in=nearest).update(wanted_at=now)
    return _is_listing_due(state, now) or bool(_chains_due(instrument, expiry, now))


def chain_refresh(
    instrument: Instrument, *, expiry: date | None = None, pool: SourcePool | None = None
) -> Refreshed:
    """Ask the sources, in their order, for what of an underlying's chain is due, and keep it.

    Each attempt is claimed by a conditional update, so doubled rings ask once.

    Parameters
    ----------
    expiry : date, optional
        One listed expiry; by default the nearest ones and those wanted since they were read.
    pool : SourcePool, optional
        By default a pool of `MYSTIC_OPTION_SOURCES`; it is closed here.
    """
    if not has_options(instrument):
        raise NoOptions(instrument)
    pool = pool or SourcePool(settings.ENV["MYSTIC_OPTION_SOURCES"])
    names = _native_ids(instrument)
    found = Refreshed()

    async def work() -> None:
        try:
            if await sync_to_async(_listing_claim)(instrument):
                await _list(pool, names, instrument, found)
            for chain in await sync_to_async(_chains_claim)(instrument, expiry):
                await _read(pool, names, chain, found)
        finally:
            await pool.aclose()

    async_to_sync(work)()
    return found


async def _list(
    pool: SourcePool, names: dict[str, str], instrument: Instrument, found: Refreshed
) -> None:
    try:
        told = await pool.ask(
            "option_expiries", lambda rest: rest.option_expiries(_name(names, rest))
        )
    except NoSource as fault:
        found.failed["expiries"] = str(fault)
        await sync_to_async(_listing_failed)(instrument, str(fault))
        return
    await sync_to_async(_listing_write)(instrument, told)


async def _read(
    pool: SourcePool, names: dict[str, str], chain: OptionChain, found: Refreshed
) -> None:
    try:
        told: Told[list[OptionRow]] = await pool.ask(
            "option_chain", lambda rest: rest.option_chain(_name(names, rest), chain.expiry)
        )
    except NoSource as fault:
        found.failed[chain.expiry.isoformat()] = str(fault)
        await sync_to_async(_chain_failed)(chain, str(fault))
        return
    if not told.value:
        await sync_to_async(_chain_failed)(chain, f"{told.source} lists no contract of this day")
        found.failed[chain.expiry.isoformat()] = "no contract"
        return
    quotes = await sync_to_async(chain_store)(
        chain, told.value, source=told.source, received_at_ms=told.received_at_ms
    )
    found.read[chain.expiry] = len(quotes)


def underlyings_due(at_ms: int | None = None) -> list[Instrument]:
    """Return the underlyings to refresh now: configured and in session, or wanted by somebody."""
    at_ms = at_ms or now_ms()
    now = from_ms(at_ms)
    can_ask = bool(SourcePool(settings.ENV["MYSTIC_OPTION_SOURCES"]).codes())
    listed = underlyings_of(settings.ENV["MYSTIC_OPTION_UNDERLYINGS"]) if can_ask else []
    found = {one.pk: one for one in listed if is_session_open(one, at_ms)}
    recent = Q(wanted_at__gt=now - READ_FOR)
    unserved = Q(asked_at=None) | Q(asked_at__lt=F("wanted_at"))
    for row in OptionChain.objects.filter(recent & unserved).select_related("underlying__venue"):
        found.setdefault(row.underlying_id, row.underlying)
    for state in OptionUnderlying.objects.filter(recent & unserved).select_related(
        "instrument__venue"
    ):
        found.setdefault(state.instrument_id, state.instrument)
    return [one for one in found.values() if _is_due(one, now)]


def _is_due(instrument: Instrument, now: datetime) -> bool:
    state = OptionUnderlying.objects.filter(instrument=instrument).first()
    return state is None or _is_listing_due(state, now) or bool(_chains_due(instrument, None, now))


def _is_listing_due(state: OptionUnderlying, now: datetime) -> bool:
    is_old = state.listed_at is None or now - state.listed_at > LISTED_FOR
    return is_old and _may_ask(state, now)


def _may_ask(row: OptionUnderlying | OptionChain, now: datetime) -> bool:
    """Tell whether enough time went by since the last attempt."""
    if row.asked_at is None:
        return True
    is_quiet = bool(row.detail) and not _is_wanted(row)
    return now - row.asked_at > (AFTER_A_FAILURE if is_quiet else BETWEEN_ATTEMPTS)


def _chains_due(instrument: Instrument, expiry: date | None, now: datetime) -> list[OptionChain]:
    """Return the chains to read: one that is named, else the nearest and those wanted since."""
    at_ms = int(now.timestamp() * 1000)
    rows = OptionChain.objects.filter(
        underlying=instrument, is_listed=True, expiry__gte=trading_day(at_ms)
    ).select_related("underlying__venue")
    kept = READ_FOR if is_session_open(instrument, at_ms) else READ_FOR_CLOSED
    return [
        row
        for place, row in enumerate(rows.order_by("expiry"))
        if (row.expiry == expiry if expiry else place < NEAREST or _is_wanted(row))
        and (row.read_at is None or now - row.read_at > kept)
        and _may_ask(row, now)
    ]


def _is_wanted(row: OptionUnderlying | OptionChain) -> bool:
    return row.wanted_at is not None and (row.asked_at is None or row.asked_at < row.wanted_at)


def _listing_claim(instrument: Instrument) -> bool:
    now = timezone.now()
    state, _ = OptionUnderlying.objects.get_or_create(
        instrument=instrument, defaults={"wanted_at": now}
    )
    if not _is_listing_due(state, now):
        return False
    free = Q(asked_at=None) | Q(asked_at__lt=now - BETWEEN_ATTEMPTS)
    return bool(OptionUnderlying.objects.filter(free, pk=state.pk).update(asked_at=now))


def _listing_failed(instrument: Instrument, detail: str) -> None:
    OptionUnderlying.objects.filter(instrument=instrument).update(detail=detail[:LONGEST_DETAIL])
    log.info("the expiries of %s wait: %s", instrument.symbol, detail)


def _listing_write(instrument: Instrument, told: Told[list[date]]) -> None:
    """Keep the expiries that a source lists; those it no longer lists leave the page."""
    today = trading_day(told.received_at_ms)
    days = sorted({day for day in told.value if day >= today})
    detail = "" if days else f"{told.source} lists no options of {instrument.base}"
    with transaction.atomic():
        OptionUnderlying.objects.filter(instrument=instrument).update(
            listed_at=timezone.now(), source=told.source, detail=detail
        )
        OptionChain.objects.bulk_create(
            [OptionChain(underlying=instrument, expiry=day) for day in days], ignore_conflicts=True
        )
        rows = OptionChain.objects.filter(underlying=instrument)
        rows.filter(expiry__in=days).update(is_listed=True)
        rows.exclude(expiry__in=days).update(is_listed=False)


def _chains_claim(instrument: Instrument, expiry: date | None) -> list[OptionChain]:
    now = timezone.now()
    free = Q(asked_at=None) | Q(asked_at__lt=now - BETWEEN_ATTEMPTS)
    claimed = []
    for row in _chains_due(instrument, expiry, now):
        if OptionChain.objects.filter(free, pk=row.pk).update(asked_at=now):
            row.asked_at = now
            claimed.append(row)
    return claimed


def _chain_failed(chain: OptionChain, detail: str) -> None:
    OptionChain.objects.filter(pk=chain.pk).update(detail=detail[:LONGEST_DETAIL])
    log.info("the chain of %s %s waits: %s", chain.underlying.symbol, chain.expiry, detail)


def _native_ids(instrument: Instrument) -> dict[str, str]:
    """Return what each source calls the underlying; "" is the name for all others."""
    aliases = InstrumentAlias.objects.filter(instrument=instrument)
    return {"": instrument.base, **dict(aliases.values_list("source", "native_id"))}


def _name(names: dict[str, str], rest: object) -> str:
    source = str(getattr(rest, "source", ""))
    return names.get(source) or names.get(source.removeprefix(REPLAY_PREFIX)) or names[""]


def _unknown(instrument: Instrument, expiry: date) -> str:
    rows = OptionChain.objects.filter(underlying=instrument, is_listed=True)
    days = rows.filter(expiry__gte=trading_day(now_ms())).values_list("expiry", flat=True)[:20]
    listed = ", ".join(day.isoformat() for day in days)
    if not listed:
        return f"no expiry of {instrument.base} is known yet; ask without one first"
    return f"no option of {instrument.base} expires on {expiry}; listed are {listed}"
