"""Packed days: the same bits as the rows, dropped by whatever changes their day."""

import random
import struct
import zlib

import numpy as np
import pytest
from django.db import connection

from markets import series, stored
from markets.bars import BarArrays, BarsError, packed, unpacked
from markets.models import Candle, CandleBlock, Gap, Instrument, SeriesStamp, Venue
from markets.series import bars_load
from markets.services import blocks, candles_rewind, candles_store
from markets.services.blocks import blocks_pack
from markets.services.bulk import candles_bulk
from markets.stored import DAY_S, rows_read, stored_read
from markets.types import Bar, Origin

pytestmark = pytest.mark.django_db

START = 1_699_920_000  # a midnight
MINUTE = 60
NAMES = ("open_time", "open", "high", "low", "close", "volume")


@pytest.fixture(autouse=True)
def key():
    venue = Venue.objects.create(code="binance", name="Binance")
    row = Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT"
    )
    series._remembered.clear()
    blocks._complete.clear()
    return row.pk


def made(numbers, chance, timeframe=MINUTE):
    numbers = np.array(sorted(numbers), dtype=np.int64)
    opens = np.array([100 + chance.random() for _ in numbers])
    closes = np.array([100 + chance.random() for _ in numbers])
    volumes = np.array([chance.random() for _ in numbers])
    return BarArrays(
        START + numbers * timeframe,
        opens,
        np.maximum(opens, closes) + 1,
        np.minimum(opens, closes) - 1,
        closes,
        volumes,
        timeframe,
        "binance",
    )


def store(key, bars):
    return candles_bulk(instrument_id=key, bars=bars, origin=Origin.BACKFILL, received_at_ms=0)


def one(key, number, chance):
    (bar,) = (made([number], chance),)
    values = [float(getattr(bar, name)[0]) for name in NAMES[1:]]
    return Bar(key, MINUTE, START + number * MINUTE, *values, 1, "binance", Origin.LIVE, 0)


def rows(bars):
    return [getattr(bars, name).tolist() for name in NAMES]


def plain(key, low, high, count, timeframe=MINUTE):
    found = Candle.objects.filter(
        instrument_id=key, timeframe=timeframe, open_time__gte=low, open_time__lt=high
    )
    found = list(found.order_by("-open_time").values_list(*NAMES)[:count])[::-1]
    return [list(column) for column in zip(*found, strict=True)] or [[]] * 6


def days(key):
    return list(CandleBlock.objects.filter(instrument_id=key).values_list("day", flat=True))


def test_a_block_is_columns_of_little_endian_numbers(key):
    chance = random.Random(1)  # noqa: S311  reproducible
    bars = made([0, 1, 5], chance)
    store(key, bars)
    store(key, made([1440], chance))
    assert blocks_pack().days == 1
    block = CandleBlock.objects.get()
    data = bytes(block.data)
    assert (block.day, block.count, block.digest) == (START, 3, zlib.crc32(data))
    numbers = struct.unpack("<3q15d", data)
    assert numbers[:3] == (START, START + 60, START + 300)
    assert list(numbers[3:]) == [value for column in rows(bars)[1:] for value in column]
    assert rows(unpacked(data, timeframe=60, source="")) == rows(bars)
    assert packed(bars) == data
    with pytest.raises(BarsError, match="47 bytes"):
        unpacked(data[:47], timeframe=60, source="")


def test_only_finished_days_are_packed_and_each_once(key):
    chance = random.Random(1)  # noqa: S311  reproducible
    store(key, made(range(1400, 2 * 1440 + 10), chance))
    assert blocks_pack() == blocks.Packed(2, is_all=True)
    assert days(key) == [START, START + DAY_S]
    blocks._complete.clear()
    assert blocks_pack() == blocks.Packed(0, is_all=True)
    assert Candle.objects.count() == 2 * 1440 + 10 - 1400


def test_a_run_has_an_end_and_the_next_goes_on(key):
    chance = random.Random(1)  # noqa: S311  reproducible
    store(key, made([day * 1440 for day in (0, 1, 2, 5, 9, 10)], chance))
    assert blocks_pack(most=2) == blocks.Packed(2, is_all=False)
    assert blocks_pack(most=3) == blocks.Packed(3, is_all=True)
    assert days(key) == [START + day * DAY_S for day in (0, 1, 2, 5, 9)]


def test_a_complete_series_costs_no_more_than_a_look(key, django_assert_num_queries):
    chance = random.Random(1)  # noqa: S311  reproducible
    store(key, made(range(0, 4000, 7), chance))
    blocks_pack()
    with django_assert_num_queries(1):
        assert blocks_pack() == blocks.Packed(0, is_all=True)


def test_bars_of_a_day_and_longer_stay_rows(key):
    chance = random.Random(1)  # noqa: S311  reproducible
    store(key, made(range(20), chance, timeframe=DAY_S))
    store(key, made(range(20), chance, timeframe=4 * 3600))
    assert blocks_pack().days == 0


def test_a_series_without_a_stamp_is_not_packed(key):
    chance = random.Random(1)  # noqa: S311  reproducible
    store(key, made([0, 1440], chance))
    SeriesStamp.objects.all().delete()
    assert blocks_pack().days == 0


def test_a_correction_drops_the_block_of_its_day_alone(key):
    chance = random.Random(1)  # noqa: S311  reproducible
    store(key, made(range(0, 4 * 1440, 10), chance))
    blocks_pack()
    candles_store([one(key, 1440, chance)])
    assert days(key) == [START, START + 2 * DAY_S]
    blocks_pack()
    store(key, made([3, 2 * 1440 + 1], chance))
    assert days(key) == [START + DAY_S]
    assert blocks_pack().days == 2
    candles_rewind(instrument_ids=[key], timeframe=60, to=START + DAY_S + 600)
    assert days(key) == [START]


def test_a_damaged_block_is_left_aside(key, caplog):
    chance = random.Random(1)  # noqa: S311  reproducible
    bars = made(range(3 * 1440), chance)
    store(key, bars)
    blocks_pack()
    CandleBlock.objects.filter(day=START + DAY_S).update(digest=1)
    CandleBlock.objects.filter(day=START).update(data=b"short")
    assert rows(stored_read(key, 60, 0, START + 9 * DAY_S, 10**6)) == rows(bars)
    assert "damaged" in caplog.text


def test_packed_days_are_read_as_blocks(key, django_assert_num_queries):
    chance = random.Random(1)  # noqa: S311  reproducible
    bars = made(range(6 * 1440), chance)
    store(key, bars)
    blocks_pack()
    with django_assert_num_queries(2):
        found = stored_read(key, 60, 0, START + 9 * DAY_S, 5000)
    assert rows(found) == rows(bars.newest(5000))
    # What does not come from rows survives that they are altered behind the services' back.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE markets_candle SET volume = 7 WHERE open_time < %s", [START + DAY_S])
    assert rows(stored_read(key, 60, START, START + DAY_S, 2000)) == rows(bars.cut(slice(1440)))
    assert set(rows_read(key, 60, START, START + DAY_S, 9).volume.tolist()) == {7.0}


@pytest.mark.parametrize("seed", range(8))
def test_any_story_of_storing_and_packing_reads_like_the_plain_rows(key, seed, monkeypatch):
    monkeypatch.setattr(stored, "FEW_BARS", 3)
    monkeypatch.setattr(stored, "MOST_BLOCKS_AT_ONCE", 3)
    chance = random.Random(seed)  # noqa: S311  reproducible
    slots = 12 * 24  # twelve days of hours
    monkeypatch.setitem(series.settings.ENV, "MYSTIC_TIMEFRAME", "1h")
    for _ in range(40):
        match chance.choice(
            ["append", "revise", "insert", "bulk", "pack", "pack", "rewind", "gap"]
        ):
            case "append":
                newest = Candle.objects.order_by("-open_time").first()
                first = 0 if newest is None else (newest.open_time - START) // 3600 + 1
                numbers = range(first, min(slots, first + chance.randrange(1, 40)))
                store(key, made(numbers, chance, 3600))
            case "revise" | "insert":
                candles_store([hour(key, chance.randrange(slots), chance)])
            case "bulk":
                store(key, made(chance.sample(range(slots), 30), chance, 3600))
            case "pack":
                blocks_pack(most=chance.randrange(1, 6))
            case "rewind":
                to = START + chance.randrange(slots // 2, slots) * 3600
                candles_rewind(instrument_ids=[key], timeframe=3600, to=to)
            case "gap":
                at = START + chance.randrange(slots) * 3600
                Gap.objects.get_or_create(
                    instrument_id=key, timeframe=3600, start=at, end=at + 3600
                )
        low = START + chance.randrange(-5, slots) * 3600
        high = low + chance.randrange(1, slots) * 3600
        for count in (1, 17, 10_000):
            found = stored_read(key, 3600, low, high, count)
            assert rows(found) == plain(key, low, high, count, 3600)
        whole = bars_load(key, 3600, limit=10_000)
        floor = int(whole.open_time[0]) if len(whole) else 2**62
        assert rows(whole) == plain(key, floor, 2**62, 10_000, 3600)
        series._remembered.clear()
        assert rows(bars_load(key, 3600, limit=10_000)) == rows(whole)
        four = rows(bars_load(key, 4 * 3600, limit=50))
        series._remembered.clear()
        CandleBlock.objects.all().delete() if chance.random() < 0.1 else None
        assert rows(bars_load(key, 4 * 3600, limit=50)) == four


def hour(key, number, chance):
    bars = made([number], chance, 3600)
    values = [float(getattr(bars, name)[0]) for name in NAMES[1:]]
    return Bar(key, 3600, START + number * 3600, *values, 1, "binance", Origin.LIVE, 0)
