"""What was refused is kept, counted together, and can be shown."""

import threading

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from markets.models import Quarantined
from markets.quality import Refusals, Refused, sample_text
from markets.services import quarantine as service
from markets.services.quarantine import MOST_WAITING, Quarantine, quarantine, quarantined_write
from tests.markets.scripted import Market, streaming, ticker, until

pytestmark = pytest.mark.django_db


def rows():
    names = ("source", "kind", "instrument_id", "reason", "count", "sample")
    return sorted(Quarantined.objects.values_list(*names))


def test_the_same_fault_of_the_same_thing_is_one_row_an_hour():
    kept = Quarantine()
    refusals = Refusals("binance", kept.note)
    for number in range(5):
        refusals.add("crossed", kind="quote", instrument_id=3, sample={"number": number})
    refusals.add("absurd", kind="trade", instrument_id=3)
    assert Quarantined.objects.count() == 0
    assert kept.is_waiting
    assert kept.flush() == 2
    assert rows() == [
        ("binance", "quote", 3, "crossed", 5, "{'number': 4}"),
        ("binance", "trade", 3, "absurd", 1, ""),
    ]
    refusals.add("crossed", kind="quote", instrument_id=3, sample="newest")
    kept.flush()
    assert rows()[0] == ("binance", "quote", 3, "crossed", 6, "newest")
    assert kept.flush() == 0
    row = Quarantined.objects.get(kind="quote")
    assert row.hour % 3600 == 0
    assert row.first_at <= row.last_at <= timezone.now()
    assert refusals.as_dict() == {"refused_crossed": 6, "refused_absurd": 1}


def test_refusals_without_a_kind_are_only_counted():
    kept = Quarantine()
    Refusals("binance", kept.note).add("crossed")
    assert not kept.is_waiting


def test_a_mad_source_costs_bounded_memory():
    kept = Quarantine()
    for number in range(MOST_WAITING + 500):
        kept.note(Refused("binance", "quote", number, "crossed", number))
    assert len(kept._waiting) == MOST_WAITING + 1
    (other,) = [seen for key, seen in kept._waiting.items() if key[3] == service.OTHER]
    assert other.count == 500


def test_what_could_not_be_written_waits(transactional_db):
    kept = Quarantine()
    kept.note(Refused("binance", "bar", 1, "off_grid", "first"))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE markets_quarantined RENAME TO away")
    try:
        with pytest.raises(DatabaseError):
            kept.flush()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO markets_quarantined")
    kept.note(Refused("binance", "bar", 1, "off_grid", "second"))
    kept.flush()
    assert rows() == [("binance", "bar", 1, "off_grid", 2, "second")]


def test_many_threads_lose_no_count():
    kept = Quarantine()

    def refuse():
        for _ in range(300):
            kept.note(Refused("binance", "bar", 1, "off_grid"))

    threads = [threading.Thread(target=refuse) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    kept.flush()
    assert Quarantined.objects.get().count == 1200


def test_slow_feeds_write_at_once():
    quarantined_write([Refused("news", "news", 0, "no_time", b"<item>\x00\x1bkey=abc</item>")])
    assert rows() == [("news", "news", 0, "no_time", 1, "<item> key=***</item>")]


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        (None, ""),
        ("https://x/y?apiKey=s3cret&n=1", "https://x/y?apiKey=***&n=1"),
        ("{'Authorization': 'Bearer abc.def', 'n': 1}", "{'Authorization': 'Bearer ***', 'n': 1}"),
        ('{"api_key":"abc","price":"1.5"}', '{"api_key":"***","price":"1.5"}'),
        ("price=1.5 monkey=2", "price=1.5 monkey=2"),
        ("a\u202eb\nc", "a b c"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_a_sample_can_be_shown(sample, text):
    assert sample_text(sample) == text


@pytest.mark.django_db(transaction=True)
def test_what_a_stream_sends_wrong_is_kept_with_its_instrument():
    market = Market()
    quarantine.forget()
    market.grow(5)
    with streaming(market):
        market.stream.connect()
        market.stream.send(ticker("BTCUSDT", 101.0, 100.0))
        until(lambda: Quarantined.objects.filter(kind="quote").exists(), within=15)
    row = Quarantined.objects.get(kind="quote")
    assert (row.source, row.reason, row.count) == ("binance", "crossed", 1)
    assert row.instrument_id > 0
    assert "101.0" in row.sample
