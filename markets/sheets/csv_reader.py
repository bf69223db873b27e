"""Read a CSV file of bars line by line, in bounded memory, refusing whatever is not plain."""

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np

from markets.sheets.checks import (
    LEAST_MS,
    VALUE_NAMES,
    Checker,
    Chunk,
    Fault,
    columns_read,
    refuse,
)

LONGEST_LINE = 4_096
CHUNK_ROWS = 50_000
NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)
NOT_UTF8 = "is not UTF-8 text; save the file as CSV in UTF-8"


class _BadCell(ValueError):  # noqa: N818  never leaves this module
    def __init__(self, column: str, value: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason = column, value, reason


def csv_chunks(path: Path, checker: Checker) -> Iterator[Chunk]:
    """Yield the rows of a file; a row that cannot be read is told to the checker.

    Raises
    ------
    FileRefused
        If the file cannot be read any further: its encoding, its header, a line without an end.
    """
    with path.open("rb") as file:
        lines = _lines(file)
        header = next(lines, None)
        if header is None or not header[1].strip():
            raise refuse(1, "the file is empty; a header and at least one row are wanted")
        rows = _Rows(_header(header[1]), checker)
        for number, text in lines:
            rows.take(number, text)
            if len(rows.lines) == CHUNK_ROWS:
                yield rows.chunk()
        yield rows.chunk()


def _lines(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, without its end."""
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if number == 1:
            if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise refuse(1, f"the file is UTF-16, which {NOT_UTF8}")
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if len(raw) > LONGEST_LINE:
            raise refuse(number, f"the line is longer than {LONGEST_LINE} characters")
        if b"\0" in raw:
            raise refuse(number, f"the line holds a NUL character; the file {NOT_UTF8}")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise refuse(number, f"the line {NOT_UTF8}") from None
        yield number, text.rstrip("\r\n")


def _header(text: str) -> tuple[dict[str, int], int]:
    """Return the place of each column, and how many columns there are."""
    names = _cells(text, 1)
    for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and mark in text:
            raise refuse(1, f"the columns are parted by {word}; commas are wanted", value=text)
    if all(NUMBER.fullmatch(name.strip()) for name in names[1:]) and len(names) > 1:
        raise refuse(1, "the header is missing; the first line names the columns", value=text)
    return columns_read(names), len(names)


def _cells(text: str, number: int) -> list[str]:
    if '"' not in text:
        return text.split(",")
    try:
        (cells,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise refuse(number, "a quotation mark has no end on its line", value=text) from None
    return cells


class _Rows:
    """Collects the rows of a chunk; knows after the first row how the file writes times."""

    def __init__(self, header: tuple[dict[str, int], int], checker: Checker) -> None:
        self._places, self._width = header
        self._checker = checker
        self._kind = ""
        self._zone = ""
        self.lines: list[int] = []
        self._times: list[int] = []
        self._values: list[list[float]] = []
        self._trades: list[int] = []

    def take(self, number: int, text: str) -> None:
        """Read one line, or tell the checker why that was not possible."""
        cells = _cells(text, number)
        if len(cells) != self._width:
            reason = f"has {len(cells)} columns, the header has {self._width}"
            self._checker.add(Fault(number, "", text, reason))
            return
        try:
            time = self._time(cells[self._places["time"]].strip())
            values = [_value(cells[self._places[name]], name) for name in VALUE_NAMES]
            trades = _trades(cells[self._places["trades"]]) if "trades" in self._places else -1
        except _BadCell as bad:
            self._checker.add(Fault(number, bad.column, bad.value, bad.reason))
            return
        self.lines.append(number)
        self._times.append(time)
        self._values.append(values)
        self._trades.append(trades)

    def chunk(self) -> Chunk:
        """Return what was collected, and begin anew."""
        made = Chunk(
            np.array(self.lines, dtype=np.int64),
            np.array(self._times, dtype=np.int64),
            np.array(self._values, dtype=np.float64).reshape(-1, 5),
            np.array(self._trades, dtype=np.int64),
            self._kind == "epoch milliseconds",
        )
        for collected in (self.lines, self._times, self._values, self._trades):
            collected.clear()
        return made

    def _time(self, text: str) -> int:
        if WHOLE.fullmatch(text):
            value = int(text)
            self._same("epoch milliseconds" if value >= LEAST_MS else "epoch seconds", text)
            return value
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise _BadCell("time", text, "wants epoch seconds or ISO 8601 with a zone") from None
        offset = moment.utcoffset()
        if offset is None:
            raise _BadCell("time", text, "names no zone; write 2026-01-02T03:04:00Z")
        self._same("ISO 8601", text)
        zone = str(offset)
        if self._zone and zone != self._zone:
            raise _BadCell("time", text, "is in another zone than the rows before")
        self._zone = zone
        second = int(moment.timestamp())
        if moment.microsecond:
            raise _BadCell("time", text, "is a fraction of a second")
        return second

    def _same(self, kind: str, text: str) -> None:
        if not self._kind:
            self._kind = kind
        elif kind != self._kind:
            raise _BadCell("time", text, f"is in {kind}, the rows before are in {self._kind}")


def _value(text: str, name: str) -> float:
    plain = text.strip()
    if not NUMBER.fullmatch(plain):
        raise _BadCell(name, text, "wants a plain number such as 101.5")
    return float(plain)


def _trades(text: str) -> int:
    plain = text.strip()
    if plain in {"", "-1"}:
        return -1
    if not WHOLE.fullmatch(plain) or int(plain) > 2**31 - 1:
        raise _BadCell("trades", text, "wants a whole number")
    return int(plain)
