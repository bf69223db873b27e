"""One evaluation for all users: each closed bar is decided once, whoever asks and how often."""

import threading
import time

import pytest
from django.db import close_old_connections, connection
from django.utils import timezone

from markets.models import Candle, CandleRevision, Gap, Instrument, SeriesStamp, Venue
from mystic.lib import bus
from signals import services
from signals.columns import engine
from signals.events import DecisionsWritten, SignalRaised
from signals.feed import Feed, extents
from signals.models import Decision, Progress, Signal, Strategy
from signals.services.evaluation import MOST_BARS
from signals.services.past import KnownPast
from signals.strategies.macro_regime import MacroRegime
from signals.strategies.mean_reversion import MeanReversion
from signals.strategies.registry import CLASSES, build
from signals.strategies.smc_confluence import SmcConfluence
from signals.strategies.trend_pullback import TrendPullback
from signals.strategies.volume_breakout import VolumeBreakout
from tests.signals.app.conftest import START, store, walk
from tests.signals.app.strategies import Broken, EveryTenth, Unbuildable

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture
def only(monkeypatch):
    """Let these classes be the only strategies there are."""

    def register(*classes):
        for name in list(CLASSES):
            monkeypatch.delitem(CLASSES, name)
        for one in classes:
            monkeypatch.setitem(CLASSES, one.__name__, one)
        return services.strategies_sync()

    return register


@pytest.fixture
def heard():
    """Collect what signals tells on the bus."""
    events = []
    bus.subscribe(SignalRaised, events.append)
    bus.subscribe(DecisionsWritten, events.append)
    yield events
    bus.unsubscribe(SignalRaised, events.append)
    bus.unsubscribe(DecisionsWritten, events.append)


def close_of(row):
    return row[0] + 60


def snapshot():
    fields = ("strategy_id", "instrument_id", "bar_open", "verdict", "reason", "values")
    return list(
        Decision.objects.order_by("strategy_id", "instrument_id", "bar_open").values_list(*fields)
    )


class TestStrategiesSync:
    def test_one_shared_row_for_each_class_however_often(self, db):
        first = {row.pk for row in services.strategies_sync()}
        assert {row.pk for row in services.strategies_sync()} == first
        assert set(Strategy.objects.values_list("class_name", flat=True)) == set(CLASSES)
        row = Strategy.objects.get(class_name="TrendPullback")
        assert (row.timeframe, row.owner, row.is_active) == (300, None, True)
        assert row.version == CLASSES["TrendPullback"]().version

    def test_another_version_switches_the_old_one_off_and_keeps_it(self, only, ann):
        (row,) = only(EveryTenth)
        private = Strategy.objects.create(
            class_name="EveryTenth", version="old", name="mine", timeframe=60, owner=ann
        )
        Strategy.objects.filter(pk=row.pk).update(version="an older hash")
        (fresh,) = services.strategies_sync()
        row.refresh_from_db()
        private.refresh_from_db()
        assert fresh.pk != row.pk
        assert (fresh.is_active, row.is_active, private.is_active) == (True, False, True)

    def test_a_stored_timeframe_longer_than_the_strategys_is_used(self, only, settings):
        settings.ENV = {**settings.ENV, "MYSTIC_TIMEFRAME": "15m"}
        (row,) = only(EveryTenth)
        assert row.timeframe == 900

    def test_a_strategy_that_does_not_fit_has_no_row_and_leaves_the_others(self, settings):
        services.strategies_sync()
        settings.ENV = {**settings.ENV, "MYSTIC_TIMEFRAME": "1d"}
        rows = services.strategies_sync()
        found = {row.class_name: row.timeframe for row in rows}
        assert found["SmcConfluence"] == 86_400
        assert "TrendPullback" not in found
        assert set(Strategy.objects.filter(is_active=True)) == set(rows)


class TestForWhatAClassIsMade:
    def test_a_strategy_for_stocks_is_not_evaluated_on_a_pair(self, btc, only, monkeypatch):
        monkeypatch.setattr(EveryTenth, "asset_classes", ("stock",))
        only(EveryTenth)
        rows = walk(25)
        store(btc, rows)
        assert services.evaluate(60, close_of(rows[24])) == 0
        assert services.evaluate_waiting() == 0
        assert (Decision.objects.count(), Progress.objects.count()) == (0, 0)
        monkeypatch.setattr(EveryTenth, "asset_classes", ("stock", "crypto"))
        assert services.evaluate(60, close_of(rows[24])) == 1


class TestDeciding:
    @committed
    def test_begins_at_the_newest_bar_and_goes_on_bar_by_bar(self, btc, only, heard):
        (strategy,) = only(EveryTenth)
        rows = walk(30)
        store(btc, rows[:20])
        assert services.evaluate(60, close_of(rows[19])) == 1
        assert Decision.objects.get().bar_open == rows[19][0]
        for row in rows[20:]:
            store(btc, [row])
            assert services.evaluate(60, close_of(row)) == 1
        assert Decision.objects.count() == 11
        # START is a tenth minute: bars 20 and 25 act, the exit of bar 26 asks for nothing new.
        signals = list(Signal.objects.order_by("bar_close").values_list("side", "bar_close"))
        assert signals == [("BUY", START + 21 * 60), ("SELL", START + 26 * 60)]
        assert [type(one).__name__ for one in heard].count("SignalRaised") == 2
        buy = Signal.objects.get(side="BUY")
        bar = rows[20]
        assert (buy.price, buy.stop, buy.confidence) == (bar[4], bar[4] * 0.98, 0.8)
        assert buy.take == pytest.approx(bar[4] * 1.06, rel=1e-12)
        assert buy.reason == buy.decision.reason == "the tenth minute"
        assert buy.decision.values == {"typical": (bar[2] + bar[3]) / 2}
        assert buy.late_reason == ""
        progress = Progress.objects.get()
        assert (progress.decisions, progress.signals) == (11, 2)
        assert progress.decided_through == rows[29][0]
        assert progress.last_decision == strategy.decisions.get(bar_open=rows[29][0])

    @committed
    def test_a_doubled_ring_and_a_lost_cache_add_nothing(self, btc, only, heard):
        only(EveryTenth)
        rows = walk(21)
        store(btc, rows)
        assert services.evaluate(60, close_of(rows[20])) == 1
        before, told = snapshot(), len(heard)
        services.evaluation._cache.forget()
        assert services.evaluate(60, close_of(rows[20])) == 0
        assert services.evaluate_waiting() == 0
        assert snapshot() == before
        assert (Signal.objects.count(), len(heard)) == (1, told)

    @committed
    def test_two_threads_decide_each_bar_once(self, btc, only):
        only(EveryTenth)
        rows = walk(60)
        store(btc, rows[:20])
        services.evaluate(60, close_of(rows[19]))
        store(btc, rows[20:])
        faults = []

        def work():
            try:
                for row in rows[20:]:
                    services.evaluate(60, close_of(row))
            except Exception as fault:  # noqa: BLE001  shown by the assertion below
                faults.append(fault)
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        opens = Decision.objects.order_by("bar_open").values_list("bar_open", flat=True)
        assert list(opens) == [row[0] for row in rows[19:]]
        assert Signal.objects.filter(side="BUY").count() == 4

    def test_a_second_worker_that_computed_the_same_writes_nothing(self, btc, only):
        only(EveryTenth)
        rows = walk(21)
        store(btc, rows)
        outcomes = []
        original = services.evaluation._write
        services.evaluation._write = lambda found: outcomes.append(found) or 0
        try:
            services.evaluate(60, close_of(rows[20]))
        finally:
            services.evaluation._write = original
        (found,) = outcomes
        assert original(found) == 1
        before = snapshot()
        assert original(found) == 0
        assert snapshot() == before
        assert Signal.objects.count() == 1

    def test_a_lost_progress_row_costs_nothing(self, btc, only):
        only(EveryTenth)
        rows = walk(25)
        store(btc, rows[:20])
        services.evaluate(60, close_of(rows[19]))
        Progress.objects.all().delete()
        store(btc, rows[20:])
        services.evaluate(60, close_of(rows[24]))
        assert Progress.objects.get().decided_through == rows[19][0]
        services.evaluate_waiting()
        opens = list(Decision.objects.order_by("bar_open").values_list("bar_open", flat=True))
        assert opens == [row[0] for row in rows[19:]]
        assert Progress.objects.get().decided_through == rows[24][0]

    def test_the_real_strategies_give_what_the_engine_gives(self, btc, only):
        only(SmcConfluence, TrendPullback, MeanReversion, VolumeBreakout, MacroRegime)
        rows = walk(1700)
        store(btc, rows[:1400])
        services.evaluate(60, close_of(rows[1399]))
        for row in rows[1400:]:
            store(btc, [row])
            services.evaluate(60, close_of(row))
        for strategy in Strategy.objects.all():
            step = strategy.timeframe
            written = list(
                strategy.decisions.order_by("bar_open").values_list(
                    "bar_open", "verdict", "reason", "values"
                )
            )
            first = close_of(rows[1399]) // step * step - step
            last = close_of(rows[-1]) // step * step - step
            expected = engine.evaluate(
                build(strategy.class_name, strategy.params, timeframe=step),
                Feed(extents([btc.pk], 60), 60),
                instrument=btc.pk,
                from_open=first,
                through_open=last,
            )
            assert [
                (d.bar_open, d.verdict.value, d.reason, dict(d.values)) for d in expected
            ] == written
            assert len(written) == (last - first) // step + 1


class TestOutage:
    def test_missed_bars_are_decided_but_nobody_may_act_on_them(self, btc, only, heard):
        only(EveryTenth)
        rows = walk(65)
        store(btc, rows[:20])
        services.evaluate(60, close_of(rows[19]))
        store(btc, rows[20:61], origin="backfill")
        assert services.evaluate(60, close_of(rows[60])) == 41
        late = Signal.objects.exclude(late_reason="")
        assert list(late.filter(side="BUY").values_list("bar_close", flat=True)) == [
            close_of(rows[n]) for n in (50, 40, 30, 20)
        ]
        assert all(one.acted_at is not None and not one.is_live for one in late)
        assert late.order_by("bar_close").first().late_reason == (
            "concluded 40 min after its bar closed: too late to act on"
        )
        # Nobody has acted on the newest one yet: that is for trading, once this is committed.
        fresh = Signal.objects.get(bar_close=close_of(rows[60]))
        assert (fresh.late_reason, fresh.acted_at) == ("", None)
        assert not Decision.objects.filter(is_live=True).exists()

    def test_exactly_two_timeframes_behind_is_not_late(self, btc, only):
        only(EveryTenth)
        rows = walk(33)
        store(btc, rows[:29])
        services.evaluate(60, close_of(rows[28]))
        store(btc, rows[29:])
        services.evaluate(60, close_of(rows[32]))
        assert Signal.objects.get(bar_close=close_of(rows[30])).late_reason == ""

    def test_a_long_outage_is_caught_up_in_parts(self, btc, only):
        only(EveryTenth)
        rows = walk(MOST_BARS + 120)
        store(btc, rows[:20])
        services.evaluate(60, close_of(rows[19]))
        store(btc, rows[20:], origin="backfill")
        assert services.evaluate(60, close_of(rows[-1])) == MOST_BARS
        assert services.evaluate_waiting() == 100
        assert services.evaluate_waiting() == 0
        assert Decision.objects.count() == MOST_BARS + 101

    def test_the_sweep_decides_what_nobody_rang_for(self, btc, only):
        only(EveryTenth)
        rows = walk(22)
        store(btc, rows[:20])
        assert services.evaluate_waiting() == 1
        store(btc, rows[20:])
        assert services.evaluate_waiting() == 2

    def test_bars_behind_an_open_gap_wait_and_absent_ones_do_not(self, btc, only):
        only(EveryTenth)
        rows = walk(40)
        store(btc, rows[:20] + rows[22:30])
        Gap.objects.create(
            instrument=btc, timeframe=60, start=rows[20][0], end=rows[22][0], state=Gap.State.ABSENT
        )
        services.evaluate(60, close_of(rows[18]))
        assert services.evaluate(60, close_of(rows[29])) == 9
        assert not Decision.objects.filter(bar_open__in=[rows[20][0], rows[21][0]]).exists()


class TestProvenance:
    @pytest.fixture
    def official(self, db, settings):
        settings.ENV = {
            **settings.ENV,
            "BINANCE_REST_URL": "https://data-api.binance.vision",
            "BINANCE_WS_URL": "wss://data-stream.binance.vision",
        }
        venue = Venue.objects.create(code="binance", name="Binance")
        return Instrument.objects.create(
            venue=venue,
            symbol="BTC/USDT",
            native_id="BTCUSDT",
            base="BTC",
            quote="USDT",
            is_watched=True,
        )

    @staticmethod
    def rows_until_now(count):
        newest = int(time.time()) // 60 * 60 - 60
        return walk(count, start=newest - (count - 1) * 60)

    @pytest.mark.parametrize(("origin", "is_live"), [("live", True), ("backfill", False)])
    def test_live_only_from_bars_of_the_stream(self, official, only, origin, is_live):
        only(EveryTenth)
        rows = self.rows_until_now(3)
        store(official, rows, source="binance", origin=origin)
        services.evaluate(60, close_of(rows[-1]))
        decision = Decision.objects.get()
        assert (decision.source, decision.is_live) == ("binance", is_live)

    def test_an_old_live_bar_concluded_now_is_late_though_it_is_the_newest(self, official, only):
        only(EveryTenth)
        block = START // 11068
        rows = walk(1, start=(int(time.time()) // block - 1) * block)
        store(official, rows, source="binance")
        services.evaluate(60, close_of(rows[-1]))
        signal = Signal.objects.get()
        assert signal.late_reason != ""
        assert (signal.is_live, signal.decision.is_live) == (False, False)
        assert signal.acted_at is not None

    def test_a_replay_is_never_live(self, btc, only):
        only(EveryTenth)
        rows = self.rows_until_now(3)
        store(btc, rows)
        services.evaluate(60, close_of(rows[-1]))
        assert Decision.objects.get().is_live is False


class TestFailure:
    @pytest.mark.parametrize(
        ("cls", "sentence"),
        [
            (Broken, "RuntimeError: the strategy's own fault"),
            (Unbuildable, "KeyError: 'no such column'"),
        ],
    )
    def test_a_failing_strategy_is_paused_after_three_bars_and_others_go_on(
        self, btc, only, cls, sentence
    ):
        only(cls, EveryTenth)
        rows = walk(27)
        store(btc, rows[:20])
        for row in rows[20:26]:
            store(btc, [row])
            services.evaluate(60, close_of(row))
        failing = Progress.objects.get(strategy__class_name=cls.__name__)
        errors = Decision.objects.filter(strategy=failing.strategy)
        assert list(errors.values_list("verdict", "reason")) == [("error", sentence)] * 3
        assert failing.paused_reason == f"paused after 3 errors: {sentence}"
        assert Decision.objects.filter(strategy__class_name="EveryTenth").count() == 6
        services.pair_resume(progress=failing)
        store(btc, rows[26:])
        services.evaluate(60, close_of(rows[26]))
        failing.refresh_from_db()
        assert failing.errors > 0

    def test_an_error_that_passes_is_forgotten(self, btc, only, monkeypatch):
        only(Broken)
        rows = walk(24)
        store(btc, rows[:20])
        services.evaluate(60, close_of(rows[19]))
        assert Progress.objects.get().errors == 1
        monkeypatch.setattr(Broken, "decide", lambda self, b: None)
        store(btc, rows[20:21])
        services.evaluate(60, close_of(rows[20]))
        assert (Progress.objects.get().errors, Progress.objects.get().paused_reason) == (0, "")


def runs_kept():
    kept = services.evaluation._cache._runs
    return [run for blocks in kept.values() for run in blocks.values()]


class TestChangedPast:
    """A calculation goes on from bar to bar; what changed behind it makes it begin anew."""

    def test_a_bar_the_venue_corrected_counts_in_what_is_decided_next(self, btc, only):
        only(EveryTenth)
        services.strategies_sync()
        rows = walk(30)
        store(btc, rows[:28])
        services.evaluate(60, close_of(rows[27]))
        kept = runs_kept()
        assert kept
        Candle.objects.filter(open_time=rows[20][0]).update(volume=7.0)
        CandleRevision.objects.create(
            instrument=btc,
            timeframe=60,
            open_time=rows[20][0],
            source="replay:binance",
            open=1,
            high=1,
            low=1,
            close=1,
            volume=1,
            replaced_at=timezone.now(),
        )
        store(btc, rows[28:29])
        services.evaluate(60, close_of(rows[28]))
        now = runs_kept()
        assert now
        assert not any(one is other for one in now for other in kept)

    def test_nothing_changed_goes_on_with_the_same_calculation(self, btc, only):
        only(EveryTenth)
        services.strategies_sync()
        rows = walk(30)
        store(btc, rows[:28])
        services.evaluate(60, close_of(rows[27]))
        kept = runs_kept()
        store(btc, rows[28:29])
        services.evaluate(60, close_of(rows[28]))
        now = runs_kept()
        assert any(one is other for one in now for other in kept)

    def test_a_stamp_that_changed_is_a_past_that_changed_once(self, btc):
        past = KnownPast()
        assert not past.has_changed(60)
        SeriesStamp.objects.create(instrument_id=btc.pk, timeframe=60, stamp=2**60 + 5)
        assert past.has_changed(60)
        assert not past.has_changed(60)
        SeriesStamp.objects.update(stamp=2**60 + 6)
        assert past.has_changed(60)


class TestCost:
    def test_the_number_of_queries_does_not_grow_with_the_instruments(
        self, make_instrument, only, django_assert_max_num_queries
    ):
        only(EveryTenth)
        instruments = [make_instrument(f"C{n}/USDT") for n in range(40)]
        rows = walk(30)
        for one in instruments:
            store(one, rows[:28])
        services.evaluate(60, close_of(rows[27]))
        for one in instruments:
            store(one, rows[28:29])
        with django_assert_max_num_queries(17):
            assert services.evaluate(60, close_of(rows[28])) == 40
        close_old_connections()

    def test_nothing_waiting_costs_next_to_nothing(self, btc, only, django_assert_max_num_queries):
        only(EveryTenth)
        store(btc, walk(20))
        services.evaluate_waiting()
        with django_assert_max_num_queries(5):
            assert services.evaluate_waiting() == 0
