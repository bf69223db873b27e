"""The order book at the replay's present moment, kept in the venue's own text."""

from collections import deque
from typing import Any

import msgspec

Changes = list[tuple[str, str]]


class DepthData(msgspec.Struct, gc=False):
    U: int
    u: int
    b: Changes
    a: Changes


class SnapshotData(msgspec.Struct, gc=False):
    lastUpdateId: int  # noqa: N815  the venue's name
    bids: Changes
    asks: Changes


class TextBook:
    """A book from a recorded snapshot and the recorded changes.

    A snapshot arrives after changes that it may not hold, so the newest changes are kept and
    those after its id are applied to it. A hole in the ids makes the book unknown again.
    """

    def __init__(self) -> None:
        self.update_id: int | None = None
        self._bids: dict[str, str] = {}
        self._asks: dict[str, str] = {}
        self._recent: deque[DepthData] = deque(maxlen=600)

    def change(self, data: DepthData) -> None:
        self._recent.append(data)
        if self.update_id is None or data.u <= self.update_id:
            return
        if self.update_id + 1 < data.U:
            self.update_id = None
            return
        _apply(self._bids, data.b)
        _apply(self._asks, data.a)
        self.update_id = data.u

    def snapshot(self, data: SnapshotData) -> None:
        """Take a recorded snapshot, unless the book is already past it."""
        if self.update_id is not None and data.lastUpdateId <= self.update_id:
            return
        self._bids, self._asks = dict(data.bids), dict(data.asks)
        self.update_id = data.lastUpdateId
        later = [change for change in self._recent if change.u > data.lastUpdateId]
        self._recent.clear()
        for change in later:
            self.change(change)

    def top(self, limit: int) -> dict[str, Any] | None:
        """Return the book as Binance's REST writes it, None while it is not known."""
        if self.update_id is None:
            return None
        bids = sorted(self._bids.items(), key=_price, reverse=True)
        asks = sorted(self._asks.items(), key=_price)
        return {"lastUpdateId": self.update_id, "bids": bids[:limit], "asks": asks[:limit]}


def _price(level: tuple[str, str]) -> float:
    return float(level[0])


def _apply(side: dict[str, str], changes: Changes) -> None:
    for price, quantity in changes:
        if float(quantity) == 0:
            side.pop(price, None)
        else:
            side[price] = quantity
