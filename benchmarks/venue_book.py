"""One pair of the load server: its book, its bars, its numbers; moved by a seeded walk."""

import random

from benchmarks.inputs import MINUTE, Walk, book_ticker, depth, kline, trade, walk

TICK = 0.01
LEVELS = 20

type Row = list[int | str]


def text(value: float) -> str:
    return f"{value:.8f}"


class Pair:
    """What the venue knows of one symbol; every method returns a frame as it would be sent."""

    def __init__(self, native: str, *, minutes: int, now: int, seed: int) -> None:
        self.native = native
        self.random = random.Random(seed)
        self.update = self.published = 1_000
        self.trades = 1
        self.forming = now - now % MINUTE
        made = walk(minutes, seed=seed, end=self.forming - MINUTE)
        self.history: dict[int, Row] = {}
        self._remember(made)
        self.bid = round(float(made.close[-1]) / TICK)  # in ticks
        self.bar = self._opened(self.bid * TICK)
        self.levels = self._book()

    def _remember(self, made: Walk) -> None:
        columns = (made.open, made.high, made.low, made.close, made.volume)
        for at, *values in zip(*(c.tolist() for c in (made.open_time, *columns)), strict=True):
            self.history[at] = self._row(at, dict(zip("ohlcv", values, strict=True)))

    def _row(self, at: int, bar: dict[str, float]) -> Row:
        traded = text(bar["v"] * bar["c"])
        prices = [text(bar[name]) for name in "ohlcv"]
        end_ms = (at + MINUTE) * 1000 - 1
        return [at * 1000, *prices, end_ms, traded, 33, text(bar["v"] / 2), traded, "0"]

    def _opened(self, value: float) -> dict[str, float]:
        return {"t": self.forming, "o": value, "h": value, "l": value, "c": value, "v": 0.001}

    def _book(self) -> dict[float, float]:
        """Return the quantity by price, bids negative, so that one table holds both sides."""
        bids = {round((self.bid - i) * TICK, 2): -(1.0 + i) for i in range(LEVELS)}
        asks = {round((self.bid + 1 + i) * TICK, 2): 1.0 + i for i in range(LEVELS)}
        return bids | asks

    def quote(self, size: int) -> bytes:
        """Return a bookTicker whose bid quantity is `size`: its number, to be known again."""
        self.update += 1
        self.bid += self.random.choice((-2, -1, 0, 0, 1, 2))
        return book_ticker(self.native, self.update, self.bid * TICK, (self.bid + 1) * TICK, size)

    def trade(self, now_ms: int) -> bytes:
        self.trades += 1
        value = round((self.bid + self.trades % 2) * TICK, 2)
        bar = self.bar
        bar |= {"h": max(bar["h"], value), "l": min(bar["l"], value), "c": value}
        bar["v"] += 0.01
        return trade(self.native, self.trades, now_ms, value, 0.01)

    def depth(self, now_ms: int) -> bytes:
        """Return what changed since the last one: absolute quantities, 0 removes."""
        first, self.update = self.published + 1, self.update + 1
        self.published = self.update
        old, self.levels = self.levels, self._book()
        sides: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
        for value in old.keys() | self.levels.keys():
            before, after = old.get(value, 0.0), self.levels.get(value, 0.0)
            for side, sign in zip(sides, (-1, 1), strict=True):
                was, is_now = max(0.0, sign * before), max(0.0, sign * after)
                if was != is_now:
                    side.append((value, is_now))
        return depth(self.native, now_ms, (first, self.update), *sides)

    def kline(self, now_ms: int) -> bytes:
        return kline(self.native, now_ms, self.bar, is_closed=False)

    def close(self, now_ms: int) -> bytes:
        """Seal the bar, begin the next one, and return the closing frame."""
        self.history[self.forming] = self._row(self.forming, self.bar)
        frame = kline(self.native, now_ms, self.bar, is_closed=True)
        self.forming += MINUTE
        self.bar = self._opened(self.bar["c"])
        return frame

    def klines(self, start: int | None, end: int | None, limit: int) -> list[Row]:
        """Return rows with start <= open <= end (ms); without start the newest."""
        first, last = (start or 0) / 1000, (end or 10**16) / 1000
        rows = [row for at, row in self.history.items() if first <= at <= last]
        if first <= self.forming <= last:
            rows.append(self._row(self.forming, self.bar))
        return rows[:limit] if start is not None else rows[-limit:]

    def snapshot(self, limit: int) -> dict[str, object]:
        bids = sorted((p for p, q in self.levels.items() if q < 0), reverse=True)[:limit]
        asks = sorted(p for p, q in self.levels.items() if q > 0)[:limit]
        return {
            "lastUpdateId": self.published,
            "bids": [[text(p), text(-self.levels[p])] for p in bids],
            "asks": [[text(p), text(self.levels[p])] for p in asks],
        }
