"""A tape made of bars: the bars are the file's, the ticks inside them are derived and say so.

Inside a bar the price goes open, low, high, close when it rose, open, high, low, close when it
fell; at each of the four the tape sends a trade of a quarter of the volume, a quote one tick wide
and the same as a book of one level. The closed bar is exactly the file's.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

import numpy as np

from markets.replay import wire
from markets.replay.candles import Candles
from markets.replay.market import Board, Described, Published, ReplayFileError, Row, Step, plain
from markets.replay.market import symbol_info as exchange_info_of
from markets.types import TIMEFRAME_NAMES

PARTS = 4
MOST_HISTORY = 2000
HISTORY_SHARE = 0.6
LONGEST_PAUSE_BARS = 5
DAY_MS = 86_400_000
QUARTER = Decimal("0.00000001")


def number(value: float) -> Decimal:
    """Return the shortest decimal that reads back as this float."""
    return Decimal(repr(float(value)))


def path_of(o: Decimal, h: Decimal, low: Decimal, c: Decimal) -> tuple[Decimal, ...]:
    """Return the four prices of a bar in the order in which they are played."""
    return (o, low, h, c) if c >= o else (o, h, low, c)


def shares_of(volume: Decimal) -> tuple[Decimal, ...]:
    """Return four quantities that add up to the volume, none of zero unless all are."""
    quarter = (volume / PARTS).quantize(QUARTER, rounding=ROUND_DOWN)
    return (quarter, quarter, quarter, volume - 3 * quarter)


class BarBoard:
    """The present state of one symbol whose market is known by its bars."""

    def __init__(self, candles: Candles, first: int, live: int) -> None:
        self.native_id = candles.native_id
        self.base, self.quote = candles.base, candles.quote
        self.tick = Decimal(1).scaleb(-candles.places)
        self.update_id = 1
        self.closed = live
        self.forming: Row | None = None
        self._candles = candles
        self._first = first
        self._last: Decimal | None = None
        self._size = Decimal(1)
        self._bid = self._ask = Decimal(0)
        if live > first:
            self.move(number(candles.values[live - 1, 3]), Decimal(0))

    def info(self) -> dict[str, Any]:
        tick = plain(self.tick)
        return exchange_info_of(self.native_id, self.base, self.quote, tick, "0.00000001")

    def row(self, index: int) -> Row:
        """Return a bar of the file as Binance's REST writes it."""
        o, h, low, c, v = (number(x) for x in self._candles.values[index])
        open_ms = int(self._candles.times[index]) * 1000
        return self.part_row(open_ms, (o, h, low, c), path_of(o, h, low, c), shares_of(v))

    def part_row(
        self,
        open_ms: int,
        prices: tuple[Decimal, Decimal, Decimal, Decimal],
        path: tuple[Decimal, ...],
        shares: tuple[Decimal, ...],
    ) -> Row:
        """Return a bar with the amounts of the trades that were played of it."""
        volume = sum(shares, Decimal(0))
        money = sum((p * q for p, q in zip(path, shares, strict=True)), Decimal(0))
        trades = len(shares) if volume else 0
        return [
            open_ms,
            *(plain(price) for price in prices),
            plain(volume),
            open_ms + self._candles.timeframe * 1000 - 1,
            plain(money.quantize(QUARTER, rounding=ROUND_DOWN)),
            trades,
            "0",
            "0",
            "0",
        ]

    def klines(
        self, seconds: int, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Row] | None:
        own = self._candles.timeframe
        if seconds == own:
            return self._own(start_ms, end_ms, limit)
        if seconds < own or seconds % own:
            return None
        return self._coarse(seconds, start_ms, end_ms, limit)

    def _own(self, start_ms: int | None, end_ms: int | None, limit: int) -> list[Row]:
        """Return the file's bars that are over, and the one that is played now."""
        times = self._candles.times[self._first : self.closed]
        low = 0 if start_ms is None else int(np.searchsorted(times, -(-start_ms // 1000)))
        high = (
            len(times) if end_ms is None else int(np.searchsorted(times, end_ms // 1000, "right"))
        )
        forming = self.forming
        if forming is not None and (end_ms is None or forming[0] <= end_ms):
            is_after = start_ms is None or forming[0] >= start_ms
        else:
            is_after = False
        if start_ms is None:
            low = max(low, high - limit + is_after)
        rows = [self.row(self._first + i) for i in range(low, min(high, low + limit))]
        if is_after and forming is not None and len(rows) < limit:
            rows.append(forming)
        return rows

    def _coarse(
        self, seconds: int, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Row]:
        """Return longer bars: first open, highest, lowest, last close, sum of the volume."""
        times = self._candles.times[self._first : self.closed]
        if not len(times):
            return []
        buckets = times - times % seconds
        starts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
        if times[0] % seconds:
            starts = starts[1:]
        opens = buckets[starts]
        low = 0 if start_ms is None else int(np.searchsorted(opens, -(-start_ms // 1000)))
        high = (
            len(opens) if end_ms is None else int(np.searchsorted(opens, end_ms // 1000, "right"))
        )
        if start_ms is None:
            low = max(low, high - limit)
        ends = np.append(starts[1:], len(times))
        return [
            self._merged(int(opens[i]), int(starts[i]), int(ends[i]), seconds)
            for i in range(low, min(high, low + limit))
        ]

    def _merged(self, open_s: int, start: int, end: int, seconds: int) -> Row:
        rows = [self.row(self._first + i) for i in range(start, end)]
        return [
            open_s * 1000,
            rows[0][1],
            max((row[2] for row in rows), key=Decimal),
            min((row[3] for row in rows), key=Decimal),
            rows[-1][4],
            plain(sum((Decimal(row[5]) for row in rows), Decimal(0))),
            (open_s + seconds) * 1000 - 1,
            plain(sum((Decimal(row[7]) for row in rows), Decimal(0))),
            sum(row[8] for row in rows),
            "0",
            "0",
            "0",
        ]

    def last(self) -> str | None:
        return None if self._last is None else plain(self._last)

    def best(self) -> tuple[str, str, str, str] | None:
        if self._last is None:
            return None
        return plain(self._bid), plain(self._size), plain(self._ask), plain(self._size)

    def depth(self, limit: int) -> dict[str, Any] | None:
        best = self.best()
        if best is None:
            return None
        bid, bid_size, ask, ask_size = best
        levels = {"bids": [(bid, bid_size)], "asks": [(ask, ask_size)]}
        return {"lastUpdateId": self.update_id, **levels}

    def day(self, now_ms: int) -> list[Row]:
        return self._own(now_ms - DAY_MS, None, DAY_MS // 1000 // self._candles.timeframe + 1)

    def move(self, price: Decimal, quantity: Decimal) -> bool:
        """Set the quote one tick wide around a trade's side; return whether it was a sale."""
        is_sell = self._last is not None and price < self._last
        self._last = price
        self._size = quantity or self._size
        is_at_bid = is_sell or price <= self.tick
        self._bid = price if is_at_bid else price - self.tick
        self._ask = price + self.tick if is_at_bid else price
        self.update_id += 1
        return is_sell


class BarTape:
    """A file of bars, part of it history, the rest played a bar each second.

    Parameters
    ----------
    start : str, optional
        Date or time of the first bar that is played; before it all is history.
    history : int, optional
        How many bars before that are served as history; without both it is three fifths of the
        file, at most 2,000 bars.
    """

    def __init__(
        self, candles: Candles, *, start: str | None = None, history: int | None = None
    ) -> None:
        self.name = candles.name
        self.pace = float(candles.timeframe)
        self._candles = candles
        first, live = _split(candles, start, history)
        self._live = live
        self._board = BarBoard(candles, first, live)
        self.boards: dict[str, Board] = {candles.native_id: self._board}
        self.start_ms = int(candles.times[live]) * 1000

    def describe(self) -> Described:
        c = self._candles
        return Described((f"{c.base}/{c.quote}",), TIMEFRAME_NAMES[c.timeframe], c.quote)

    def steps(self) -> Iterator[Step]:
        """Yield five moments of each bar: four prices and the close."""
        length_ms = self._candles.timeframe * 1000
        for index in range(self._live, len(self._candles.times)):
            open_ms = int(self._candles.times[index]) * 1000
            for part in range(PARTS - 1):
                yield Step(open_ms + part * length_ms // 3, (index, part))
            yield Step(open_ms + length_ms - 1, (index, PARTS - 1))
            yield Step(open_ms + length_ms, (index, PARTS))

    def apply(self, step: Step) -> Iterable[Published]:
        index, part = step.what
        if part == PARTS:
            return [self._close(index, step.at_ms)]
        return self._move(index, part, step.at_ms)

    def _close(self, index: int, at_ms: int) -> Published:
        board = self._board
        board.closed = index + 1
        board.forming = None
        ids = (index * PARTS + 1, index * PARTS + PARTS)
        return wire.kline(
            board.native_id, self._candles.timeframe, board.row(index), at_ms, ids, is_closed=True
        )

    def _move(self, index: int, part: int, at_ms: int) -> Iterator[Published]:
        """Yield what the venue sends when the price reaches the next of the four."""
        board = self._board
        o, h, low, c, v = (number(x) for x in self._candles.values[index])
        path, shares = path_of(o, h, low, c)[: part + 1], shares_of(v)[: part + 1]
        before = board.best()
        is_sell = board.move(path[-1], shares[-1])
        symbol = board.native_id.lower()
        trade_id = index * PARTS + part + 1
        if v:
            yield wire.published(
                f"{symbol}@trade",
                {
                    "e": "trade",
                    "E": at_ms,
                    "s": board.native_id,
                    "t": trade_id,
                    "p": plain(path[-1]),
                    "q": plain(shares[-1]),
                    "T": at_ms,
                    "m": is_sell,
                    "M": True,
                },
            )
        yield from self._quote(before, at_ms)
        so_far = (o, max(path), min(path), path[-1])
        board.forming = board.part_row(at_ms - at_ms % int(self.pace * 1000), so_far, path, shares)
        ids = (index * PARTS + 1, trade_id)
        yield wire.kline(
            board.native_id, int(self.pace), board.forming, at_ms, ids, is_closed=False
        )

    def _quote(self, before: tuple[str, str, str, str] | None, at_ms: int) -> Iterator[Published]:
        """Yield the new quote and the change of the one-level book."""
        board = self._board
        bid, bid_size, ask, ask_size = board.best() or ("", "", "", "")
        symbol, native_id = board.native_id.lower(), board.native_id
        quote = {"u": board.update_id, "s": native_id, "b": bid, "B": bid_size}
        yield wire.published(f"{symbol}@bookTicker", {**quote, "a": ask, "A": ask_size})
        gone_bid = [(before[0], "0")] if before and before[0] != bid else []
        gone_ask = [(before[2], "0")] if before and before[2] != ask else []
        change = {
            "e": "depthUpdate",
            "E": at_ms,
            "s": native_id,
            "U": board.update_id,
            "u": board.update_id,
            "b": [*gone_bid, (bid, bid_size)],
            "a": [*gone_ask, (ask, ask_size)],
        }
        yield wire.published(f"{symbol}@depth@100ms", change)


def _split(candles: Candles, start: str | None, history: int | None) -> tuple[int, int]:
    """Return the first bar of the history and the first that is played."""
    count = len(candles.times)
    if start is not None:
        live = int(np.searchsorted(candles.times, _start_of(candles.name, start)))
        if live >= count:
            raise ReplayFileError(f"{candles.name} ends before {start}")
        return max(0, live - history) if history is not None else 0, live
    if history is not None and history >= count:
        raise ReplayFileError(f"{candles.name} has {count} bars: nothing is left after {history}")
    live = history if history is not None else min(int(count * HISTORY_SHARE), MOST_HISTORY)
    return 0, live


def _start_of(name: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"{name}: start {text!r} is not a date such as 2019-03-01"
        raise ReplayFileError(message) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
