"""What may come out of an adapter: the values that are checked at the door, and those beside."""

import math
from datetime import date

from markets.providers.base import (
    BookTickerEvent,
    CandleRow,
    DayEvent,
    DepthEvent,
    DepthSnapshot,
    InstrumentSpec,
    KlineEvent,
    TickerRow,
    TradeEvent,
    TradeRow,
)
from markets.providers.coingecko.rest import OhlcRow
from markets.providers.rows import MoodRow, NewsRow, ObservationRow, OptionRow
from markets.quality import bar_fault, levels_fault, price_fault, quantity_fault, trade_fault
from markets.types import Bar, Origin

LARGEST_UNITS = 2**63 - 1


def check(value, timeframe=60):
    """Fail where a value, or one of a list, is one that no source may tell."""
    for one in value if isinstance(value, list) else [value]:
        kind = CHECKS.get(type(one))
        assert kind is not None, f"{type(one)} is not checked"
        fault = kind(one, timeframe)
        assert not fault, f"{fault}: {one}"


def _bar(row, timeframe):
    prices = (row.open, row.high, row.low, row.close, row.volume, row.trades)
    return bar_fault(Bar(1, timeframe, row.open_time, *prices, "fuzz", Origin.LIVE, 0))


def _kline(row, _):
    return _bar(row, row.timeframe)


def _ohlc(row, _):
    prices = (row.open, row.high, row.low, row.close, 0.0, -1)
    return bar_fault(Bar(1, 1, row.open_time, *prices, "fuzz", Origin.LIVE, 0))


def _quote(row, _):
    # Equal prices are a locked market of stocks: the feed leaves them out.
    fault = price_fault(row.bid, row.ask) or quantity_fault(row.bid_size, row.ask_size)
    return fault or ("crossed" if row.bid > row.ask else None)


def _ticker(row, _):
    prices = (row.last, *(one for one in (row.bid, row.ask) if one is not None))
    amounts = (row.volume_24h, row.quote_volume_24h, row.bid_size, row.ask_size)
    day = [one for one in (row.open_24h, row.high_24h, row.low_24h) if one is not None]
    fault = price_fault(*prices) or quantity_fault(*(one for one in amounts if one is not None))
    fault = fault or quantity_fault(*day)
    return fault or ("no time" if row.as_of_ms is not None and row.as_of_ms <= 0 else None)


def _book(row, _):
    fault = levels_fault(row.bids) or levels_fault(row.asks)
    is_whole = isinstance(row, DepthSnapshot) and row.bids and row.asks
    return fault or ("crossed" if is_whole and row.bids[0][0] >= row.asks[0][0] else None)


def _trade(row, _):
    return trade_fault(row.price, row.quantity)


def _day(row, _):
    return price_fault(row.last, row.open, row.high, row.low) or quantity_fault(row.volume)


def _spec(row, _):
    units = (row.tick, row.step, row.min_quantity, row.min_notional)
    scales = (row.base_scale, row.quote_scale, row.price_scale)
    is_possible = (
        all(0 <= one <= LARGEST_UNITS for one in units)
        and row.tick
        and row.step
        and all(0 <= one <= 18 for one in scales)
        and len(row.symbol) <= 40
        and len(row.native_id) <= 40
        and 0 < len(row.base) <= 20
        and 0 < len(row.quote) <= 20
        and len(row.name) <= 120
        and (row.symbol + row.native_id + row.name).isprintable()
    )
    return None if is_possible else "does not fit what is stored"


def _option(row, _):
    prices = (row.bid, row.ask, row.last, row.implied_volatility, row.underlying_price)
    counts = (row.volume, row.open_interest)
    greeks = (row.delta, row.gamma, row.theta, row.vega, row.rho)
    fault = price_fault(row.strike, *(one for one in prices if one is not None))
    fault = fault or quantity_fault(*(one for one in counts if one is not None))
    return fault or ("greek" if any(g and not math.isfinite(g) for g in greeks) else None)


def _observation(row, _):
    return None if math.isfinite(row.value) else "not_a_number"


def _mood(row, _):
    return None if 0 <= row.value <= 100 and row.period % 86_400 == 0 else "no mood"


def _news(row, _):
    is_link = row.link == "" or row.link.startswith(("https://", "http://"))
    is_text = row.title and len(row.title) <= 400 and "<script" not in row.title
    is_plain = "\0" not in row.title + row.summary + row.link + row.guid
    encoded = (row.title + row.summary + row.guid + row.link).encode()
    return None if is_link and is_text and is_plain and encoded else "no news"


def _anything(*_):
    return None


CHECKS = {
    CandleRow: _bar,
    KlineEvent: _kline,
    OhlcRow: _ohlc,
    BookTickerEvent: _quote,
    TickerRow: _ticker,
    DepthEvent: _book,
    DepthSnapshot: _book,
    TradeEvent: _trade,
    TradeRow: _trade,
    DayEvent: _day,
    InstrumentSpec: _spec,
    OptionRow: _option,
    ObservationRow: _observation,
    MoodRow: _mood,
    NewsRow: _news,
    date: _anything,
    int: _anything,
    str: _anything,
}
