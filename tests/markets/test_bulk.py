"""Many bars at once: the rule of one by one, on both databases."""

import random
import threading

import numpy as np
import pytest
from django.db import connection, connections, transaction

from markets.bars import BarArrays, BarsError, bars_fault
from markets.models import Candle, CandleRevision, Instrument, SeriesStamp, Venue
from markets.services import bulk, candles_store
from markets.services.bulk import BulkStored, candles_bulk
from markets.types import Bar, Origin

START = 1_699_920_000
NAMES = ("open_time", "open", "high", "low", "close", "volume")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def key():
    venue = Venue.objects.create(code="binance", name="Binance")
    row = Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT"
    )
    return row.pk


def made(numbers, seed=1, source="binance", **changed):
    random_ = np.random.default_rng(seed)
    times = START + 60 * np.array(list(numbers), dtype=np.int64)
    opens, closes = 100 + random_.random((2, len(times)))
    columns = {
        "open": opens,
        "high": np.maximum(opens, closes) + 1,
        "low": np.minimum(opens, closes) - 1,
        "close": closes,
        "volume": random_.random(len(times)),
        **changed,
    }
    return BarArrays(times, **columns, timeframe=60, source=source)


def store(key, bars, **more):
    told = {"origin": Origin.BACKFILL, "received_at_ms": 1_700_000_000_123, **more}
    return candles_bulk(instrument_id=key, bars=bars, **told)


def stored(key):
    found = Candle.objects.filter(instrument_id=key).order_by("open_time").values_list(*NAMES)
    return [list(row) for row in found]


def listed(bars):
    return [list(row) for row in zip(*(getattr(bars, n).tolist() for n in NAMES), strict=True)]


def test_bars_are_stored_to_the_bit_with_where_they_came_from(key):
    bars = made(range(3000))
    trades = np.arange(3000)
    assert store(key, bars, trades=trades) == BulkStored(new=3000)
    assert stored(key) == listed(bars)
    row = Candle.objects.get(pk=(key, 60, START + 60 * 7))
    assert (row.trades, row.source, row.origin) == (7, "binance", "backfill")
    assert row.received_at_ms == 1_700_000_000_123
    assert SeriesStamp.objects.filter(instrument_id=key, timeframe=60).count() == 1


def test_the_same_bars_again_change_nothing(key):
    store(key, made(range(100)))
    stamp = SeriesStamp.objects.get().stamp
    assert store(key, made(range(100)), origin=Origin.IMPORT) == BulkStored(same=100)
    assert SeriesStamp.objects.get().stamp == stamp
    assert set(Candle.objects.values_list("origin", flat=True)) == {"backfill"}
    assert not CandleRevision.objects.exists()


def test_another_value_is_a_revision(key):
    first = made(range(10))
    store(key, first)
    volume = first.volume.copy()
    volume[[2, 5]] += 1.0
    second = made(range(12), source="other")
    second = BarArrays(
        second.open_time,
        *(np.append(getattr(first, name), [101.0, 101.0]) for name in ("open", "high")),
        np.append(first.low, [100.0, 100.0]),
        np.append(first.close, [100.5, 100.5]),
        np.append(volume, [1.0, 1.0]),
        60,
        "other",
    )
    stamp = SeriesStamp.objects.get().stamp
    assert store(key, second) == BulkStored(new=2, revised=2, same=8)
    assert stored(key) == listed(second)
    assert SeriesStamp.objects.get().stamp != stamp
    kept = CandleRevision.objects.order_by("open_time")
    assert list(kept.values_list("open_time", "volume", "source")) == [
        (START + 120, first.volume[2], "binance"),
        (START + 300, first.volume[5], "binance"),
    ]
    assert Candle.objects.get(pk=(key, 60, START + 120)).source == "other"
    assert Candle.objects.get(pk=(key, 60, START)).source == "binance"


def test_an_impossible_bar_stores_nothing(key):
    for name, value, reason in (
        ("high", float("nan"), "not_a_number"),
        ("high", 1.0, "high_below_low"),
        ("volume", -1.0, "quantity_negative"),
        ("low", 0.0, "price_not_positive"),
        ("high", 1e16, "absurd"),
        ("close", 150.0, "close_outside_range"),
    ):
        bars = made(range(5))
        getattr(bars, name)[3] = value
        assert bars_fault(bars) == (3, reason)
        with pytest.raises(BarsError, match=f"bar 3 .* refused: {reason}"):
            store(key, bars)
    with pytest.raises(BarsError, match="out_of_order"):
        store(key, made([1, 1]))
    bars = made([0, 1])
    bars.open_time[1] += 1
    with pytest.raises(BarsError, match="off_grid"):
        store(key, bars)
    assert not Candle.objects.exists()


def test_nothing_is_left_of_a_transaction_that_fails(key):
    def fail():
        with transaction.atomic():
            store(key, made(range(50)))
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert not Candle.objects.exists()
    assert store(key, made(range(0))) == BulkStored()


@pytest.mark.parametrize("seed", range(4))
def test_bulk_and_one_by_one_agree(key, seed):
    chance = random.Random(seed)  # noqa: S311  reproducible
    other = Instrument.objects.create(
        venue=Venue.objects.get(), symbol="B", native_id="B", base="B", quote="USDT"
    ).pk
    for _ in range(8):
        numbers = sorted(chance.sample(range(60), chance.randrange(1, 40)))
        bars = made(numbers, seed=chance.randrange(2))
        new = store(key, bars)
        said = candles_store(
            [
                Bar(other, 60, int(row[0]), *row[1:], -1, "binance", Origin.BACKFILL, 0)
                for row in listed(bars)
            ],
            is_announced=False,
        )
        assert (new.new, new.revised) == (len(said.new), len(said.revised))
        assert stored(key) == stored(other)
    names = (*NAMES, "source")
    revisions = [
        sorted(CandleRevision.objects.filter(instrument_id=one).values_list(*names))
        for one in (key, other)
    ]
    assert revisions[0] == revisions[1]


def test_writers_of_one_series_wait_for_one_another(key):
    faults = []

    def write(seed):
        try:
            for _ in range(5):
                store(key, made(range(200), seed=seed))
        except Exception as fault:  # noqa: BLE001  told below
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert stored(key) in (listed(made(range(200), seed=1)), listed(made(range(200), seed=2)))


def one_row(bar):
    arrays = BarArrays.from_rows(
        [(bar.open_time, bar.open, bar.high, bar.low, bar.close, bar.volume)],
        timeframe=bar.timeframe,
        source=bar.source,
    )
    told = (bar.instrument_id, arrays, str(bar.origin), bar.received_at_ms)
    return bulk.columns_told(*told, np.array([bar.trades]))


def test_the_copy_is_laid_out_as_postgresql_documents_it(key):
    bar = Bar(7, 60, START, 1.0, 2.0, 0.5, 1.5, 3.0, 9, "binance", Origin.LIVE, 5)
    columns = one_row(bar)
    data = bulk.copy_buffer(columns)
    assert bulk.bars_buffer([bar]) == data
    assert data.startswith(b"PGCOPY\n\xff\r\n\x00" + b"\0" * 8 + b"\x00\x0c" + b"\0\0\0\x08")
    assert data.endswith(b"\0\0\0\x07binance\0\0\0\x04live\xff\xff")
    if connection.vendor == "postgresql":
        with transaction.atomic():
            bulk.candles_insert(columns)
        assert Candle.objects.get().close == 1.5
