"""The sources that the settings name, made ready to use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from django.conf import settings

from markets.circuits import WatchedRest
from markets.limits import budget_share
from markets.providers.base import (
    DepthSnapshot,
    MarketRest,
    MarketStream,
    StreamHandler,
    TickerRow,
    source_name,
)
from markets.providers.coingecko.ids import CoinIds
from markets.providers.table import PROVIDERS, code_of, off_reason
from markets.selectors import venue_configured
from mystic.lib.provenance import REPLAY_PREFIX
from mystic.lib.ratelimit import WeightBudget

# What may follow Binance; CoinGecko's prices are delayed, so it is asked when nothing else works.
FURTHER = ("coinbase", "ccxt", "coingecko")


class SourceRest(MarketRest, Protocol):
    """The request side of a source, with its budget and its end."""

    budget: WeightBudget

    async def aclose(self) -> None: ...


class DelayedRest(Protocol):
    """A request side that tells prices some minutes old."""

    source: str
    is_official: bool
    budget: WeightBudget
    ids: CoinIds

    def native_id(self, symbol: str) -> str: ...

    async def tickers(self, native_ids: Sequence[str]) -> list[TickerRow]: ...

    async def aclose(self) -> None: ...


class BookRest(SourceRest, Protocol):
    """A request side that also gives order books."""

    async def depth(self, native_id: str, limit: int = ...) -> DepthSnapshot: ...


def _native_ids(native_ids: Sequence[str], timeframe: int) -> Sequence[str]:
    del timeframe
    return native_ids


@dataclass(frozen=True, slots=True)
class Source[R: SourceRest]:
    """One provider at the addresses that the settings name; made on the loop that uses it.

    `code` is the venue its data belong to; `page` is how many bars one answer brings; `names` are
    the streams that give quotes and bars of such a length (seconds) of these native ids.
    """

    code: str
    rest: R
    page: int
    stream: Callable[[Sequence[str], int, StreamHandler], MarketStream]
    names: Callable[[Sequence[str], int], Sequence[str]] = _native_ids

    @property
    def is_official(self) -> bool:
        return not self.code.startswith(REPLAY_PREFIX)


def first_source() -> Source[BookRest]:
    """Return Binance, or the replay of it."""
    from markets.providers.binance.rest import KLINES_PAGE, BinanceRest
    from markets.providers.binance.stream import BinanceStream, streams_for

    def stream(native_ids: Sequence[str], timeframe: int, handler: StreamHandler) -> MarketStream:
        names = streams_for(native_ids, timeframe)
        return BinanceStream(settings.ENV["BINANCE_WS_URL"], names, handler)

    code = venue_configured()
    rest = _shared(BinanceRest.from_settings(settings.ENV), code)
    return Source(code, rest, KLINES_PAGE, stream, streams_for)


def fallback_codes() -> dict[str, str]:
    """Return the further sources that are on, in their order: venue code by provider.

    A source that would mix live with replayed data is off, as is one of which only a part is
    replayed.
    """
    found: dict[str, str] = {}
    for name in settings.ENV["MYSTIC_CRYPTO_SOURCES"]:
        provider = PROVIDERS.get(name)
        if name not in FURTHER or provider is None or off_reason(provider, settings.ENV):
            continue
        parts = {source_name(name, settings.ENV[url]) for url in provider.urls}
        if len(parts) <= 1:
            found[name] = code_of(provider, settings.ENV)
    return found


def fallback_code() -> str | None:
    """Return the code of the source that follows the first, None where there is none."""
    return next(iter(fallback_codes().values()), None)


def fallback_sources() -> list[Source[SourceRest]]:
    """Return the further sources of quotes and bars in their order; delayed ones are not."""
    made = {"coinbase": _coinbase, "ccxt": _ccxt}
    return [made[name](code) for name, code in fallback_codes().items() if name in made]


def delayed_source() -> tuple[str, DelayedRest] | None:
    """Return the code and the request side of CoinGecko, None where it is off."""
    code = fallback_codes().get("coingecko")
    if code is None:
        return None
    from markets.providers.coingecko.rest import CoinGeckoRest

    return code, _shared(CoinGeckoRest.from_settings(settings.ENV), code)


def _coinbase(code: str) -> Source[SourceRest]:
    from markets.providers.coinbase.jwt import Key
    from markets.providers.coinbase.rest import CANDLES_PAGE, CoinbaseRest
    from markets.providers.coinbase.stream import CoinbaseStream, streams_for

    def stream(native_ids: Sequence[str], timeframe: int, handler: StreamHandler) -> MarketStream:
        del timeframe
        url, names = settings.ENV["COINBASE_WS_URL"], streams_for(native_ids)
        return CoinbaseStream(url, names, handler, key=Key.from_settings(settings.ENV))

    rest = _shared(CoinbaseRest.from_settings(settings.ENV), code)
    return Source(code, rest, CANDLES_PAGE, stream)


def _ccxt(code: str) -> Source[SourceRest]:
    from markets.providers.ccxt_rest import CANDLES_PAGE, CcxtRest
    from markets.providers.polled import PolledStream

    rest = _shared(CcxtRest.from_settings(settings.ENV), code)

    def stream(native_ids: Sequence[str], timeframe: int, handler: StreamHandler) -> MarketStream:
        del timeframe
        return PolledStream(rest, native_ids, handler)

    return Source(code, rest, CANDLES_PAGE, stream)


def _shared[R: SourceRest | DelayedRest](rest: R, code: str) -> R:
    """Return the source's request side with its budget shared and its requests noted."""
    budget_share(rest, code)
    return cast("R", WatchedRest(rest, code))
