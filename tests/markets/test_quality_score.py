"""From what was counted to a score, and from rows to what was counted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from markets.models import (
    BookStat,
    Candle,
    CandleRevision,
    Disagreement,
    Gap,
    Instrument,
    QualityScore,
    Quarantined,
    SessionDay,
    SourceState,
    StreamLease,
    Venue,
)
from markets.quality_score import Evidence, Level, level_of, reason_of, score_of
from markets.selectors_quality import parts_of, refusing
from markets.services.quality import quality_recompute, quarantine_prune

WHOLE = Evidence(60, bars=1440, late_s=5.0, seen=20_000, source="x:stream", source_state="live")
# A whole day of minutes that ended just now.
END = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
NOW = END + timedelta(seconds=20)
END_S = int(END.timestamp())


def test_whole_fresh_data_are_worth_all_points():
    score = score_of(WHOLE)
    assert (score.value, score.level) == (100.0, Level.GOOD)
    assert {part.penalty for part in score.parts} == {0.0}


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"missing": 36, "holes": 2, "bars": 1404}, 70.0),  # 2.5 % of a day: half of 60
        ({"missing": 720, "holes": 1, "bars": 720}, 40.0),
        ({"late_s": 75.0}, 100.0),
        ({"late_s": 75.0 + 270}, 70.0),  # half of nine minutes
        ({"late_s": 86_400.0}, 40.0),
        ({"late_s": None, "not_late": "a replay"}, 100.0),
        ({"refused": 100, "seen": 9_900}, 80.0),  # one in a hundred: half of 40
        ({"refused": 5_000}, 60.0),
        ({"outliers": 7, "bars": 1400}, 90.0),  # half of one in a hundred: half of 20
        ({"revisions": 1440}, 90.0),
        ({"disagreement": "a says 1, b says 2"}, 60.0),
        ({"source_state": "down"}, 75.0),
        ({"source_state": "stale"}, 90.0),
        ({"source_state": ""}, 100.0),
    ],
)
def test_every_part_takes_its_points(change, value):
    assert score_of(replace(WHOLE, **change)).value == pytest.approx(value)


def test_levels():
    levels = [level_of(value) for value in (100, 90, 89.9, 70, 69.9, 0)]
    assert levels == ["good", "good", "acceptable", "acceptable", "poor", "poor"]
    assert score_of(Evidence(60, bars=0)).level is Level.UNKNOWN


def test_a_score_is_never_below_nought_and_says_what_cost_the_most_first():
    bad = replace(WHOLE, missing=720, holes=3, bars=720, late_s=9_000.0, refused=9_000)
    score = score_of(bad)
    assert score.value == 0.0
    sentence = reason_of(score.value, score.parts)
    assert sentence.startswith(
        "data quality 0 of 100: 3 gaps of 720 bars in the last day; the next"
    )
    assert len(sentence) <= 300
    one = score_of(replace(WHOLE, missing=1, holes=1))
    assert "1 gap of 1 bar in" in reason_of(one.value, one.parts)


@pytest.fixture
def btc(db):
    venue = Venue.objects.create(code="binance", name="Binance")
    StreamLease.objects.create(name="streamer", holder="here")
    SourceState.objects.create(source="binance:stream", state="live")
    return pair(venue)


def pair(venue, **changes):
    values = {"symbol": "BTC/USDT", "native_id": "BTCUSDT", "base": "BTC", "quote": "USDT"}
    return Instrument.objects.create(venue=venue, is_watched=True, **values | changes)


def bars(instrument, *, end=END_S, count=1440, skip=(), spike=None):
    rows = []
    for place in range(count):
        if place in skip:
            continue
        price = 100.0 + place % 7 * 0.01
        low = 50.0 if place == spike else price - 0.01
        rows.append(
            Candle(
                instrument_id=instrument.pk,
                timeframe=60,
                open_time=end - 60 * (count - place),
                open=price,
                high=price + 0.01,
                low=low,
                close=price,
                volume=1.0,
                source=instrument.venue.code,
                origin="live",
                received_at_ms=0,
            )
        )
    Candle.objects.bulk_create(rows)


def judged(instrument, now=NOW):
    quality_recompute(now)
    row = QualityScore.objects.get(instrument=instrument)
    return row.score, row.level, {part.name: part for part in parts_of(row)}, row


def test_a_whole_day_is_good_and_a_second_judgement_replaces_the_first(btc):
    bars(btc)
    assert judged(btc)[:2] == (100.0, "good")
    assert judged(btc, NOW + timedelta(minutes=30))[:2] == (40.0, "poor")
    assert QualityScore.objects.count() == 1


def test_without_bars_nothing_is_known(btc):
    score, level, parts, _ = judged(btc)
    assert (score, level) == (0.0, "unknown")
    assert parts["completeness"].text == "no bar is stored yet"
    assert refusing([btc.pk], NOW) == {}


def test_holes_count_when_open_for_a_while_and_never_when_the_venue_has_nothing(btc):
    bars(btc, skip=range(100, 172))
    begin = END_S - 60 * 1440
    hole = {"instrument": btc, "timeframe": 60, "start": begin + 6000, "end": begin + 6000 + 4320}
    gap = Gap.objects.create(**hole, detected_at=NOW - timedelta(seconds=30))
    assert judged(btc)[1] == "good"
    Gap.objects.filter(pk=gap.pk).update(detected_at=NOW - timedelta(minutes=5))
    score, level, parts, _ = judged(btc)
    assert (score, level) == (40.0, "poor")
    assert parts["completeness"].text == "1 gap of 72 bars in the last day"
    reason = "data quality 40 of 100: 1 gap of 72 bars in the last day"
    assert refusing([btc.pk], NOW) == {btc.pk: reason}
    assert refusing([btc.pk], NOW + timedelta(minutes=6)) == {}
    Gap.objects.filter(pk=gap.pk).update(state=Gap.State.ABSENT)
    assert judged(btc)[1] == "good"


def test_a_hole_of_last_week_is_no_hole_of_today(btc):
    bars(btc)
    Gap.objects.create(
        instrument=btc,
        timeframe=60,
        start=END_S - 700_000,
        end=END_S - 600_000,
        detected_at=NOW - timedelta(days=7),
    )
    assert judged(btc)[0] == 100.0


def test_everything_else_that_is_counted(btc):
    bars(btc, spike=700)
    for _ in range(2):
        CandleRevision.objects.create(
            instrument=btc,
            timeframe=60,
            open_time=END_S - 600,
            open=1,
            high=1,
            low=1,
            close=1,
            volume=1,
            source="binance",
        )
    hour = int(NOW.timestamp()) // 3600 * 3600
    common = {"source": "binance", "kind": "quote", "instrument_id": btc.pk}
    Quarantined.objects.create(**common, reason="crossed", hour=hour, count=50)
    Quarantined.objects.create(**common, reason="crossed", hour=hour - 30 * 3600, count=9_999)
    BookStat.objects.create(
        instrument_id=btc.pk, open_time=END_S - 60, samples=8_510, source="binance"
    )
    SourceState.objects.update(state="stale")
    _, _, parts, row = judged(btc)
    assert parts["outliers"].penalty == pytest.approx(20 * (1 / 1440) / 0.01, abs=0.1)
    assert parts["revisions"].text == "1 bar corrected by the venue"
    assert parts["refused"].text == "50 of 10000 values refused"
    assert parts["refused"].penalty == pytest.approx(10.0)
    assert (parts["source"].penalty, parts["source"].text) == (10.0, "binance:stream is stale")
    (flag,) = row.parts["flags"]
    assert (flag["price"], flag["standing"]) == (50.0, "outlier")
    assert Candle.objects.filter(low=50.0).count() == 1


def test_another_venue_confirms_a_flash(btc):
    bars(btc, spike=700)
    other = pair(Venue.objects.create(code="coinbase", name="Coinbase"))
    bars(other, spike=700)
    Instrument.objects.filter(pk=other.pk).update(is_watched=False)
    assert judged(btc)[3].parts["flags"][0]["standing"] == "confirmed"


def test_sources_that_disagree_are_poor_until_they_agree(btc):
    bars(btc)
    row = Disagreement.objects.create(
        instrument=btc, source="binance", price=100.0, other_source="coinbase", other_price=120.0
    )
    assert judged(btc)[:2] == (60.0, "poor")
    row.ended_at = NOW
    row.save()
    assert judged(btc)[1] == "good"


def test_a_replay_is_not_judged_by_our_clock(db, settings):
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "http://127.0.0.1:9",
        "BINANCE_WS_URL": "ws://127.0.0.1:9",
    }
    venue = Venue.objects.create(code="replay:binance", name="Replay", is_replay=True)
    replayed = pair(venue)
    bars(replayed, end=1_600_000_020 // 60 * 60)
    SourceState.objects.create(source="replay:binance:stream", state="down")
    score, level, parts, _ = judged(replayed)
    assert (score, level) == (100.0, "good")
    assert "clock of its recording" in parts["freshness"].text


def test_a_closed_market_is_not_late(btc):
    Instrument.objects.update(session_calendar="XNYS")
    bars(btc, end=END_S - 7200)
    assert "hours are not known" in judged(btc)[2]["freshness"].text
    day = SessionDay.objects.create(
        calendar="XNYS", day=END.date(), opens_at=END_S - 20_000, closes_at=END_S - 7200
    )
    assert judged(btc)[2]["freshness"].text == "not judged: the market is closed"
    # It opened a minute ago: the first bar of the day is only due.
    day.opens_at, day.closes_at = END_S - 60, END_S + 20_000
    day.save()
    assert judged(btc)[0] == 100.0


def test_a_stock_is_given_the_delay_of_its_free_sources(btc):
    Instrument.objects.update(session_calendar="XNYS", asset_class="stock")
    bars(btc, end=END_S - 900)
    SessionDay.objects.create(
        calendar="XNYS", day=END.date(), opens_at=END_S - 9_000, closes_at=END_S + 9_000
    )
    assert judged(btc)[0] == 100.0
    assert judged(btc, NOW + timedelta(minutes=20))[1] == "poor"


def test_judging_asks_a_bounded_number_of_questions(btc):
    venue = btc.venue
    bars(btc, count=200)
    quality_recompute(NOW)
    with CaptureQueriesContext(connection) as one:
        quality_recompute(NOW)
    more = pair(venue, symbol="ETH/USDT", native_id="ETHUSDT", base="ETH")
    bars(more, count=200)
    quality_recompute(NOW)
    with CaptureQueriesContext(connection) as two:
        quality_recompute(NOW)
    assert len(two) - len(one) <= 11


def test_old_refusals_are_forgotten(db):
    for hour in (int(NOW.timestamp()) - 40 * 86_400, int(NOW.timestamp())):
        Quarantined.objects.create(source="x", kind="bar", reason="absurd", hour=hour)
    assert quarantine_prune(NOW) == 1
    assert Quarantined.objects.count() == 1
