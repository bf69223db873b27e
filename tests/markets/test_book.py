"""The local order book against a real recording of Binance, and against planted faults."""

import gzip
import json
import os
from pathlib import Path

import pytest

from markets.book import BookEvent, BookStep, LocalBook

DATA = Path(os.environ.get("MYSTIC_TEST_DATA", Path(__file__).parents[2] / "../shared/data"))
RECORDING = DATA / "orderbook/hftbacktest_spot_btcusdt_20240808.jsonl.gz"


def levels(rows):
    return [(float(price), float(quantity)) for price, quantity in rows]


def event(data):
    return BookEvent(data["U"], data["u"], levels(data["b"]), levels(data["a"]))


@pytest.fixture(scope="module")
def recording():
    if not RECORDING.exists():
        pytest.skip("the recording is not here")
    with gzip.open(RECORDING, "rt") as file:
        frames = [json.loads(line.split(" ", 1)[1]) for line in file]
    snapshot = next(frame for frame in frames if "lastUpdateId" in frame)
    diffs, tickers = [], {}
    for frame in frames:
        data = frame.get("data", {})
        if frame.get("stream") == "btcusdt@depth@100ms":
            diffs.append(data)
        elif frame.get("stream") == "btcusdt@bookTicker":
            tickers[data["u"]] = tuple(float(data[key]) for key in "bBaA")
    return snapshot, diffs, tickers


def play(recording, *, skip=None):
    """Yield (step, book) after every diff; a snapshot is given when the first events are there."""
    snapshot, diffs, _ = recording
    book = LocalBook()
    for number, data in enumerate(diffs):
        if number == skip:
            continue
        step = book.apply(event(data))
        if number == 5:
            asked = snapshot["lastUpdateId"], levels(snapshot["bids"]), levels(snapshot["asks"])
            step = book.load(*asked)
        yield number, step, book


def test_best_prices_equal_every_book_ticker_of_the_same_update(recording):
    tickers = recording[2]
    compared = 0
    for _, _, book in play(recording):
        if not book.is_synced:
            continue
        bids, asks = book.view(1)
        assert bids[0][0] < asks[0][0]
        if book.update_id in tickers:
            assert (*bids[0], *asks[0]) == tickers[book.update_id]
            compared += 1
    assert compared == 564


def test_book_is_never_lost_on_a_whole_recording(recording):
    steps = [step for _, step, _ in play(recording)]
    assert BookStep.LOST not in steps
    assert steps.count(BookStep.SYNCED) == 1
    assert steps.count(BookStep.APPLIED) == len(steps) - 6


def test_a_lost_event_throws_the_book_away(recording):
    for number, step, book in play(recording, skip=1000):
        if number == 1001:
            assert step is BookStep.LOST
            assert not book.is_synced
            assert book.view(5) == ((), ())
            assert "jumped" in book.fault
            assert book.wanted_id == recording[1][1001]["U"]
            break
    else:
        pytest.fail("the gap was not seen")


def synced():
    book = LocalBook()
    assert book.load(10, [(99.0, 1.0), (98.0, 2.0)], [(101.0, 1.5)]) is BookStep.SYNCED
    return book


def test_a_snapshot_older_than_the_first_event_is_refused():
    book = LocalBook()
    assert book.apply(BookEvent(20, 22, [], [])) is BookStep.BUFFERED
    assert book.load(18, [(1.0, 1.0)], [(2.0, 1.0)]) is BookStep.SNAPSHOT_TOO_OLD
    assert not book.is_synced
    assert book.wanted_id == 20
    assert book.load(19, [(1.0, 1.0)], [(2.0, 1.0)]) is BookStep.SYNCED
    assert book.update_id == 22


def test_events_that_the_snapshot_holds_are_dropped():
    book = LocalBook()
    book.apply(BookEvent(8, 9, [(99.0, 7.0)], []))
    book.apply(BookEvent(10, 12, [(99.0, 8.0)], []))
    assert book.load(10, [(99.0, 1.0)], [(101.0, 1.0)]) is BookStep.SYNCED
    assert book.view(5) == (((99.0, 8.0),), ((101.0, 1.0),))
    assert book.update_id == 12


def test_a_jump_inside_the_buffer_loses_the_book():
    book = LocalBook()
    book.apply(BookEvent(11, 12, [], []))
    book.apply(BookEvent(14, 15, [], []))
    assert book.load(10, [(99.0, 1.0)], [(101.0, 1.0)]) is BookStep.LOST
    assert not book.is_synced


def test_a_crossed_book_is_thrown_away():
    book = synced()
    assert book.apply(BookEvent(11, 11, [(101.0, 1.0)], [])) is BookStep.LOST
    assert book.view(1) == ((), ())
    assert book.losses == 1


def test_old_events_change_nothing():
    book = synced()
    before = book.view(5)
    assert book.apply(BookEvent(9, 10, [(99.0, 55.0)], [])) is BookStep.OLD
    assert book.view(5) == before


def test_levels_are_set_and_removed_best_first():
    book = synced()
    book.apply(BookEvent(11, 11, [(99.5, 3.0), (98.0, 0.0), (97.0, 0.0)], [(102.0, 4.0)]))
    assert book.view(5) == (((99.5, 3.0), (99.0, 1.0)), ((101.0, 1.5), (102.0, 4.0)))
    assert book.view(1) == (((99.5, 3.0),), ((101.0, 1.5),))
