"""What Yahoo's answers mean: charts, quotes and option chains, apart from how they were got."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from markets.providers.base import CandleRow, InstrumentSpec, Status, TickerRow
from markets.providers.rows import OptionKind, OptionRow
from markets.providers.specs import storable
from markets.providers.us_stocks import (
    DAY_S,
    count,
    in_range,
    option_row,
    price,
    stock_spec,
)
from mystic.lib.http import Malformed, Refused, SourceError, Unreachable

# The longest delay that exchanges impose on free data, and some patience.
LONGEST_DELAY_S = 20 * 60
# A price whose own time is older than this when it arrives is called delayed.
FRESH_MS = 3_000
LONGEST_NAME = 120
# What Yahoo calls that which trades on an exchange of stocks.
STOCK_KINDS = frozenset({"EQUITY", "ETF"})


class _Error(msgspec.Struct):
    code: str = ""
    description: str = ""


class _Meta(msgspec.Struct):
    symbol: str
    currency: str | None = None
    gmtoffset: int = 0
    regularMarketTime: int | None = None  # noqa: N815  Yahoo's name


class _Prices(msgspec.Struct):
    open: list[float | None] = []
    high: list[float | None] = []
    low: list[float | None] = []
    close: list[float | None] = []
    volume: list[float | None] = []


class _Indicators(msgspec.Struct):
    quote: list[_Prices]


class _Result(msgspec.Struct):
    meta: _Meta
    indicators: _Indicators
    timestamp: list[int] = []


class _Chart(msgspec.Struct):
    result: list[_Result] | None = None
    error: _Error | None = None


class _ChartAnswer(msgspec.Struct):
    chart: _Chart


class _Quote(msgspec.Struct):
    symbol: str
    quoteType: str = ""  # noqa: N815
    currency: str | None = None
    longName: str | None = None  # noqa: N815
    shortName: str | None = None  # noqa: N815
    regularMarketPrice: float | None = None  # noqa: N815
    regularMarketTime: int | None = None  # noqa: N815
    bid: float | None = None
    ask: float | None = None
    bidSize: float | None = None  # noqa: N815
    askSize: float | None = None  # noqa: N815
    exchangeDataDelayedBy: float | None = None  # noqa: N815


class _Quotes(msgspec.Struct):
    result: list[_Quote] | None = None
    error: _Error | None = None


class _Hit(msgspec.Struct):
    symbol: str = ""
    quoteType: str = ""  # noqa: N815


class _SearchAnswer(msgspec.Struct):
    quotes: list[_Hit] = []


class _QuoteAnswer(msgspec.Struct):
    quoteResponse: _Quotes  # noqa: N815


class _Contract(msgspec.Struct):
    contractSymbol: str  # noqa: N815
    strike: float
    lastPrice: float | None = None  # noqa: N815
    volume: float | None = None
    openInterest: float | None = None  # noqa: N815
    bid: float | None = None
    ask: float | None = None
    lastTradeDate: int | None = None  # noqa: N815
    impliedVolatility: float | None = None  # noqa: N815


class _Expiry(msgspec.Struct):
    expirationDate: int  # noqa: N815
    calls: list[_Contract] = []
    puts: list[_Contract] = []


class _Options(msgspec.Struct):
    underlyingSymbol: str  # noqa: N815
    expirationDates: list[int] = []  # noqa: N815
    quote: _Quote | None = None
    options: list[_Expiry] = []


class _Chain(msgspec.Struct):
    result: list[_Options] | None = None
    error: _Error | None = None


class _ChainAnswer(msgspec.Struct):
    optionChain: _Chain  # noqa: N815


def _decoded(text: str, kind: Any) -> Any:
    if "will be right back" in text[:20_000].lower():
        message = "Yahoo is down for maintenance"
        raise Unreachable(message)
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError) as fault:
        raise Malformed(f"Yahoo gave no valid data: {fault}") from None


def _one[T](found: list[T] | None, error: _Error | None, what: str) -> T:
    """Return the only result, or raise what Yahoo says instead."""
    if error is not None:
        raise _refusal(error, what)
    if not found:
        raise Malformed(f"Yahoo's answer about {what} is empty")
    return found[0]


def _refusal(error: _Error, what: str) -> SourceError:
    said = " ".join(f"{error.code}: {error.description}".split())[:200]
    return Refused(f"Yahoo refuses {what}: {said}", status=404)


def refusal_in(text: str, what: str) -> Refused | None:
    """Return the refusal that a 4xx body of any endpoint holds, None where it holds none."""
    for kind, name in ((_ChartAnswer, "chart"), (_ChainAnswer, "optionChain")):
        try:
            told = getattr(msgspec.json.decode(text, type=kind), name)
        except (msgspec.DecodeError, UnicodeEncodeError):
            continue
        if told.error is not None:
            found = _refusal(told.error, what)
            return found if isinstance(found, Refused) else None
    return None


def bars_of(text: str, native_id: str, timeframe: int, *, now_s: int) -> list[CandleRow]:
    """Return the closed bars of a chart answer, oldest first; null rows are left out.

    A row is closed once it ended by our clock and Yahoo's own time of the last trade has passed
    its end, a newer row follows it, or it ended longer ago than data are ever delayed.
    """
    chart = _decoded(text, _ChartAnswer).chart
    result = _one(chart.result, chart.error, native_id)
    known_s = min(now_s, result.meta.regularMarketTime or 0)
    starts = result.timestamp
    table = _columns(result, len(starts))
    newest = max(starts, default=0)
    rows: dict[int, CandleRow] = {}
    for start, values in zip(starts, table, strict=True):
        in_range(start * 1000)
        key = _key(start, timeframe, result.meta.gmtoffset)
        if key is None or any(value is None for value in values):
            continue
        end = key + timeframe
        is_told = newest >= end or end <= known_s
        if end > now_s or not (is_told or end + LONGEST_DELAY_S <= now_s):
            continue
        o, h, low, c, volume = (float(value) for value in values)
        rows[key] = CandleRow(key, o, h, low, c, volume)
    return [rows[key] for key in sorted(rows)]


def _columns(result: _Result, length: int) -> list[tuple[Any, ...]]:
    if not length:
        return []
    if not result.indicators.quote:
        message = "Yahoo's chart has times without prices"
        raise Malformed(message)
    one = result.indicators.quote[0]
    columns = (one.open, one.high, one.low, one.close, one.volume)
    if any(len(column) != length for column in columns):
        message = "Yahoo's chart has columns of different lengths"
        raise Malformed(message)
    return list(zip(*columns, strict=True))


def _key(start: int, timeframe: int, offset: int) -> int | None:
    """Return the key of a row, None for the running one, which begins at the last trade."""
    if timeframe == DAY_S:
        # A day's row begins when its session does; it is keyed by midnight UTC of its date.
        return (start + offset) // DAY_S * DAY_S
    return start if start % timeframe == 0 else None


def tickers_of(text: str, *, now_ms: int) -> list[TickerRow]:
    """Return the newest prices of a quote answer; one without a price or its time is left out."""
    told = _quotes(text)
    return [row for one in told if (row := _ticker(one, now_ms)) is not None]


def _ticker(one: _Quote, now_ms: int) -> TickerRow | None:
    last = price(one.regularMarketPrice)
    if last is None or one.regularMarketTime is None:
        return None
    as_of_ms = in_range(one.regularMarketTime * 1000)
    return TickerRow(
        native_id=one.symbol,
        last=last,
        bid=price(one.bid),
        ask=price(one.ask),
        open_24h=None,
        high_24h=None,
        low_24h=None,
        volume_24h=None,
        quote_volume_24h=None,
        as_of_ms=as_of_ms,
        # Yahoo promises no delay and no freshness: the price's own time decides.
        is_delayed=bool(one.exchangeDataDelayedBy) or now_ms - as_of_ms > FRESH_MS,
        bid_size=_size(one.bidSize),
        ask_size=_size(one.askSize),
    )


def _size(value: float | None) -> float | None:
    """Return a size as shares: where lots are meant, it is less than there is, never more."""
    found = count(value)
    return None if found is None else float(found)


def hits_of(text: str) -> list[str]:
    """Return the symbols of the stocks and funds that a search found, best first."""
    found = _decoded(text, _SearchAnswer).quotes
    return [one.symbol for one in found if one.quoteType in STOCK_KINDS]


def specs_of(
    text: str, native_ids: Sequence[str], *, kinds: Collection[str] = ()
) -> list[InstrumentSpec]:
    """Return the rules of those of `native_ids` that a quote answer knows.

    With `kinds` only what Yahoo calls one of these is returned, such as `EQUITY`.
    """
    wanted = set(native_ids)
    specs = []
    for one in _quotes(text):
        if one.symbol not in wanted or not one.currency:
            continue
        if kinds and one.quoteType not in kinds:
            continue
        name = (one.longName or one.shortName or "")[:LONGEST_NAME]
        specs.append(stock_spec(one.symbol, name, Status.TRADING, quote=one.currency))
    return storable(specs)


def _quotes(text: str) -> list[_Quote]:
    told = _decoded(text, _QuoteAnswer).quoteResponse
    if told.error is not None:
        raise _refusal(told.error, "quotes")
    return list(told.result or ())


def expiries_of(text: str, native_id: str) -> list[date]:
    """Return the days on which options of a chain answer expire, soonest first."""
    chain = _decoded(text, _ChainAnswer).optionChain
    result = _one(chain.result, chain.error, native_id)
    return sorted({_day(stamp) for stamp in result.expirationDates})


def contracts_of(text: str, native_id: str, expiry: date) -> list[OptionRow]:
    """Return the contracts of one expiry of a chain answer; greeks are not among what is told."""
    chain = _decoded(text, _ChainAnswer).optionChain
    result = _one(chain.result, chain.error, native_id)
    under = None if result.quote is None else price(result.quote.regularMarketPrice)
    return [
        _contract(one, native_id, kind, under)
        for group in result.options
        if _day(group.expirationDate) == expiry
        for kind, listed in ((OptionKind.CALL, group.calls), (OptionKind.PUT, group.puts))
        for one in listed
    ]


def _contract(one: _Contract, native_id: str, kind: OptionKind, under: float | None) -> OptionRow:
    bid, ask = price(one.bid), price(one.ask)
    # Yahoo computes it from bid and ask; without them it writes a figure that means nothing.
    volatility = None if bid is None and ask is None else price(one.impliedVolatility)
    row = option_row(
        one.contractSymbol,
        native_id,
        bid=bid,
        ask=ask,
        last=price(one.lastPrice),
        volume=count(one.volume),
        open_interest=count(one.openInterest),
        underlying_price=under,
        implied_volatility=volatility,
        as_of_ms=None if one.lastTradeDate is None else in_range(one.lastTradeDate * 1000),
        is_delayed=True,
    )
    if row.kind is not kind or abs(row.strike - one.strike) > 0.001:
        raise Malformed(f"{one.contractSymbol} is not the {kind} at {one.strike} it stands for")
    return row


def _day(stamp: int) -> date:
    return (
        datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=in_range(stamp * 1000) // 1000)
    ).date()
