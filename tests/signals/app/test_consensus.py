"""Strategies and models vote on each closed bar, weighed by their scored forecasts."""

import pytest

from mystic.lib import bus
from signals.events import ConsensusReached
from signals.models import (
    Consensus,
    Decision,
    Forecast,
    ForecastModel,
    ForecastScore,
    Progress,
    Signal,
    Strategy,
)
from signals.services.consensus import PATIENCE_S, consensus_reach
from signals.services.evaluation import evaluate
from signals.services.strategies import strategies_sync
from signals.services.voters import HORIZON, records, signals_forecast
from signals.strategies.registry import CLASSES
from signals.tasks_ledger import Ring
from tests.signals.app.conftest import START, store, walk
from tests.signals.app.strategies import EveryTenth

pytestmark = pytest.mark.django_db
COUNT = 60
NEWEST = START + 60 * (COUNT - 1)
"""Open time of the newest bar."""


@pytest.fixture
def minutes(btc):
    """Closes go 101, 100, 101, 100, ...: twelve bars later the price is never higher."""
    rows = [(START + 60 * n, 100.5, 102, 99, 101 - n % 2, 1.0) for n in range(COUNT)]
    store(btc, rows)
    return rows


@pytest.fixture
def heard():
    found = []
    bus.subscribe(ConsensusReached, found.append)
    return found


def strategy(name, **fields):
    return Strategy.objects.create(class_name=name, version="1", name=name, timeframe=60, **fields)


def decided(row, instrument, *, bar_open=NEWEST, verdict="none", reason="no cross", side=None):
    decision = Decision.objects.create(
        strategy=row,
        instrument=instrument,
        bar_open=bar_open,
        verdict=verdict,
        reason=reason,
        source="replay:binance",
    )
    Progress.objects.update_or_create(
        strategy=row,
        instrument=instrument,
        defaults={"decided_through": bar_open, "last_decision": decision},
    )
    if side is None:
        return None
    return Signal.objects.create(
        decision=decision,
        strategy=row,
        instrument=instrument,
        side=side,
        confidence=0.8,
        price=100.0,
        reason=reason,
        bar_close=bar_open + 60,
        source="replay:binance",
    )


def proven(row, instrument, *, hits, count, direction=1, source="replay:binance"):
    """Give a strategy a record: forecasts that do not overlap, so many of them right."""
    for n in range(count):
        bar_open = START - 60 * HORIZON * (n + 1)
        one = Forecast.objects.create(
            strategy=row,
            instrument=instrument,
            timeframe=60,
            horizon=HORIZON,
            bar_open=bar_open,
            due_at=bar_open + 60 * (HORIZON + 1),
            price=100.0,
            direction=direction,
            source=source,
        )
        is_hit = n < hits
        ForecastScore.objects.create(
            forecast=one,
            outcome_price=101.0,
            outcome_return=0.01,
            is_up=is_hit == (direction > 0),
            is_hit=is_hit,
            source=source,
        )


def later(seconds=PATIENCE_S):
    return NEWEST + 60 + seconds


def test_without_voters_there_is_no_vote(btc, minutes):
    assert consensus_reach(now_s=later()) == 0


def test_unproven_voters_end_in_hold_with_every_vote(btc, minutes, heard):
    decided(strategy("A"), btc, verdict="enter_long", reason="a cross", side="BUY")
    decided(strategy("B"), btc, reason="the trend is up: no")
    assert consensus_reach(now_s=later(0)) == 1
    row = Consensus.objects.get()
    assert (row.signal_type, row.bar_open, row.price) == ("HOLD", NEWEST, 100.0)
    assert "but no voter that asks for action has a record above chance yet" in row.reasoning
    assert [(one["name"], one["signal_type"], one["weight"]) for one in row.votes] == [
        ("A", "BUY", 0.0),
        ("B", "HOLD", 0.0),
    ]
    assert (row.source, row.is_live) == ("replay:binance", False)


def test_a_proven_voter_is_followed(btc, minutes, django_capture_on_commit_callbacks, heard):
    row = strategy("A")
    proven(row, btc, hits=90, count=100)
    decided(row, btc, verdict="enter_long", reason="a cross", side="BUY")
    with django_capture_on_commit_callbacks(execute=True):
        consensus_reach(now_s=later(0))
    found = Consensus.objects.get()
    assert found.signal_type == "BUY"
    assert found.reasoning.startswith("A: a cross (90% right of 100 scored, chance ")
    # The closes alternate, so that twelve bars later the price is the same and never higher.
    assert found.votes[0]["base_rate"] == 0.0
    assert [(one.consensus_id, one.is_changed) for one in heard] == [(found.pk, True)]


def test_the_reason_is_made_of_the_values(btc, minutes):
    decided(strategy("A"), btc, verdict="enter_long", reason="a cross", side="BUY")
    values = {"fast": 60123.456789, "is_up": True, "dip": 0.5, "atr": 12.0, "more": 1.0}
    Decision.objects.update(values=values)
    consensus_reach(now_s=later(0))
    (vote,) = Consensus.objects.get().votes
    # By name: PostgreSQL keeps no order in JSON, so both databases say the same.
    assert vote["reason"] == "a cross (atr 12, dip 0.5, fast 60123.5)"


def test_a_vote_is_written_once(btc, minutes):
    decided(strategy("A"), btc)
    assert consensus_reach(now_s=later()) == 1
    assert consensus_reach(now_s=later()) == 0
    assert Consensus.objects.count() == 1


def test_a_slow_voter_is_waited_for_and_not_for_ever(btc, minutes):
    decided(strategy("A"), btc)
    decided(strategy("B"), btc, bar_open=NEWEST - 60)
    Decision.objects.update(source="binance")
    assert consensus_reach(now_s=later(PATIENCE_S - 1)) == 0
    assert consensus_reach(now_s=later()) == 1
    late = Consensus.objects.get().votes[1]
    assert (late["name"], late["reason"]) == ("B", "it has not decided on this bar")


def test_in_a_replay_the_bars_are_the_clock(btc, minutes):
    decided(strategy("A"), btc)
    row = strategy("B")
    decided(row, btc, bar_open=NEWEST - 120)
    assert consensus_reach(now_s=later(100_000)) == 0
    Progress.objects.filter(strategy=row).update(decided_through=NEWEST - 180)
    assert consensus_reach(now_s=later(100_000)) == 1


def test_a_paused_voter_is_not_waited_for(btc, minutes):
    decided(strategy("A"), btc)
    row = strategy("B")
    decided(row, btc, bar_open=NEWEST - 6000)
    Progress.objects.filter(strategy=row).update(paused_reason="paused after 3 errors: x")
    assert consensus_reach(now_s=later(0)) == 1
    assert Consensus.objects.get().votes[1]["reason"] == "paused after 3 errors: x"


def test_a_signal_stands_until_its_horizon_has_passed(btc, minutes):
    row = strategy("A")
    decided(
        row, btc, bar_open=NEWEST - 60 * (HORIZON - 1), verdict="exit", reason="a fall", side="SELL"
    )
    decided(row, btc)
    consensus_reach(now_s=later())
    assert Consensus.objects.get().votes[0]["signal_type"] == "SELL"
    Signal.objects.update(bar_close=NEWEST + 60 - 60 * HORIZON)
    Consensus.objects.all().delete()
    consensus_reach(now_s=later())
    assert Consensus.objects.get().votes[0]["signal_type"] == "HOLD"


def test_private_strategies_have_no_vote(btc, minutes, ann):
    decided(strategy("A", owner=ann), btc)
    assert consensus_reach(now_s=later()) == 0


def test_a_model_votes_by_its_forecast(btc, minutes):
    model = ForecastModel.objects.create(
        name="btc-1m",
        asset_class="crypto",
        timeframe=60,
        horizon=5,
        state="ready",
        trained_through=START,
        direction_trees=b"trees",
    )
    Forecast.objects.create(
        model=model,
        instrument=btc,
        timeframe=60,
        horizon=5,
        bar_open=NEWEST,
        due_at=NEWEST + 360,
        price=100.0,
        direction=-1,
        probability=0.3,
        base_rate=0.5,
        source="replay:binance",
    )
    assert consensus_reach(now_s=later(0)) == 1
    (vote,) = Consensus.objects.get().votes
    assert (vote["name"], vote["signal_type"]) == ("btc-1m v1", "SELL")
    assert vote["confidence"] == pytest.approx(0.4)
    assert vote["reason"] == "it gives a rise within 5 bars 30%"


class TestTheLedger:
    def test_a_signal_is_a_forecast(self, btc, minutes):
        signal = decided(strategy("A"), btc, verdict="enter_long", side="BUY")
        signals_forecast([signal])
        signals_forecast([signal])
        found = Forecast.objects.get()
        assert (found.direction, found.horizon, found.bar_open) == (1, HORIZON, NEWEST)
        assert found.due_at == NEWEST + 60 + 60 * HORIZON
        assert (found.price, found.probability) == (100.0, None)

    def test_a_late_or_private_one_is_none(self, btc, minutes, ann):
        late = decided(strategy("A"), btc, verdict="exit", side="SELL")
        late.late_reason = "too late"
        own = decided(strategy("B", owner=ann), btc, verdict="exit", side="SELL")
        signals_forecast([late, own])
        assert not Forecast.objects.exists()

    def test_forecasts_that_overlap_count_as_one(self, btc, minutes):
        row = strategy("A")
        for n in range(HORIZON):
            bar_open = START // (60 * HORIZON) * 60 * HORIZON + 60 * n
            one = Forecast.objects.create(
                strategy=row,
                instrument=btc,
                timeframe=60,
                horizon=HORIZON,
                bar_open=bar_open,
                due_at=bar_open + 6000,
                price=100.0,
                direction=1,
                source="replay:binance",
            )
            ForecastScore.objects.create(
                forecast=one,
                outcome_price=101.0,
                outcome_return=0.01,
                is_up=n < 3,
                is_hit=n < 3,
                source="replay:binance",
            )
        found = records.of(60, ("strategy", row.pk), 1, "replay:binance")
        assert (found.hits, found.count) == (0.25, 1)

    def test_an_evaluation_writes_the_forecasts_of_its_signals(self, btc, monkeypatch):
        for name in list(CLASSES):
            monkeypatch.delitem(CLASSES, name)
        monkeypatch.setitem(CLASSES, "EveryTenth", EveryTenth)
        strategies_sync()
        store(btc, walk(601))
        evaluate(60, START + 60 * 601)
        signal = Signal.objects.get()
        found = Forecast.objects.get()
        assert (found.strategy, found.direction) == (signal.strategy, 1)
        assert (found.bar_open, found.price) == (signal.bar_close - 60, signal.price)


@pytest.mark.parametrize(
    ("told", "asked"), [("replay:binance", "binance"), ("binance", "replay:binance")]
)
def test_a_record_of_replays_counts_in_replays_only(btc, minutes, told, asked):
    row = strategy("A")
    proven(row, btc, hits=90, count=100, source=told)
    assert records.of(60, ("strategy", row.pk), 1, told).count == 100
    assert records.of(60, ("strategy", row.pk), 1, asked).count == 0


def test_symbols_that_move_together_count_as_one(btc, minutes, make_instrument):
    row = strategy("A")
    for n in range(10):
        proven(row, make_instrument(f"C{n}/USDT"), hits=3, count=5)
    found = records.of(60, ("strategy", row.pk), 1, "replay:binance")
    assert (found.hits, found.count) == (3, 5)


@pytest.mark.parametrize(("bars", "count", "is_live"), [(1, 1, True), (4, 1, False), (12, 0, None)])
def test_a_late_vote_is_not_live_and_none_once_it_is_known(btc, minutes, bars, count, is_live):
    decided(strategy("A"), btc)
    Decision.objects.update(source="binance", is_live=True)
    assert consensus_reach(now_s=later(60 * bars)) == count
    assert [row.is_live for row in Consensus.objects.all()] == [is_live] * count


def test_every_symbol_has_its_newest_forecast_after_a_catching_up(btc, minutes, make_instrument):
    eth = make_instrument("ETH/USDT")
    model = ready_model()
    for instrument in (btc, eth):
        Forecast.objects.bulk_create(
            [forecast_of(model, instrument, NEWEST - 60 * n) for n in range(20, -1, -1)]
        )
    assert consensus_reach(now_s=later()) == 2
    assert {row.bar_open for row in Consensus.objects.all()} == {NEWEST}


def ready_model():
    return ForecastModel.objects.create(
        name="m",
        asset_class="crypto",
        timeframe=60,
        horizon=5,
        state="ready",
        trained_through=START,
        direction_trees=b"x",
        quantile_trees=b"x",
    )


def forecast_of(model, instrument, bar_open):
    return Forecast(
        model=model,
        instrument=instrument,
        timeframe=60,
        horizon=5,
        bar_open=bar_open,
        due_at=bar_open + 360,
        price=100.0,
        direction=1,
        probability=0.7,
        source="replay:binance",
    )


def test_words_of_one_second_ring_once():
    ring = Ring()
    assert [ring.may(now) for now in (10.0, 10.2, 10.9, 11.0, 11.5, 12.1)] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]
