"""Patterns for the charts: the same whether the bars came at once or one by one."""

import pytest

from markets.selectors import bars_load
from signals import selectors
from signals.models import Pattern
from signals.services import patterns, patterns_resume, patterns_store
from signals.smc import detect
from tests.signals.app.conftest import START, store, walk

pytestmark = pytest.mark.django_db


TIMES = ("touched_at", "mitigated_at", "filled_at")
KNOWN = ("kind", "direction", "top", "bottom", "at", "confirmed_at", "quality")
# What happens to each kind, and the column that says so; half filled and failed have none.
ENDS = ("mitigated", "swept", "taken", "grown")


def drawn(timeframe=60, fields=(*KNOWN, *TIMES)):
    return set(Pattern.objects.filter(timeframe=timeframe).values_list(*fields))


def column_of(change):
    if change.event.kind == "fvg":
        return {"touched": TIMES[:2], "filled": TIMES[2:]}.get(change.stage, ())
    if change.stage in ENDS:
        return ("mitigated_at",)
    return ("touched_at",) if change.stage == "touched" else ()


def expected(instrument, timeframe=60):
    found = detect(bars_load(instrument.pk, timeframe, limit=5000))
    times = {}
    for change in found.changes:
        for name in column_of(change):
            times.setdefault(change.event, {})[name] = change.at
    return {
        (
            one.kind.value,
            one.direction,
            one.top,
            one.bottom,
            one.at,
            one.confirmed_at,
            one.quality if one.kind == "order_block" else None,
            *(times.get(one, {}).get(name) for name in TIMES),
        )
        for one in found.events
    }


def close_of(row):
    return row[0] + 60


def test_bar_by_bar_gives_what_the_whole_gives(btc):
    rows = walk(400)
    store(btc, rows[:300])
    patterns_store(close_of(rows[299]))
    for row in rows[300:]:
        store(btc, [row])
        patterns_store(close_of(row))
    assert drawn() == expected(btc)
    assert {kind for kind, *_ in drawn()} >= {
        "swing_high",
        "swing_low",
        "bos",
        "order_block",
        "fvg",
        "breaker",
        "liquidity",
    }
    for name in TIMES:
        assert Pattern.objects.filter(timeframe=60, **{f"{name}__isnull": False}).exists()
    assert Pattern.objects.filter(timeframe=300).exists()


def test_a_doubled_ring_adds_nothing(btc):
    rows = walk(300)
    store(btc, rows)
    assert patterns_store(close_of(rows[299])) > 0
    before = drawn()
    assert patterns_store(close_of(rows[299])) == 0
    assert drawn() == before


def test_a_restart_changes_nothing_that_was_known(btc):
    rows = walk(400)
    store(btc, rows[:350])
    patterns_store(close_of(rows[349]))
    before = drawn(fields=KNOWN)
    patterns._series.clear()
    store(btc, rows[350:])
    patterns_store(close_of(rows[399]))
    after = drawn(fields=KNOWN)
    assert before <= after
    assert {row for row in after - before if row[5] <= rows[349][0]} == set()
    # The detector was warmed up on the same bars, so nothing is missing either.
    assert drawn() == expected(btc)


def test_several_missed_bars_are_taken_in_order(btc):
    rows = walk(400)
    store(btc, rows[:300])
    patterns_store(close_of(rows[299]))
    store(btc, rows[300:])
    patterns_store(close_of(rows[399]))
    assert drawn() == expected(btc)


def test_the_selector_gives_a_series_in_order_of_confirmation(btc):
    rows = walk(300)
    store(btc, rows)
    patterns_store(close_of(rows[299]))
    since = START + 150 * 60
    found = list(selectors.patterns_for(instrument=btc, timeframe=60, since=since, kinds=["fvg"]))
    assert found
    assert all(one.kind == "fvg" and one.confirmed_at >= since for one in found)
    assert [one.confirmed_at for one in found] == sorted(one.confirmed_at for one in found)


def test_warming_up_ends_in_time_and_goes_on_later(btc, monkeypatch):
    rows = walk(400)
    store(btc, rows[:300])
    monkeypatch.setattr(patterns, "WARM_UP_S", 0.0)
    assert patterns_store(close_of(rows[299])) == 0
    assert patterns_resume() == 0
    assert drawn() == set()
    monkeypatch.setattr(patterns, "WARM_UP_S", 60.0)
    assert patterns_resume() == len(drawn()) + Pattern.objects.exclude(timeframe=60).count() > 0
    assert patterns_resume() == 0
    # What is warm is taken at its close, however little time there is.
    monkeypatch.setattr(patterns, "WARM_UP_S", 0.0)
    store(btc, rows[300:])
    patterns_store(close_of(rows[399]))
    assert drawn() == expected(btc)


def test_an_instrument_that_is_no_longer_watched_is_not_waited_for(btc, monkeypatch):
    rows = walk(300)
    store(btc, rows)
    monkeypatch.setattr(patterns, "WARM_UP_S", 0.0)
    patterns_store(close_of(rows[299]))
    btc.is_watched = False
    btc.save()
    monkeypatch.setattr(patterns, "WARM_UP_S", 60.0)
    assert patterns_resume() == 0
    assert drawn() == set()
