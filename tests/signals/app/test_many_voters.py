"""Many symbols, many voters, several workers at once: votes and scores stay quick and single."""

import threading
import time

import pytest
from django.db import connection, connections

from signals.models import (
    Consensus,
    Decision,
    Forecast,
    ForecastScore,
    Progress,
    Signal,
    Strategy,
)
from signals.services.consensus import consensus_reach
from signals.services.scoring import forecasts_score
from tests.signals.app.conftest import START, store, walk

BARS = 30
NEWEST = START + 60 * (BARS - 1)
NOW = NEWEST + 120


@pytest.fixture
def crowd(make_instrument):
    """Every strategy asks for the same on every symbol, with a record behind it."""

    def make(symbols, voters, *, scored=10):
        instruments = [make_instrument(f"C{n}/USDT") for n in range(symbols)]
        for one in instruments:
            store(one, walk(BARS))
        rows = [
            Strategy.objects.create(class_name=f"S{n}", version="1", name=f"S{n}", timeframe=60)
            for n in range(voters)
        ]
        pairs = [(row, one) for row in rows for one in instruments]
        decisions = Decision.objects.bulk_create(
            Decision(
                strategy=row,
                instrument=one,
                bar_open=NEWEST,
                verdict="enter_long",
                reason="a cross",
                source="replay:binance",
            )
            for row, one in pairs
        )
        Progress.objects.bulk_create(
            Progress(
                strategy=one.strategy,
                instrument=one.instrument,
                decided_through=NEWEST,
                last_decision=one,
            )
            for one in decisions
        )
        Signal.objects.bulk_create(
            Signal(
                decision=one,
                strategy=one.strategy,
                instrument=one.instrument,
                side="BUY",
                confidence=0.5,
                price=1.0,
                reason="a cross",
                bar_close=NEWEST + 60,
                source="replay:binance",
            )
            for one in decisions
        )
        Forecast.objects.bulk_create(
            Forecast(
                strategy=row,
                instrument=one,
                timeframe=60,
                horizon=5,
                bar_open=START + 60 * n,
                due_at=START + 60 * (n + 6),
                price=60_000.0,
                direction=1,
                source="replay:binance",
            )
            for row, one in pairs
            for n in range(scored)
        )

    return make


@pytest.mark.django_db
def test_a_hundred_symbols_and_fourteen_voters_take_less_than_a_second(
    crowd, django_assert_max_num_queries
):
    crowd(100, 14, scored=5)
    assert forecasts_score() == 7_000
    with django_assert_max_num_queries(550):
        began = time.process_time()
        assert consensus_reach(now_s=NOW) == 100
        assert time.process_time() - began < 1.0
    with django_assert_max_num_queries(12):
        assert consensus_reach(now_s=NOW) == 0


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_write_each_vote_and_score_once(crowd):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    crowd(10, 4, scored=12)
    together, faults, counts = threading.Barrier(6), [], []

    def work(service):
        try:
            together.wait()
            counts.append((service.__name__, service()))
        except Exception as fault:  # noqa: BLE001  what any worker meets
            faults.append(fault)
        finally:
            connections.close_all()

    def vote():
        return consensus_reach(now_s=NOW)

    threads = [threading.Thread(target=work, args=(one,)) for one in (vote, forecasts_score) * 3]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert faults == []
    assert Consensus.objects.count() == 10
    assert sum(count for name, count in counts if name == "vote") == 10
    assert ForecastScore.objects.count() == 4 * 10 * 12
