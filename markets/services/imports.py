"""Import files of bars: all of a file or nothing, into a series of its own."""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from markets.bars import BarArrays
from markets.models import Gap, Instrument, Venue
from markets.services.bulk import BulkStored, candles_bulk
from markets.services.locks import series_lock
from markets.sheets import Checker, FileRefused, Hole, csv_chunks, parquet_chunks
from markets.types import TIMEFRAME_NAMES, Origin
from mystic.lib.clock import now_ms
from mystic.lib.provenance import IMPORT_PREFIX

__all__ = ["FileRefused", "ImportRequestError", "Imported", "candles_import"]

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")
SYMBOL = re.compile(r"([A-Z0-9][A-Z0-9.-]{0,18})/([A-Z0-9]{1,12})")
_HOLES = """
SELECT began, open_time FROM (
  SELECT open_time, lag(open_time) OVER (ORDER BY open_time) + timeframe AS began
  FROM markets_candle WHERE instrument_id = %s AND timeframe = %s
) AS steps WHERE open_time > began ORDER BY open_time
"""


class ImportRequestError(ValueError):
    """Raised for a request that names no file, symbol or series; the sentence says the fix."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    `holes` are the first slots that the file lacks between its bars, `hole_count` and
    `slots_missing` count all; nothing was put there.
    """

    instrument: Instrument
    stored: BulkStored
    first: int
    last: int
    holes: tuple[Hole, ...]
    hole_count: int
    slots_missing: int


def candles_import(
    path: Path,
    *,
    symbol: str,
    timeframe: int,
    name: str,
    asset_class: str = Instrument.AssetClass.CRYPTO,
    on_progress: Callable[[str], None] = lambda text: None,
) -> Imported:
    """Read a CSV or Parquet file of bars into the series of the venue `import:<name>`.

    The whole file is judged before anything is stored; then it is stored in one transaction, so
    that a fault or a kill leaves nothing of it. Memory stays bounded: what was judged waits in a
    temporary file. The bars' origin is `import`: they are never live, and no other source's.

    Raises
    ------
    FileRefused
        If anything of the file is wrong; the first fifty faults are told with their lines.
    ImportRequestError
        If the file, the symbol, the timeframe or the name cannot be used.
    """
    base, quote = _request(path, symbol, timeframe, name)
    source = f"{IMPORT_PREFIX}{name}"
    received_at_ms = now_ms()
    checker = Checker(timeframe=timeframe, now_s=received_at_ms // 1000)
    with tempfile.TemporaryFile() as spool:
        for bars, trades in _judged(path, checker, source):
            _spool_write(spool, bars, trades)
            on_progress(f"{checker.rows:,} rows are read")
        checker.finish()
        with transaction.atomic():
            instrument = _instrument(source, base, quote, asset_class)
            series_lock([instrument.pk])
            stored = BulkStored()
            for bars, trades in _spool_read(spool, timeframe, source):
                stored += candles_bulk(
                    instrument_id=instrument.pk,
                    bars=bars,
                    origin=Origin.IMPORT,
                    received_at_ms=received_at_ms,
                    trades=trades,
                )
                on_progress(f"{stored.new + stored.revised + stored.same:,} bars are stored")
            if stored.new:
                _holes_write(instrument.pk, timeframe)
    return Imported(
        instrument,
        stored,
        checker.first or 0,
        checker.last or 0,
        tuple(checker.holes),
        checker.hole_count,
        checker.slots_missing,
    )


def _request(path: Path, symbol: str, timeframe: int, name: str) -> tuple[str, str]:
    if not path.is_file():
        raise ImportRequestError(f"{path} is no file; name a .csv or .parquet file")
    if timeframe not in TIMEFRAME_NAMES:
        known = ", ".join(TIMEFRAME_NAMES.values())
        raise ImportRequestError(f"the timeframe wants one of {known}")
    if not NAME.fullmatch(name):
        raise ImportRequestError(
            f"{name!r} cannot name a source; up to 30 of a-z, 0-9, - and _ are wanted"
        )
    pair = SYMBOL.fullmatch(symbol)
    if pair is None:
        raise ImportRequestError(f"{symbol!r} is no symbol; write it like BTC/USDT or AAPL/USD")
    return pair[1], pair[2]


def _judged(path: Path, checker: Checker, source: str) -> Iterator[tuple[BarArrays, Any]]:
    """Yield the file's bars piece by piece, for as long as nothing is wrong with it."""
    readers = {".csv": csv_chunks, ".parquet": parquet_chunks}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ImportRequestError(f"{path.name} ends neither in .csv nor in .parquet")
    try:
        for chunk in reader(path, checker):
            bars = checker.take(chunk, source=source)
            if not checker.fault_count and len(bars):
                yield bars, chunk.trades
    except FileRefused as refusal:
        # What was found before the file could not be read any further is told too.
        found = [*checker.faults, *refusal.faults]
        raise FileRefused(found, checker.fault_count + refusal.total) from None


def _spool_write(spool: IO[bytes], bars: BarArrays, trades: Any) -> None:
    spool.write(len(bars).to_bytes(8, "little"))
    columns = (bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume, trades)
    for column in columns:
        spool.write(np.ascontiguousarray(column).tobytes())


def _spool_read(spool: IO[bytes], timeframe: int, source: str) -> Iterator[tuple[BarArrays, Any]]:
    spool.seek(0)
    while head := spool.read(8):
        count = int.from_bytes(head, "little")
        times = np.frombuffer(spool.read(8 * count), np.int64)
        table = np.frombuffer(spool.read(40 * count), np.float64).reshape(5, count)
        opens, highs, lows, closes, volumes = table
        trades = np.frombuffer(spool.read(8 * count), np.int64)
        yield BarArrays(times, opens, highs, lows, closes, volumes, timeframe, source), trades


def _instrument(source: str, base: str, quote: str, asset_class: str) -> Instrument:
    """Return the series' instrument; a first import makes it and its venue."""
    name = source.removeprefix(IMPORT_PREFIX)
    venue, _ = Venue.objects.get_or_create(code=source, defaults={"name": f"Import {name}"})
    instrument, _ = Instrument.objects.get_or_create(
        venue=venue,
        symbol=f"{base}/{quote}",
        defaults={
            "native_id": f"{base}{quote}",
            "base": base,
            "quote": quote,
            "asset_class": asset_class,
        },
    )
    return instrument


def _holes_write(instrument_id: int, timeframe: int) -> None:
    """Record what the imported series lacks: no file has bars there, and nothing else gives any."""
    gaps = Gap.objects.filter(instrument_id=instrument_id, timeframe=timeframe)
    gaps.delete()
    with connection.cursor() as cursor:
        cursor.execute(_HOLES, [instrument_id, timeframe])
        holes = cursor.fetchall()
    Gap.objects.bulk_create(
        (
            Gap(
                instrument_id=instrument_id,
                timeframe=timeframe,
                start=start,
                end=end,
                state=Gap.State.ABSENT,
                resolved_at=timezone.now(),
            )
            for start, end in holes
        ),
        batch_size=1000,
    )
