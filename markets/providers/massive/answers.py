"""Read the answers of Massive's REST API."""

from datetime import date

import msgspec

from markets.providers.base import (
    InstrumentSpec,
    Status,
    TickerRow,
)
from markets.providers.news import news_row
from markets.providers.rows import NewsRow, OptionRow
from markets.providers.us_stocks import (
    TICKER,
    count,
    day_of,
    figure,
    in_range,
    ns_ms,
    option_row,
    price,
    rfc3339_ms,
    says_something,
    size,
    stock_spec,
)
from mystic.lib.http import Malformed


class MarketStatus(msgspec.Struct):
    serverTime: str  # noqa: N815  Massive's name


class Bar(msgspec.Struct, gc=False):
    t: int
    o: float
    h: float
    l: float  # noqa: E741  Massive's name
    c: float
    v: float
    n: int = -1


class Aggregates(msgspec.Struct):
    status: str
    results: list[Bar] = []
    next_url: str | None = None


class Listed(msgspec.Struct):
    ticker: str
    name: str = ""
    active: bool = True
    currency_name: str = "usd"
    market: str = "stocks"


class OneListed(msgspec.Struct):
    results: Listed


class ListedPage(msgspec.Struct):
    status: str
    results: list[Listed] = []
    next_url: str | None = None


class LastTrade(msgspec.Struct):
    p: float
    t: int


class LastQuote(msgspec.Struct):
    P: float = 0
    p: float = 0
    S: float = 0
    s: float = 0
    t: int | None = None


class MinuteBar(msgspec.Struct):
    c: float = 0
    t: int | None = None


class Snapshot(msgspec.Struct):
    ticker: str
    lastTrade: LastTrade | None = None  # noqa: N815  Massive's name
    lastQuote: LastQuote | None = None  # noqa: N815
    min: MinuteBar | None = None


class Snapshots(msgspec.Struct):
    status: str
    tickers: list[Snapshot] = []


class Details(msgspec.Struct):
    ticker: str
    strike_price: float
    expiration_date: str
    contract_type: str


class Greeks(msgspec.Struct):
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None


class OptionDay(msgspec.Struct):
    volume: float | None = None
    last_updated: int | None = None


class OptionQuote(msgspec.Struct):
    bid: float | None = None
    ask: float | None = None
    last_updated: int | None = None
    timeframe: str = ""


class OptionTrade(msgspec.Struct):
    price: float | None = None
    sip_timestamp: int | None = None
    timeframe: str = ""


class Underlying(msgspec.Struct):
    price: float | None = None


class ChainItem(msgspec.Struct):
    details: Details
    day: OptionDay | None = None
    greeks: Greeks | None = None
    implied_volatility: float | None = None
    open_interest: float | None = None
    last_quote: OptionQuote | None = None
    last_trade: OptionTrade | None = None
    underlying_asset: Underlying | None = None


class ChainPage(msgspec.Struct):
    status: str
    results: list[ChainItem] = []
    next_url: str | None = None


class Contract(msgspec.Struct):
    expiration_date: str

    @property
    def day(self) -> date:
        return day_of(self.expiration_date)


class ContractPage(msgspec.Struct):
    status: str
    results: list[Contract] = []
    next_url: str | None = None


class Article(msgspec.Struct):
    id: str
    title: str
    published_utc: str
    article_url: str = ""
    description: str = ""


class NewsPage(msgspec.Struct):
    status: str
    results: list[Article] = []


def specs_of(listed: list[Listed]) -> list[InstrumentSpec]:
    """Return the rules of US stocks; Massive tells no step, so it is one share."""
    return [
        stock_spec(one.ticker, one.name, Status.TRADING if one.active else Status.DELISTED)
        for one in listed
        if TICKER.fullmatch(one.ticker)
        and one.market == "stocks"
        and one.currency_name.lower() == "usd"
    ]


def ticker_of(told: Snapshot, *, is_delayed: bool) -> TickerRow | None:
    """Return the newest prices of a snapshot; `as_of_ms` is the older of trade and quote.

    Where the plan has no trades, the newest minute's close and its end stand for one. None while
    the snapshot is cleared, before the pre-market.
    """
    trade, quote, minute = told.lastTrade, told.lastQuote, told.min
    last, times = None, []
    if trade is not None and (last := price(trade.p)) is not None:
        times = [ns_ms(trade.t)]
    elif minute is not None and minute.t and (last := price(minute.c)) is not None:
        times = [in_range(minute.t + 60_000)]
    if last is None:
        return None
    if quote is not None and quote.t is not None:
        times.append(ns_ms(quote.t))
    else:
        quote = None
    return TickerRow(
        native_id=told.ticker,
        last=last,
        bid=price(quote.p) if quote is not None else None,
        ask=price(quote.P) if quote is not None else None,
        open_24h=None,
        high_24h=None,
        low_24h=None,
        volume_24h=None,
        quote_volume_24h=None,
        as_of_ms=min(times),
        is_delayed=is_delayed,
        bid_size=size(quote.s) if quote is not None else None,
        ask_size=size(quote.S) if quote is not None else None,
    )


def option_of(underlying: str, told: ChainItem) -> OptionRow | None:
    """Return a contract's figures, None when there is none.

    Raises
    ------
    Malformed
        If its name says another strike, expiry or kind than its details.
    """
    greeks = told.greeks or Greeks()
    quote, trade = told.last_quote or OptionQuote(), told.last_trade or OptionTrade()
    day = told.day or OptionDay()
    at_ns = quote.last_updated or trade.sip_timestamp or day.last_updated
    row = option_row(
        told.details.ticker,
        underlying,
        bid=price(quote.bid),
        ask=price(quote.ask),
        last=price(trade.price),
        volume=count(day.volume),
        open_interest=count(told.open_interest),
        underlying_price=price(told.underlying_asset.price) if told.underlying_asset else None,
        implied_volatility=price(told.implied_volatility),
        delta=figure(greeks.delta),
        gamma=figure(greeks.gamma),
        theta=figure(greeks.theta),
        vega=figure(greeks.vega),
        as_of_ms=ns_ms(at_ns) if at_ns is not None else None,
        is_delayed=(quote.timeframe or trade.timeframe) != "REAL-TIME",
    )
    details = told.details
    is_same = (
        abs(row.strike - details.strike_price) < 0.001
        and row.expiry == day_of(details.expiration_date)
        and row.kind == details.contract_type
    )
    if not is_same:
        raise Malformed(f"{details.ticker[:30]} and its details are different contracts")
    return row if says_something(row) else None


def news_of(article: Article) -> NewsRow:
    published_ms = rfc3339_ms(article.published_utc)
    about = (article.title, article.article_url, article.description)
    return news_row(f"massive:{article.id}", *about, published_ms)
