"""One symbol of a replay of recorded frames: everything is recorded or counted from trades."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from markets.replay import wire
from markets.replay.book import DepthData, SnapshotData, TextBook
from markets.replay.klines import Forming, TradeBars
from markets.replay.market import Published, Row, Series, symbol_info
from markets.types import TIMEFRAME_NAMES

DAY_MS = 86_400_000
QUIET_MS = 500
"""How far the venue's own time must be past a bar's end before its trades are surely all there."""


class TradeData(msgspec.Struct, gc=False):
    t: int
    p: str
    q: str
    T: int
    m: bool


class QuoteData(msgspec.Struct, gc=False):
    b: str
    B: str
    a: str
    A: str


class FrameBoard:
    """The present state of one recorded symbol.

    Parameters
    ----------
    start_ms : int
        Venue time of the symbol's first recorded frame: bars that opened before are not whole.
    """

    def __init__(self, native_id: str, base: str, quote: str, start_ms: int) -> None:
        self.native_id, self.base, self.quote = native_id, base, quote
        self.recorded_info: dict[str, Any] | None = None
        self.places = (0, 0)
        self.book = TextBook()
        self.series = {seconds: Series() for seconds in TIMEFRAME_NAMES}
        self._bars = {s: TradeBars(s * 1000, start_ms) for s in TIMEFRAME_NAMES}
        self._told_ms = dict.fromkeys(TIMEFRAME_NAMES, 0)
        self._last: str | None = None
        self._best: tuple[str, str, str, str] | None = None

    def info(self) -> dict[str, Any]:
        if self.recorded_info is not None:
            return self.recorded_info
        tick, step = (f"{Decimal(1).scaleb(-places):f}" for places in self.places)
        return symbol_info(self.native_id, self.base, self.quote, tick, step)

    def klines(
        self, seconds: int, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Row] | None:
        series = self.series.get(seconds)
        return None if series is None else series.part(start_ms, end_ms, limit)

    def last(self) -> str | None:
        return self._last

    def best(self) -> tuple[str, str, str, str] | None:
        return self._best

    def depth(self, limit: int) -> dict[str, Any] | None:
        return self.book.top(limit)

    def day(self, now_ms: int) -> list[Row]:
        return self.series[60].part(now_ms - DAY_MS, None, 1441)

    def on_trade(self, data: TradeData) -> Iterator[Published]:
        """Count a trade; yield the bars that it closes."""
        self._last = data.p
        price, quantity = Decimal(data.p), Decimal(data.q)
        for seconds, bars in self._bars.items():
            closed = bars.add(data.T, price, quantity, data.t, is_sell=data.m)
            yield from self._closed(seconds, closed, data.T)

    def on_quote(self, data: QuoteData) -> None:
        self._best = (data.b, data.B, data.a, data.A)

    def on_depth(self, data: DepthData) -> None:
        self.book.change(data)

    def on_snapshot(self, data: SnapshotData) -> None:
        self.book.snapshot(data)

    def on_kline(self, seconds: int, k: dict[str, Any]) -> None:
        """Keep a recorded bar; from then on this interval is not counted from trades."""
        series = self.series[seconds]
        series.is_recorded = True
        row = wire.row_of(k)
        if k["x"]:
            series.close(row)
        else:
            series.forming = row

    def pass_time(self, now_ms: int) -> Iterator[Published]:
        """Yield the bars that are over by the venue's own time, also without a trade."""
        for seconds, bars in self._bars.items():
            yield from self._closed(seconds, bars.advance(now_ms - QUIET_MS), now_ms)

    def tell_forming(self, now_ms: int) -> Iterator[Published]:
        """Yield the forming bars, every two seconds as the venue does, every one for 1s."""
        for seconds, bars in self._bars.items():
            bar, series = bars.forming, self.series[seconds]
            if bar is None or not bar.is_whole or series.is_recorded:
                continue
            series.forming = bar.row(bars.interval_ms)
            if now_ms - self._told_ms[seconds] >= (1000 if seconds == 1 else 2000):
                self._told_ms[seconds] = now_ms
                yield self._frame(seconds, bar, now_ms, is_closed=False)

    def _closed(self, seconds: int, closed: list[Forming], now_ms: int) -> Iterator[Published]:
        if self.series[seconds].is_recorded:
            return
        for bar in closed:
            self.series[seconds].close(bar.row(seconds * 1000))
            yield self._frame(seconds, bar, now_ms, is_closed=True)

    def _frame(self, seconds: int, bar: Forming, now_ms: int, *, is_closed: bool) -> Published:
        row = bar.row(seconds * 1000)
        ids = (bar.first_id, bar.last_id)
        return wire.kline(self.native_id, seconds, row, now_ms, ids, is_closed=is_closed)
