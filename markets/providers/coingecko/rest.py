"""CoinGecko's public API: prices some minutes old, of many coins in one request.

Its answers are cached on their side and a free plan has 10,000 requests a month, so it is asked
rarely, and what it tells is marked as delayed: it is shown, and no order is ever filled on it.
"""

import math
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

import msgspec

from markets.providers.base import TickerRow, is_official, source_name
from markets.providers.coingecko.ids import CoinIds, unique_ids
from markets.providers.names import checked_name
from mystic.lib.clock import now_ms
from mystic.lib.http import HttpClient, Malformed, Params, Refused
from mystic.lib.ratelimit import Priority, WeightBudget, Window

KEYED_PER_MINUTE = 25
KEYLESS_PER_MINUTE = 5
CREDITS_A_MONTH = 9_000
PAID_HOST = "pro-api.coingecko.com"
LARGEST = 1e15
MOST_IDS = 250
COIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
LIST_KEPT_S = 86_400.0
# How long the bodies of `ohlc` are, by the days that were asked for.
OHLC_SECONDS: Mapping[int, int] = {
    1: 1_800,
    7: 14_400,
    14: 14_400,
    30: 14_400,
    90: 345_600,
    180: 345_600,
    365: 345_600,
}


class _Coin(msgspec.Struct, gc=False):
    id: str
    symbol: str


class _Market(msgspec.Struct):
    id: str
    current_price: float | None
    high_24h: float | None = None
    low_24h: float | None = None
    total_volume: float | None = None
    price_change_24h: float | None = None
    last_updated: str | None = None


class OhlcRow(msgspec.Struct, frozen=True, gc=False):
    """One body of a chart, [open_time, close_time) in UTC epoch seconds; there is no volume."""

    open_time: int
    close_time: int
    open: float
    high: float
    low: float
    close: float


Prices = dict[str, dict[str, float | None]]


def budget_default(*, has_key: bool) -> WeightBudget:
    """Return a quarter of the demo plan's calls a minute, or the little that no key allows.

    Either way no more a month than a free plan has credits.
    """
    limit = KEYED_PER_MINUTE if has_key else KEYLESS_PER_MINUTE
    return WeightBudget(limit, more=(Window.month(CREDITS_A_MONTH),), silence_s=60.0)


def _checked(name: str) -> str:
    """Return a coin's id or a currency that may stand in an address."""
    return checked_name(name, COIN, what="coin or currency of CoinGecko", like="bitcoin")


def _price(value: float | None) -> float | None:
    """Return a price that can be one; CoinGecko tells null where it has none."""
    return value if value is not None and 0 < value < LARGEST else None


def _amount(value: float | None) -> float | None:
    return value if value is not None and 0 <= value < LARGEST else None


def _seconds_ms(value: float | None) -> int | None:
    if value is None or not math.isfinite(value) or not 0 < value < LARGEST:
        return None
    return int(value) * 1000


def _iso_ms(text: str | None) -> int | None:
    """Return the source's own time of a row, None where it cannot be read."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return None if moment.tzinfo is None else int(moment.timestamp() * 1000)


class CoinGeckoRest:
    """The request side of CoinGecko at any base address; one per event loop."""

    provider = "coingecko"

    def __init__(
        self,
        base_url: str,
        budget: WeightBudget | None = None,
        client: HttpClient | None = None,
        *,
        api_key: str = "",
    ) -> None:
        self.source = source_name(self.provider, base_url)
        self.is_official = is_official(self.provider, base_url)
        self.budget = budget or budget_default(has_key=bool(api_key))
        plan = "pro" if PAID_HOST in base_url else "demo"
        # A key in the address would stand in the logs of every proxy.
        headers = {f"x-cg-{plan}-api-key": api_key} if api_key else {}
        self._client = client or HttpClient(base_url, headers=headers)
        self.ids = CoinIds()
        self._listed: list[_Coin] = []
        self._listed_at = -math.inf

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self:
        return cls(env["COINGECKO_BASE_URL"], api_key=env["COINGECKO_API_KEY"])

    async def aclose(self) -> None:
        await self._client.aclose()

    def native_id(self, symbol: str) -> str:
        """Return CoinGecko's name of a symbol: `bitcoin/usdt` for BTC/USDT.

        Raises
        ------
        Refused
            For a coin that is not known; tickers are not unique, so it is never guessed.
        """
        return self.ids.native_id(symbol)

    async def find_ids(self, tickers: Sequence[str]) -> dict[str, str]:
        """Return the ids of those tickers that exactly one listed coin has; kept for a day."""
        if time.monotonic() - self._listed_at > LIST_KEPT_S:
            self._listed = await self._get("/coins/list", (), list[_Coin])
            self._listed_at = time.monotonic()
        return unique_ids(((c.id, c.symbol) for c in self._listed), (t.upper() for t in tickers))

    async def tickers(
        self, native_ids: Sequence[str], *, priority: Priority = Priority.CHART
    ) -> list[TickerRow]:
        """Return the newest prices of pairs such as `bitcoin/usdt`, all in one request.

        A price in a coin in which CoinGecko does not quote (USDT) is the quotient of two prices
        in dollars, and is marked as such. What it does not list or has no price of is left out.
        """
        pairs = [self._pair(native_id) for native_id in native_ids]
        coins = sorted({c for coin, _, through in pairs for c in (coin, through) if c})
        currencies = sorted({"usd" if through else vs for _, vs, through in pairs})
        if not coins:
            return []
        params = (
            ("ids", ",".join(coins)),
            ("vs_currencies", ",".join(currencies)),
            ("include_24hr_vol", "true"),
            ("include_last_updated_at", "true"),
            ("precision", "full"),
        )
        told: Prices = await self._get("/simple/price", params, Prices, priority)
        rows = [_row(told, *pair) for pair in pairs]
        return [row for row in rows if row is not None]

    def _pair(self, native_id: str) -> tuple[str, str, str | None]:
        coin, _, quote = native_id.partition("/")
        _checked(coin)
        _checked(quote)
        return coin, quote, self.ids.quote_coin(quote)

    async def markets(
        self, coins: Sequence[str], vs_currency: str = "usd", *, priority: Priority = Priority.CHART
    ) -> list[TickerRow]:
        """Return prices and the last 24 hours of up to 250 coins by their ids."""
        if not 0 < len(coins) <= MOST_IDS:
            raise Refused(f"wants 1 to {MOST_IDS} coins, not {len(coins)}")
        params = (
            ("vs_currency", _checked(vs_currency).lower()),
            ("ids", ",".join(_checked(coin) for coin in coins)),
            ("per_page", MOST_IDS),
            ("precision", "full"),
        )
        rows: list[_Market] = await self._get("/coins/markets", params, list[_Market], priority)
        found = [_market(row, vs_currency.lower()) for row in rows if row.id in set(coins)]
        return [row for row in found if row is not None]

    async def ohlc(self, coin: str, vs_currency: str = "usd", days: int = 1) -> list[OhlcRow]:
        """Return the finished bodies of a chart, oldest first.

        CoinGecko stamps a body with its close; a body that has not ended by our clock is left out.

        Raises
        ------
        Refused
            For a span that CoinGecko does not offer.
        Malformed
            If a body is impossible.
        """
        seconds = OHLC_SECONDS.get(days)
        if seconds is None:
            raise Refused(f"CoinGecko has charts of {sorted(OHLC_SECONDS)} days, not of {days}")
        currency = _checked(vs_currency).lower()
        params = (("vs_currency", currency), ("days", days), ("precision", "full"))
        kind = list[tuple[int, float, float, float, float]]
        rows = await self._get(f"/coins/{_checked(coin)}/ohlc", params, kind)
        bodies = [_body(row, seconds) for row in sorted(rows)]
        return [body for body in bodies if body.close_time * 1000 <= now_ms()]

    async def _get(
        self, path: str, params: Params, kind: Any, priority: Priority = Priority.CHART
    ) -> Any:
        gate = self.budget.gate(1, priority)
        return await self._client.get_json(path, params, type=kind, gate=gate)


def _row(told: Prices, coin: str, quote: str, through: str | None) -> TickerRow | None:
    """Return the ticker of one pair, None where a price that it needs is missing."""
    row = told.get(coin, {})
    vs = "usd" if through else quote
    price, as_of = _price(row.get(vs)), _seconds_ms(row.get("last_updated_at"))
    volume = _amount(row.get(f"{vs}_24h_vol"))
    if price is None:
        return None
    if through is not None:
        other = told.get(through, {})
        rate, other_as_of = _price(other.get("usd")), _seconds_ms(other.get("last_updated_at"))
        if rate is None:
            return None
        price /= rate
        volume = None if volume is None else volume / rate
        as_of = None if as_of is None or other_as_of is None else min(as_of, other_as_of)
    return _ticker(f"{coin}/{quote}", price, as_of, volume, is_cross_rate=through is not None)


def _ticker(
    native_id: str,
    price: float,
    as_of_ms: int | None,
    quote_volume: float | None,
    *,
    is_cross_rate: bool = False,
    day: tuple[float | None, float | None, float | None] = (None, None, None),
) -> TickerRow:
    return TickerRow(
        native_id=native_id,
        last=price,
        bid=None,
        ask=None,
        open_24h=day[0],
        high_24h=day[1],
        low_24h=day[2],
        volume_24h=None,
        quote_volume_24h=quote_volume,
        as_of_ms=as_of_ms,
        is_delayed=True,
        is_cross_rate=is_cross_rate,
    )


def _market(row: _Market, vs_currency: str) -> TickerRow | None:
    price = _price(row.current_price)
    if price is None:
        return None
    change = row.price_change_24h
    opening = None if change is None else _price(price - change)
    day = (opening, _price(row.high_24h), _price(row.low_24h))
    native_id, as_of = f"{row.id}/{vs_currency}", _iso_ms(row.last_updated)
    return _ticker(native_id, price, as_of, _amount(row.total_volume), day=day)


def _body(row: tuple[int, float, float, float, float], seconds: int) -> OhlcRow:
    stamp_ms, o, h, low, c = row
    is_possible = 0 < low <= o <= h < LARGEST and low <= c <= h
    if not is_possible or stamp_ms < seconds * 1000:
        message = f"an impossible body at {stamp_ms}"
        raise Malformed(message)
    close_time = stamp_ms // 1000
    return OhlcRow(close_time - seconds, close_time, o, h, low, c)
