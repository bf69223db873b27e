"""A tape of recorded frames: lines of local nanoseconds and the raw frame, plain or gzipped."""

import gzip
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from markets.providers.binance.decode import SECONDS
from markets.providers.decimals import decimal_of, places_of
from markets.replay.book import DepthData, SnapshotData
from markets.replay.frame_board import FrameBoard, QuoteData, TradeData
from markets.replay.market import (
    Board,
    Described,
    Published,
    ReplayFileError,
    Step,
    checked_symbol,
    split_symbol,
)
from mystic.lib.http import Malformed

HEAD_LINES = 5000
SURELY_CLOSED_MS = 2000
"""A bar in a recorded answer that ended later than so long before it may have been running."""


class Line(msgspec.Struct, gc=False):
    """What may stand in a recorded line: a frame, a marked REST answer, or a bare one."""

    stream: str = ""
    rest: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    lastUpdateId: int | None = None  # noqa: N815  the venue's name
    symbols: list[dict[str, Any]] | None = None


class _Timed(msgspec.Struct, gc=False):
    E: int = 0
    T: int = 0
    s: str = ""


class _KlineData(msgspec.Struct, gc=False):
    k: dict[str, Any]


class _ExchangeInfo(msgspec.Struct):
    symbols: list[dict[str, Any]]


_line = msgspec.json.Decoder(Line)
_timed = msgspec.json.Decoder(_Timed)
_trade = msgspec.json.Decoder(TradeData)
_quote = msgspec.json.Decoder(QuoteData)
_depth = msgspec.json.Decoder(DepthData)
_snapshot = msgspec.json.Decoder(SnapshotData)
_kline = msgspec.json.Decoder(_KlineData)
_rows = msgspec.json.Decoder(list[list[Any]])
_info = msgspec.json.Decoder(_ExchangeInfo)


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield local milliseconds and raw frame; a last line that was cut off is left out."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        try:
            for number, line in enumerate(file, start=1):
                stamp, _, raw = line.rstrip(b"\r\n").partition(b" ")
                if not stamp.isdigit() or not raw.startswith(b"{"):
                    message = f"{path.name} line {number} is not `<nanoseconds> <frame>`"
                    raise ReplayFileError(message)
                if line.endswith(b"\n"):
                    yield int(stamp) // 1_000_000, raw
        except (EOFError, gzip.BadGzipFile, OSError) as fault:
            if isinstance(fault, EOFError):
                return  # the recorder was killed; what it flushed is good
            raise ReplayFileError(f"{path.name} cannot be read: {fault}") from None


class FrameTape:
    """A recording of Binance's combined stream, played frame by frame, byte by byte."""

    pace = 1.0

    def __init__(self, path: Path, *, symbol: str | None = None) -> None:
        self.name = path.name
        self.boards: dict[str, Board] = {}
        self.unreadable = 0
        self._path = path
        self._symbol = checked_symbol(symbol) if symbol else None
        self._infos: dict[str, dict[str, Any]] = {}
        self._boards: dict[str, FrameBoard] = {}
        head = list(itertools.islice(lines_of(path), HEAD_LINES))
        if not head:
            raise ReplayFileError(f"{self.name} holds no frames")
        self._ahead_ms = self._survey(head)
        self.start_ms = head[0][0] + self._ahead_ms

    def describe(self) -> Described:
        boards = self._boards.values()
        names = tuple(f"{board.base}/{board.quote}" for board in boards)
        return Described(names, "1m", next((board.quote for board in boards), "USDT"))

    def steps(self) -> Iterator[Step]:
        """Yield every recorded line at the venue's time."""
        for local_ms, raw in lines_of(self._path):
            yield Step(local_ms + self._ahead_ms, raw)

    def apply(self, step: Step) -> Iterable[Published]:
        """Publish the recorded frame unchanged, with the bars that it proves to be over first."""
        raw: bytes = step.what
        try:
            line = _line.decode(raw)
            if not line.stream:
                self._take_answer(raw, line, step.at_ms)
                return []
            return self._take_frame(raw, line)
        except (msgspec.DecodeError, UnicodeDecodeError, Malformed):
            self.unreadable += 1
            return []

    def _take_frame(self, raw: bytes, line: Line) -> list[Published]:
        symbol, _, kind = line.stream.partition("@")
        board = self._board(symbol.upper())
        closed: list[Published] = []
        timed = _timed.decode(line.data)
        if kind == "trade":
            closed += board.on_trade(_trade.decode(line.data))
        elif kind == "bookTicker":
            board.on_quote(_quote.decode(line.data))
        elif kind in {"depth", "depth@100ms"}:
            board.on_depth(_depth.decode(line.data))
        elif kind.startswith("kline_") and kind[6:] in SECONDS:
            self._take_kline(board, kind[6:], line)
        if not timed.E:
            return [(line.stream, raw)]
        closed += board.pass_time(timed.E)
        return [*closed, (line.stream, raw), *board.tell_forming(timed.E)]

    def _take_kline(self, board: FrameBoard, interval: str, line: Line) -> None:
        if SECONDS[interval] in board.series:
            board.on_kline(SECONDS[interval], _kline.decode(line.data).k)

    def _take_answer(self, raw: bytes, line: Line, at_ms: int) -> None:
        """Use a recorded REST answer: a book, rules of the symbols, or bars of before."""
        if line.lastUpdateId is not None and len(self._boards) == 1:
            next(iter(self._boards.values())).on_snapshot(_snapshot.decode(raw))
        if not line.rest:
            return
        parts = urlsplit(line.rest)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        board = self._board(asked["symbol"]) if "symbol" in asked else None
        if board is not None and parts.path.endswith("/depth"):
            board.on_snapshot(_snapshot.decode(line.data))
        elif board is not None and parts.path.endswith("/klines"):
            series = board.series.get(SECONDS.get(asked.get("interval", ""), 0))
            for row in _rows.decode(line.data) if series else []:
                if series is not None and row[6] < at_ms - SURELY_CLOSED_MS:
                    series.close(row)

    def _board(self, native_id: str) -> FrameBoard:
        """Return the symbol's board; one that appears late is known from then on."""
        board = self._boards.get(native_id)
        if board is None:
            board = self._add_board(native_id, self.start_ms)
        return board

    def _add_board(self, native_id: str, start_ms: int) -> FrameBoard:
        info = self._infos.get(native_id)
        if info is not None:
            base, quote = str(info["baseAsset"]), str(info["quoteAsset"])
        else:
            base, quote = self._symbol or split_symbol(native_id)
        board = self._boards[native_id] = FrameBoard(native_id, base, quote, start_ms)
        board.recorded_info = info
        self.boards[native_id] = board
        return board

    def _survey(self, head: list[tuple[int, bytes]]) -> int:
        """Find the symbols, their number of places, and how far the venue's clock is ahead."""
        ahead: int | None = None
        starts: dict[str, int] = {}
        places: dict[str, tuple[int, int]] = {}
        for local_ms, raw in head:
            line = self._head_line(raw)
            if line is None or not line.stream:
                continue
            native_id = line.stream.partition("@")[0].upper()
            starts.setdefault(native_id, local_ms)
            told_ms = _timed.decode(line.data).E
            if told_ms:
                ahead = max(told_ms - local_ms, ahead if ahead is not None else -(10**15))
            if line.stream.endswith("@bookTicker"):
                quote = _quote.decode(line.data)
                known = places.get(native_id, (0, 0))
                places[native_id] = (
                    max(known[0], _places(quote.b), _places(quote.a)),
                    max(known[1], _places(quote.B), _places(quote.A)),
                )
        for native_id, local_ms in starts.items():
            self._add_board(native_id, local_ms + (ahead or 0))
            self._boards[native_id].places = places.get(native_id, (8, 8))
        if not starts:
            raise ReplayFileError(f"{self.name} holds no frames of the combined stream")
        return ahead or 0

    def _head_line(self, raw: bytes) -> Line | None:
        try:
            line = _line.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        told = line.symbols
        if line.rest and "exchangeInfo" in line.rest:
            told = _info.decode(line.data).symbols
        for symbol in told or []:
            self._infos[str(symbol["symbol"])] = symbol
        return line


def _places(text: str) -> int:
    return places_of(decimal_of(text, "a recorded number"))
