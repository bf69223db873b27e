"""Read the answers of Alpaca's REST API."""

from datetime import date, datetime

import msgspec

from markets.providers.base import (
    CandleRow,
    InstrumentSpec,
    Status,
    TickerRow,
)
from markets.providers.news import news_row
from markets.providers.rows import NewsRow, OptionRow
from markets.providers.us_stocks import (
    NEW_YORK,
    ONE_SHARE,
    TICKER,
    checked_row,
    count,
    day_of,
    figure,
    option_row,
    price,
    rfc3339_ms,
    says_something,
    size,
    stock_spec,
)


class Clock(msgspec.Struct):
    timestamp: str


class Asset(msgspec.Struct):
    symbol: str
    status: str
    name: str = ""
    tradable: bool = False
    fractionable: bool = False


class Bar(msgspec.Struct, gc=False):
    t: str
    o: float
    h: float
    l: float  # noqa: E741  Alpaca's name
    c: float
    v: float
    n: int = -1


class BarPage(msgspec.Struct):
    bars: dict[str, list[Bar]]
    next_page_token: str | None = None


class Quote(msgspec.Struct, gc=False):
    t: str
    bp: float = 0
    ap: float = 0
    bs: float = 0
    as_: float = msgspec.field(name="as", default=0)


class Trade(msgspec.Struct, gc=False):
    t: str
    p: float


class Snapshot(msgspec.Struct):
    latestTrade: Trade | None = None  # noqa: N815  Alpaca's name
    latestQuote: Quote | None = None  # noqa: N815


class Greeks(msgspec.Struct):
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None
    rho: float | None = None


class OptionSnapshot(msgspec.Struct):
    latestTrade: Trade | None = None  # noqa: N815  Alpaca's name
    latestQuote: Quote | None = None  # noqa: N815
    dailyBar: Bar | None = None  # noqa: N815
    greeks: Greeks | None = None
    impliedVolatility: float | None = None  # noqa: N815


class ChainPage(msgspec.Struct):
    snapshots: dict[str, OptionSnapshot]
    next_page_token: str | None = None


class Contract(msgspec.Struct):
    symbol: str
    expiration_date: str
    open_interest: float | None = None

    @property
    def day(self) -> date:
        return day_of(self.expiration_date)

    @property
    def interest(self) -> int | None:
        return count(self.open_interest)


class ContractPage(msgspec.Struct):
    option_contracts: list[Contract]
    next_page_token: str | None = None


class Article(msgspec.Struct):
    id: int
    headline: str
    created_at: str
    summary: str = ""
    url: str | None = None


class NewsPage(msgspec.Struct):
    news: list[Article]


def specs_of(assets: list[Asset]) -> list[InstrumentSpec]:
    """Return the rules of assets whose names are tickers; fractional ones by 1e-9 of a share."""
    return [
        stock_spec(
            asset.symbol, asset.name, _status(asset), step=1 if asset.fractionable else ONE_SHARE
        )
        for asset in assets
        if TICKER.fullmatch(asset.symbol)
    ]


def _status(asset: Asset) -> Status:
    if asset.status != "active":
        return Status.DELISTED
    return Status.TRADING if asset.tradable else Status.HALTED


def row_of(bar: Bar, start_s: int) -> CandleRow:
    """Return a bar keyed by `start_s`; raise `Malformed` for an impossible one."""
    return checked_row(start_s, (bar.o, bar.h, bar.l, bar.c, bar.v), bar.n)


def ticker_of(native_id: str, told: Snapshot, *, is_delayed: bool) -> TickerRow | None:
    """Return the newest prices of a snapshot, None without a trade; `as_of_ms` is the older."""
    if told.latestTrade is None or (last := price(told.latestTrade.p)) is None:
        return None
    quote = told.latestQuote
    times = [rfc3339_ms(told.latestTrade.t)]
    times += [rfc3339_ms(quote.t)] if quote is not None else []
    return TickerRow(
        native_id=native_id,
        last=last,
        bid=price(quote.bp) if quote is not None else None,
        ask=price(quote.ap) if quote is not None else None,
        open_24h=None,
        high_24h=None,
        low_24h=None,
        volume_24h=None,
        quote_volume_24h=None,
        as_of_ms=min(times),
        is_delayed=is_delayed,
        bid_size=size(quote.bs) if quote is not None else None,
        ask_size=size(quote.as_) if quote is not None else None,
    )


def option_of(
    symbol: str,
    underlying: str,
    told: OptionSnapshot,
    open_interest: int | None,
    *,
    is_delayed: bool,
) -> OptionRow | None:
    """Return a contract's figures, None when there is none; the volume is that of the day."""
    greeks, quote, trade = told.greeks or Greeks(), told.latestQuote, told.latestTrade
    at = quote or trade
    as_of_ms = rfc3339_ms(at.t) if at is not None else None
    row = option_row(
        symbol,
        underlying,
        bid=price(quote.bp) if quote is not None else None,
        ask=price(quote.ap) if quote is not None else None,
        last=price(trade.p) if trade is not None else None,
        volume=_volume(told.dailyBar, as_of_ms),
        open_interest=open_interest,
        implied_volatility=price(told.impliedVolatility),
        delta=figure(greeks.delta),
        gamma=figure(greeks.gamma),
        theta=figure(greeks.theta),
        vega=figure(greeks.vega),
        rho=figure(greeks.rho),
        as_of_ms=as_of_ms,
        is_delayed=is_delayed,
    )
    return row if says_something(row) else None


def _volume(bar: Bar | None, as_of_ms: int | None) -> int | None:
    """Return the volume of a day's bar if it is the day of the quote."""
    if bar is None or as_of_ms is None:
        return None
    days = [
        datetime.fromtimestamp(ms / 1000, tz=NEW_YORK).date()
        for ms in (rfc3339_ms(bar.t), as_of_ms)
    ]
    return count(bar.v) if days[0] == days[1] else None


def news_of(article: Article) -> NewsRow:
    published_ms = rfc3339_ms(article.created_at)
    link = article.url or ""
    return news_row(f"alpaca:{article.id}", article.headline, link, article.summary, published_ms)
