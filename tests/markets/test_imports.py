"""Files of bars: all of a file or nothing, every fault with its line, a series of its own."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from markets.history import origin_of
from markets.models import Candle, CandleRevision, Gap, Instrument, Venue
from markets.selectors import instrument_by_symbol
from markets.series import bars_load
from markets.services import imports
from markets.services.bulk import BulkStored
from markets.services.imports import FileRefused, ImportRequestError, candles_import

pytestmark = pytest.mark.django_db(transaction=True)

HEADER = "open_time,open,high,low,close,volume\n"
START = 1_699_920_000
ROWS = "".join(f"{START + 60 * n},100,102.5,99,101,{n}.25\n" for n in range(6))
DATA = Path(os.environ.get("MYSTIC_TEST_DATA", Path(__file__).parents[2] / "../shared/data"))


def load(path, **how):
    how = {"symbol": "BTC/USDT", "timeframe": 60, "name": "test", **how}
    return candles_import(path, **how)


@pytest.fixture
def write(tmp_path):
    def write(content, name="bars.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refused(path, **how):
    with pytest.raises(FileRefused) as caught:
        load(path, **how)
    assert not Candle.objects.exists()
    assert not Instrument.objects.exists()
    return [str(fault) for fault in caught.value.faults]


def test_a_file_becomes_a_series_of_its_own(write):
    done = load(write(HEADER + ROWS))
    assert done.stored == BulkStored(new=6)
    assert (done.first, done.last, done.hole_count) == (START, START + 300, 0)
    assert done.instrument.venue.code == "import:test"
    row = Candle.objects.order_by("open_time").last()
    assert (row.open, row.high, row.low, row.close, row.volume) == (100.0, 102.5, 99.0, 101.0, 5.25)
    assert (row.source, row.origin, row.trades) == ("import:test", "import", -1)
    bars = bars_load(done.instrument.pk, 60, limit=10)
    origin, counts = origin_of(done.instrument, bars, now=START + 400)
    assert counts == {"import": 6}
    assert not origin.is_live
    assert origin.source == "import:test"


def test_imported_bars_never_stand_in_for_a_venue(write):
    load(write(HEADER + ROWS))
    with pytest.raises(Instrument.DoesNotExist):
        instrument_by_symbol("BTC/USDT")
    venue = Venue.objects.create(code="binance", name="Binance")
    Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT"
    )
    load(write(HEADER + ROWS), name="other")
    assert Instrument.objects.count() == 3
    assert instrument_by_symbol("BTCUSDT").venue == venue


def test_the_same_file_twice_stores_nothing_new(write):
    path = write(HEADER + ROWS)
    load(path)
    assert load(path).stored == BulkStored(same=6)
    changed = write(HEADER + ROWS.replace("0.25", "7.5", 1))
    assert load(changed).stored == BulkStored(revised=1, same=5)
    assert CandleRevision.objects.get().volume == 0.25


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "line 1: the file is empty; a header and at least one row are wanted"),
        (HEADER, "line 1: the file has no bar; a header and at least one row are wanted"),
        (ROWS, "line 1 ('1699920000,100,102.5,99,101,0.25'): the header is missing"),
        ((HEADER + ROWS).encode("utf-16"), "line 1: the file is UTF-16, which is not UTF-8"),
        ((HEADER + ROWS).encode("utf-16-le"), "line 1: the line holds a NUL character"),
        (HEADER + ROWS + "\0,1,1,1,1,1\n", "line 8: the line holds a NUL character"),
        ((HEADER + ROWS).encode() + b"\xe4,1,1,1,1,1\n", "line 8: the line is not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 90, "line 1: the line is not UTF-8 text"),
        (HEADER.replace(",", ";"), "the columns are parted by semicolons; commas are wanted"),
        (HEADER.replace(",", "\t"), "the columns are parted by tabs; commas are wanted"),
        ("time,open,high,low,close\n", "line 1: the header lacks volume"),
        ("high,low\n", "line 1: the header lacks open_time, open, close, volume"),
        ("ts,open,high,low,close,volume,x\n", "line 1, column 7 ('x'): the column is not known"),
        ("time,ts,open,high,low,close,volume\n", "line 1, time ('ts'): the column is there twice"),
        (HEADER + "1,2,3\n", "line 2 ('1,2,3'): has 3 columns, the header has 6"),
        (HEADER + "\n", "line 2: has 1 columns, the header has 6"),
        (HEADER + f'"{START},1,1,1,1,1\n', "a quotation mark has no end on its line"),
        (HEADER + f'{START},"1\n",1,1,1,1\n', "a quotation mark has no end on its line"),
        (HEADER + ",".join("1" * 10**6), "line 2: the line is longer than 4096 characters"),
        (HEADER + "1" * 10**6, "line 2: the line is longer than 4096 characters"),
        (HEADER + f"{START},1,1,2,1,1\n", "line 2, high (1.0): lies below low"),
        (HEADER + f"{START},3,2,1,1,1\n", "line 2, open (3.0): lies outside of low and high"),
        (HEADER + f"{START},1,2,1,9,1\n", "line 2, close (9.0): lies outside of low and high"),
        (HEADER + f"{START},1,1,1,1,-1\n", "line 2, volume (-1.0): must not be negative"),
        (HEADER + f"{START},0,1,0,1,1\n", "line 2, open (0.0): must be greater than zero"),
        (HEADER + f"{START},1,NaN,1,1,1\n", "line 2, high ('NaN'): wants a plain number"),
        (HEADER + f"{START},1,inf,1,1,1\n", "line 2, high ('inf'): wants a plain number"),
        (HEADER + f"{START},1,1e309,1,1,1\n", "line 2, high (inf): is not a finite number"),
        (HEADER + f"{START},1,1e17,1,1,1\n", "line 2, high (1e+17): is larger than 1e+15"),
        (HEADER + f"{START},1_0,1,1,1,1\n", "line 2, open ('1_0'): wants a plain number"),
        (HEADER + f"{START},=1+1,1,1,1,1\n", "line 2, open ('=1+1'): wants a plain number"),
        (HEADER + f"{START},\u0661,1,1,1,1\n", "line 2, open ('\u0661'): wants a plain number"),
        (HEADER + f'{START},"1,5",1,1,1,1\n', "line 2, open ('1,5'): wants a plain number"),
        (HEADER + ROWS + f"{START},1,1,1,1,1\n", "line 8, time (1699920000): is older than"),
        (HEADER + ROWS + f"{START + 300},1,1,1,1,1\n", "line 8, time (1699920300): is there twice"),
        (HEADER + f"{START + 1},1,1,1,1,1\n", "is not a multiple of the timeframe of 60 s"),
        (HEADER + f"{START}001,1,1,1,1,1\n", "is not a multiple of the timeframe of 60 s"),
        (HEADER + "9999999960,1,1,1,1,1\n", "line 2, time (9999999960): is not over yet"),
        (
            HEADER + ROWS + f"{START + 360}000,1,1,1,1,1\n",
            "line 8, time ('1699920360000'): is in epoch milliseconds, the rows before are in epo",
        ),
        (HEADER + ROWS + "2023-11-14T00:06:00Z,1,1,1,1,1\n", "is in ISO 8601, the rows before"),
        (HEADER + "2023-11-14T00:00:00,1,1,1,1,1\n", "names no zone; write 2026-01-02T03:04:00Z"),
        (HEADER + "14.11.2023,1,1,1,1,1\n", "wants epoch seconds or ISO 8601 with a zone"),
        (
            HEADER + "2023-11-14T00:00:00Z,1,1,1,1,1\n2023-11-14T02:01:00+02:00,1,1,1,1,1\n",
            "line 3, time ('2023-11-14T02:01:00+02:00'): is in another zone than the rows before",
        ),
    ],
)
def test_a_fault_is_named_with_its_line_and_nothing_is_stored(write, content, fault):
    said = "\n".join(refused(write(content)))
    assert fault.replace("'", "") in said.replace("'", "")


def test_all_faults_are_counted_and_the_first_are_told(write):
    bad = "".join(f"{START + 60 * n},1,1,2,1,1\n" for n in range(300))
    with pytest.raises(FileRefused) as caught:
        load(write(HEADER + bad))
    assert (len(caught.value.faults), caught.value.total) == (50, 300)
    assert [fault.line for fault in caught.value.faults] == list(range(2, 52))


def test_what_spreadsheets_write_is_read(write):
    rows = "2023-11-14T00:00:00Z,1,2,1,1.5,0,7,binance,=x\r\n2023-11-14T00:01:00Z,1,2,1,1e0,3,,b,c"
    header = "﻿Date,Open,HIGH, low ,close,Volume,trades,source,origin\r\n"
    assert load(write(header + rows)).stored.new == 2
    assert list(Candle.objects.order_by("open_time").values_list("open_time", "trades")) == [
        (START, 7),
        (START + 60, -1),
    ]
    assert set(Candle.objects.values_list("source", flat=True)) == {"import:test"}


def test_milliseconds_are_read_as_such(write):
    assert load(write(HEADER + f"{START}000,1,1,1,1,1\n")).first == START


def test_a_gap_is_told_and_stays_empty(write):
    rows = ROWS.splitlines(keepends=True)
    done = load(write(HEADER + "".join([rows[0], rows[3], rows[5]])))
    assert (done.hole_count, done.slots_missing) == (2, 3)
    assert [(hole.start, hole.end) for hole in done.holes] == [
        (START + 60, START + 180),
        (START + 240, START + 300),
    ]
    assert Candle.objects.count() == 3
    gaps = Gap.objects.order_by("start").values_list("start", "end", "state")
    assert list(gaps) == [
        (START + 60, START + 180, "absent"),
        (START + 240, START + 300, "absent"),
    ]
    load(write(HEADER + "".join(rows[1:3])))
    assert list(Gap.objects.values_list("start", "end")) == [(START + 240, START + 300)]


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ({"symbol": "BTCUSDT"}, "write it like BTC/USDT"),
        ({"symbol": "../x/y"}, "is no symbol"),
        ({"name": "Bad Name"}, "cannot name a source"),
        ({"name": "a" * 31}, "cannot name a source"),
        ({"timeframe": 61}, "the timeframe wants one of 1s, 1m"),
    ],
)
def test_a_request_that_cannot_be_says_the_fix(write, how, fault):
    with pytest.raises(ImportRequestError, match=fault):
        load(write(HEADER + ROWS), **how)
    with pytest.raises(ImportRequestError, match="no file"):
        load(Path("/nowhere/x.csv"))
    with pytest.raises(ImportRequestError, match=r"neither in .csv nor in .parquet"):
        load(write("x", name="x.txt"))


def table(path, **changed):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {
        "ts": np.arange(START, START + 600, 60),
        **{name: np.full(10, 100.0) for name in ("open", "high", "low", "close")},
        "volume": np.arange(10) / 8,
        **changed,
    }
    parquet.write_table(pa.table(columns), path)
    return path


def test_parquet_is_read_with_the_same_rules(tmp_path):
    import pyarrow as pa

    path = tmp_path / "bars.parquet"
    assert load(table(path)).stored.new == 10
    assert load(table(path, ts=np.arange(START, START + 600, 60) * 1000)).stored.same == 10
    for unit, factor in (("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)):
        moments = pa.array(np.arange(START, START + 600, 60) * factor, pa.timestamp(unit, "UTC"))
        assert load(table(path, ts=moments)).stored.same == 10
    before = Candle.objects.count()
    naive = pa.array(np.arange(START, START + 600, 60), pa.timestamp("s"))
    values = [1.0] * 9
    for changed, fault in (
        ({"ts": naive}, "names? no zone"),
        ({"open": pa.array([*values, None])}, r"line 11, open: is empty"),
        ({"high": np.array([*values, 0.5])}, "line 2, high .*: lies below low"),
        (
            {"volume": np.array([*values, np.nan])},
            "line 11, volume .*nan",
        ),
        ({"ts": np.arange(10)[::-1] * 60}, "line 3, time .*480.*: is older"),
        ({"ts": pa.array(["x"] * 10)}, "is of the kind string"),
        ({"ts": np.append(np.arange(9) * 60 + START, (START + 540) * 1000)}, "are mixed"),
        ({"name": pa.array(["x"] * 10)}, "the column is not known"),
    ):
        with pytest.raises(FileRefused, match=fault):
            load(table(path, **changed))
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(FileRefused, match="no Parquet file"):
        load(path)
    assert Candle.objects.count() == before


def test_recorded_bars_come_in_to_the_bit(tmp_path):
    source = DATA / "crypto/freqtrade_XRPETH_1m_2019-10.parquet"
    if not source.exists():
        pytest.skip("the recording is not here")
    from pyarrow import parquet

    read = parquet.read_table(source)
    done = load(source, symbol="XRP/ETH", name="freqtrade")
    assert done.stored.new == read.num_rows
    names = ("open_time", "open", "high", "low", "close", "volume")
    stored = list(Candle.objects.order_by("open_time").values_list(*names))
    wanted = zip(*(read.column(n).to_pylist() for n in ("ts", *names[1:])), strict=True)
    seconds = [(row[0] // 1000 if row[0] > 10**11 else row[0], *row[1:]) for row in wanted]
    assert stored == seconds


def test_a_fault_while_storing_leaves_nothing(write, monkeypatch):
    monkeypatch.setattr("markets.sheets.csv_reader.CHUNK_ROWS", 2)
    real, calls = imports.candles_bulk, []

    def failing(**how):
        calls.append(how)
        if len(calls) == 3:
            raise LookupError
        return real(**how)

    monkeypatch.setattr(imports, "candles_bulk", failing)
    with pytest.raises(LookupError):
        load(write(HEADER + ROWS))
    assert not Candle.objects.exists()
    assert not Instrument.objects.exists()


KILLED = """
import os, signal, sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = {database!r}
django.setup()
from pathlib import Path
from markets.services import imports
import markets.sheets.csv_reader as reader
real, calls = imports.candles_bulk, []
def killing(**how):
    calls.append(how)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(**how)
imports.candles_bulk = killing
reader.CHUNK_ROWS = 2
imports.candles_import(Path({path!r}), symbol="BTC/USDT", timeframe=60, name="test")
"""


def test_a_kill_in_the_middle_imports_nothing(write):
    path = write(HEADER + ROWS)
    database = str(connection.settings_dict["NAME"])
    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(database=database, path=str(path))],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "mystic.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    for model in (Candle, Instrument, Venue, Gap):
        assert not model.objects.exists()
    assert load(path).stored == BulkStored(new=6)


def test_a_large_file_is_streamed(tmp_path):
    path, count = tmp_path / "large.csv", 200_000
    with path.open("w") as file:
        file.write(HEADER)
        first = START - 60 * count
        for number in range(count):
            file.write(f"{first + 60 * number},100.25,102.5,99.125,101.0625,{number}.015625\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert load(path).stored.new == count
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 120


def test_the_command_reports_what_it_did(write, capsys):
    rows = ROWS.splitlines(keepends=True)
    path = write(HEADER + "".join([rows[0], *rows[2:]]))
    call_command("candles_import", path, symbol="btc/usdt", source_name="mine", timeframe="1m")
    said = capsys.readouterr().out
    assert "BTC/USDT of import:mine: bars from 2023-11-14T00:00:00+00:00" in said
    assert "5 new, 0 corrected, 0 known already" in said
    assert "the file lacks 1 bars in 1 places;" in said
    with pytest.raises(CommandError, match=r"line 2, high .*: lies below low"):
        call_command("candles_import", write(HEADER + f"{START},1,1,2,1,1\n"), symbol="A/B")
    assert transaction.get_autocommit()
