"""Other code, another model, another fill: each is called by its name."""

from datetime import timedelta

import pytest
from django.utils import timezone

from markets.models import Candle
from markets.services.candles import candles_store
from signals.columns import Entry, nothing
from signals.models import Decision, ForecastModel, Signal
from signals.services import evaluation
from signals.strategies.base import Strategy
from signals.strategies.registry import CLASSES
from tests.signals.forecasting.shelved import stroll
from tests.signals.forecasting.test_forecasts import ready
from tests.trading.parity.conftest import BEGIN, HISTORY, at, bars_of, play
from trading.models import Fill, Order
from trading.services.deployments import signals_act
from trading.services.fills import paper_execute
from trading.services.parity import parity_report

pytestmark = pytest.mark.django_db


class Otherwise(Strategy):
    """What the file of `Crossing` says after somebody edited it: a longer average."""

    name = "Crossing"
    timeframe = "1m"

    def columns(self, x):
        return {
            "fast": x.close.sma(6),
            "slow": x.close.sma(20),
            "long": x.tf("5m", lambda h: h.close.sma(4)),
        }

    def rules(self, x):
        above = x.close.sma(6) > x.close.sma(20)
        return (Entry(when={"fast above slow": above}, stop=x.close * 0.98, why="the cross"),)


class AsksWave(Strategy):
    name = "Asks wave"
    timeframe = "1m"

    def columns(self, x):
        return {"up": x.model("wave")}

    def decide(self, b):
        return nothing(f"{b.up:.6f}")


def report(deployment, **span):
    return parity_report(deployment=deployment, asked_by="ann", **span)


def test_a_class_that_was_edited_is_the_cause(crossing, btc, deploy, rows, monkeypatch):
    deployment = deploy(crossing)
    play(btc, rows)
    monkeypatch.setitem(CLASSES, "Crossing", Otherwise)
    found = report(deployment)
    assert found.matched_received == 0
    assert found.causes["code_version"] == found.decisions == 301
    told = found.differences.first()
    assert told.cause == "code_version"
    assert crossing.version in told.detail


def test_a_class_that_is_gone_allows_no_claim(crossing, btc, deploy, rows, monkeypatch):
    deployment = deploy(crossing)
    play(btc, rows)
    monkeypatch.delitem(CLASSES, "Crossing")
    found = report(deployment)
    assert found.match is None
    assert found.causes["apart"] == {"gone": 301}
    assert "there is no class Crossing" in found.causes["notes"][0]


def test_an_edited_class_that_decides_the_same_differs_in_nothing(
    crossing, btc, deploy, rows, monkeypatch
):
    deployment = deploy(crossing)
    play(btc, rows)
    same = type("Same", (CLASSES["Crossing"],), {"__doc__": "Another text."})
    monkeypatch.setitem(CLASSES, "Crossing", same)
    assert report(deployment).match == 1.0


@pytest.fixture
def asking(only, btc, deploy):
    # The version is hashed from the class, the model is not part of it.
    (row,) = only(AsksWave)
    bars = bars_of(btc, stroll(1500, start=BEGIN))
    candles_store(bars[:1400])
    ready(through=at(1200), finished_at=timezone.now() - timedelta(hours=1))
    deployment = deploy(row)
    evaluation.evaluate_waiting()
    candles_store(bars[1400:])
    evaluation.evaluate_waiting()
    assert Decision.objects.filter(verdict="none").count() == 101
    return deployment


def replace_model(**told):
    ForecastModel.objects.filter(version=1).update(state="retired")
    return ready(version=2, seed=9, finished_at=timezone.now() + timedelta(seconds=1), **told)


def test_a_model_that_speaks_again_says_the_same(asking):
    assert report(asking).match == 1.0


def test_a_model_that_was_replaced_is_the_cause(asking):
    replace_model(through=at(1200))
    found = report(asking)
    assert found.decisions == 101
    assert found.matched_received < 101
    assert set(found.differences.values_list("cause", flat=True)) == {"model"}


def test_bars_that_the_new_model_was_trained_on_prove_nothing(asking):
    replace_model(through=at(1450))
    found = report(asking)
    # The close of the last bar that it saw is at(1450): those after are compared.
    assert found.causes["apart"] == {"model_seen": 51}
    assert found.decisions == 50


@pytest.fixture
def acted(crossing, btc, deploy, rows, market):
    """A deployment that bought at the quote that stood when the bar after the signal opened."""
    btc.tick, btc.min_notional = 10**6, 0
    btc.save()
    market.source = "replay:binance"
    deployment = deploy(crossing)
    play(btc, rows[: HISTORY + 200])
    signal = Signal.objects.filter(side="BUY").order_by("-bar_close").first()
    Signal.objects.filter(pk=signal.pk).update(created_at=timezone.now(), is_live=False)
    price = Candle.objects.get(instrument_id=btc.pk, open_time=signal.bar_close - 60).close
    if not Candle.objects.filter(instrument_id=btc.pk, open_time=signal.bar_close).exists():
        candles_store(bars_of(btc, rows[HISTORY + 200 :]))

    def buy(away):
        market.quote(btc, round(price * (1 + away), 2) - 0.01, round(price * (1 + away), 2))
        signals_act(signal.pk)
        paper_execute(Order.objects.get().pk)
        assert Fill.objects.count() == 1, Order.objects.values("status", "reason_code")
        return report(deployment)

    return buy


def test_a_fill_where_the_backtest_fills_is_within_tolerance(acted):
    found = acted(0.0001)
    assert (found.fills, found.fills_matched) == (1, 1)
    assert found.match == 1.0
    assert not found.differences.filter(cause="fill").exists()


def test_a_worse_fill_is_told_with_its_figure(acted):
    found = acted(0.0031)
    assert (found.fills, found.fills_matched) == (1, 0)
    told = found.differences.get(cause="fill")
    # By hand: 31 bp above the close, where the next bar opens; the backtest pays 1 bp.
    assert told.was["price"] / told.published["price"] - 1 == pytest.approx(0.0030, abs=2e-6)
    assert told.detail.startswith("Filled 30.0 bp worse than the backtest assumes")
    assert found.causes["fill"] == 1
    assert found.match == 1.0, "a fill is no decision"
