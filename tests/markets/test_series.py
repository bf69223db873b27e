"""What is remembered of a series is always what the store would tell."""

import random
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import pytest

from markets import series
from markets.bars import BarArrays
from markets.models import Candle, Gap, Instrument, SeriesStamp, Venue
from markets.series import bars_load
from markets.services import candles_rewind, candles_store
from markets.services.bulk import candles_bulk
from markets.types import Bar, Origin

pytestmark = pytest.mark.django_db

START = 1_699_999_200
MINUTE = 60
NAMES = ("open_time", "open", "high", "low", "close", "volume")


@pytest.fixture(autouse=True)
def instrument():
    venue = Venue.objects.create(code="binance", name="Binance")
    row = Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT"
    )
    series._remembered.clear()
    return row


def bar(key, number, chance):
    value = 100 + chance.random()
    return Bar(
        key,
        MINUTE,
        START + number * MINUTE,
        value,
        value + 1,
        value - 1,
        value + chance.random(),
        chance.random(),
        1,
        "binance",
        Origin.LIVE,
        0,
    )


def rows(bars):
    return [getattr(bars, name).tolist() for name in NAMES]


def unremembered(*args, **kwargs):
    kept = series._remembered.copy()
    series._remembered.clear()
    bars = bars_load(*args, **kwargs)
    series._remembered.clear()
    series._remembered.update(kept)
    return bars


def compare(key, chance):
    for timeframe in (60, 300, 3600):
        for limit in (1, 7, 60, 10_000):
            assert rows(bars_load(key, timeframe, limit=limit)) == rows(
                unremembered(key, timeframe, limit=limit)
            )
        end = START + chance.randrange(0, 20_000)
        assert rows(bars_load(key, timeframe, end=end, limit=20)) == rows(
            unremembered(key, timeframe, end=end, limit=20)
        )


@pytest.mark.parametrize("seed", range(6))
def test_remembered_bars_equal_stored_ones_through_any_story(instrument, seed):
    chance = random.Random(seed)  # noqa: S311  reproducible
    key, low, high = instrument.pk, 0, 0
    for _ in range(25):
        kind = chance.choice(["append", "append", "append", "absent", "below", "revise", "gap"])
        if kind == "append":
            count = chance.randrange(1, 40)
            candles_store([bar(key, high + n, chance) for n in range(count)])
            high += count
        elif kind == "absent" and high:
            end = high + chance.randrange(1, 9)
            Gap.objects.create(
                instrument_id=key,
                timeframe=60,
                start=START + high * 60,
                end=START + end * 60,
                state="absent",
            )
            high = end
        elif kind == "below" and high:
            low -= 30
            candles_store([bar(key, low + n, chance) for n in range(30)], is_announced=False)
        elif kind == "revise" and high:
            candles_store([bar(key, chance.randrange(low, high), chance)])
        elif kind == "gap" and high and chance.random() < 0.3:
            Gap.objects.create(
                instrument_id=key,
                timeframe=60,
                start=START + high * 60,
                end=START + (high + 3) * 60,
            )
            high += 3
            candles_store([bar(key, high, chance)])
            high += 1
        if high:
            compare(key, chance)
    candles_rewind(instrument_ids=[key], timeframe=60, to=START + high * 30)
    compare(key, chance)


def test_a_growing_series_is_read_from_its_end_only(instrument, django_assert_num_queries):
    chance = random.Random(1)  # noqa: S311  reproducible
    key = instrument.pk
    candles_store([bar(key, n, chance) for n in range(3000)])
    with django_assert_num_queries(3):
        bars_load(key, 3600, limit=40)
    with django_assert_num_queries(1):
        bars_load(key, 3600, limit=40)
    candles_store([bar(key, 3000, chance)])
    before = rows(bars_load(key, 3600, limit=40))
    end = START + 3000 * MINUTE // 3600 * 3600
    Candle.objects.filter(open_time__lt=end).delete()
    candles_store([bar(key, 3001, chance)])
    with django_assert_num_queries(2):
        assert rows(bars_load(key, 3600, limit=40)) == before


def test_a_series_that_was_never_stamped_is_not_remembered(instrument):
    chance = random.Random(1)  # noqa: S311  reproducible
    candles_store([bar(instrument.pk, n, chance) for n in range(10)])
    SeriesStamp.objects.all().delete()
    bars_load(instrument.pk, 60, limit=5)
    assert not series._remembered


@pytest.mark.parametrize("is_bulk", [False, True])
def test_a_bar_that_comes_late_into_a_range_called_absent_is_remembered_too(instrument, is_bulk):
    chance, key = random.Random(1), instrument.pk  # noqa: S311  reproducible
    candles_store([bar(key, number, chance) for number in range(10)])
    Gap.objects.create(
        instrument_id=key,
        timeframe=60,
        start=START + 600,
        end=START + 1200,
        state="absent",
    )
    compare(key, chance)
    late = bar(key, 15, chance)
    if is_bulk:
        row = (late.open_time, late.open, late.high, late.low, late.close, late.volume)
        piece = BarArrays.from_rows([row], timeframe=60, source="binance")
        candles_bulk(instrument_id=key, bars=piece, origin=Origin.BACKFILL, received_at_ms=0)
    else:
        candles_store([late])
    compare(key, chance)
    candles_store([bar(key, 20, chance)])
    compare(key, chance)
    assert START + 900 in bars_load(key, 60, limit=100).open_time.tolist()


class Slow(OrderedDict[tuple[int, int, int], None]):
    """Lets other threads go on right after something was put."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        threading.Event().wait(0.001)


def test_threads_remember_at_once_without_a_fault(monkeypatch):
    monkeypatch.setattr(series, "_remembered", Slow())
    monkeypatch.setattr(series, "MOST_SERIES", 1)

    def work(key):
        for _ in range(20):
            series._remember((key, 60, 60), None)
        return key

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [0, 1, 2, 3]
    assert len(series._remembered) == 1
