"""What has become due is scored once, from what is stored, and cannot be changed."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from markets.models import Candle, Gap
from mystic.lib.append_only import AppendOnlyError
from signals.models import Forecast, ForecastModel, ForecastScore, Strategy
from signals.services import scoring
from signals.services.scoring import forecasts_score
from tests.signals.app.conftest import START, store

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(db):
    return ForecastModel.objects.create(
        name="btc-1m", asset_class="crypto", timeframe=60, horizon=5, features={"a": "close"}
    )


@pytest.fixture
def minutes(btc):
    """Sixty bars that close at 101, 102, ... 160."""
    rows = [(START + 60 * n, 100 + n, 102 + n, 99 + n, 101 + n, 1.0) for n in range(60)]
    store(btc, rows)
    return rows


@pytest.fixture
def forecast(btc, model):
    def make(n=0, **fields):
        bar_open = START + 60 * n
        horizon = fields.pop("horizon", 5)
        values = {
            "model": model,
            "instrument": btc,
            "timeframe": 60,
            "horizon": horizon,
            "bar_open": bar_open,
            "due_at": bar_open + 60 + 60 * horizon,
            "price": 101.0 + n,
            "direction": 1,
            "probability": 0.7,
            "base_rate": 0.6,
            "quantiles": {"0.05": -0.02, "0.5": 0.01, "0.95": 0.03},
            "source": "replay:binance",
        }
        return Forecast.objects.create(**{**values, **fields})

    return make


def at(n):
    return datetime.fromtimestamp(START + 60 * n, tz=UTC)


def test_nothing_is_scored_before_it_is_due(minutes, forecast):
    forecast()
    assert forecasts_score(now=at(5)) == 0
    assert forecasts_score(now=at(6)) == 1
    assert forecasts_score(now=at(7)) == 0


def test_the_figures(minutes, forecast):
    one = forecast()
    forecasts_score(now=at(60))
    score = ForecastScore.objects.get(forecast=one)
    assert (score.outcome_price, score.is_up, score.is_hit) == (106.0, True, True)
    change = 106 / 101 - 1
    assert score.outcome_return == pytest.approx(change)
    assert score.brier == pytest.approx(0.09)
    assert score.naive_brier == pytest.approx(0.16)
    ours = (0.05 * (change + 0.02) + 0.5 * (change - 0.01) + 0.95 * (change - 0.03)) / 3
    assert score.pinball == pytest.approx(ours)
    assert score.naive_pinball == pytest.approx((0.05 + 0.5 + 0.95) * change / 3)
    assert score.source == "replay:binance"


def test_a_direction_alone_has_hits_and_no_loss(minutes, forecast, btc):
    row = Strategy.objects.create(class_name="A", version="1", name="A", timeframe=60)
    one = forecast(
        model=None, strategy=row, direction=-1, probability=None, base_rate=None, quantiles={}
    )
    forecasts_score(now=at(60))
    score = one.score
    assert (score.is_up, score.is_hit, score.brier, score.pinball) == (True, False, None, None)


def test_a_minute_without_trades_keeps_the_price_before_it(minutes, forecast, btc):
    Candle.objects.filter(open_time__in=[START + 60 * 4, START + 60 * 5]).delete()
    Gap.objects.create(
        instrument=btc, timeframe=60, start=START + 240, end=START + 360, state=Gap.State.ABSENT
    )
    one = forecast()
    assert forecasts_score(now=at(60)) == 1
    assert one.score.outcome_price == 104.0


def test_a_hole_is_waited_for(minutes, forecast, btc):
    Gap.objects.create(
        instrument=btc, timeframe=60, start=START + 240, end=START + 600, state=Gap.State.OPEN
    )
    forecast()
    later = forecast(n=12)
    assert forecasts_score(now=at(60)) == 1
    assert later.score.outcome_price == 118.0
    Gap.objects.update(state=Gap.State.FILLED)
    assert forecasts_score(now=at(60)) == 1


def test_bars_that_are_not_stored_yet_are_waited_for(minutes, forecast):
    forecast(n=58)
    assert forecasts_score(now=at(500)) == 0


def test_a_market_that_closes_is_asked_by_its_bars(minutes, forecast, btc):
    btc.asset_class = "stock"
    btc.save(update_fields=["asset_class"])
    Candle.objects.filter(open_time__in=[START + 60 * 4, START + 60 * 5]).delete()
    Gap.objects.create(
        instrument=btc, timeframe=60, start=START + 240, end=START + 360, state=Gap.State.ABSENT
    )
    one = forecast()
    assert forecasts_score(now=at(60)) == 1
    assert one.score.outcome_price == 108.0  # the fifth bar that came


def test_many_are_scored_in_one_go(minutes, forecast, django_assert_max_num_queries):
    for n in range(50):
        forecast(n=n)
    with django_assert_max_num_queries(12):
        assert forecasts_score(now=at(60)) == 50


def test_neither_a_forecast_nor_its_score_can_be_changed(minutes, forecast):
    one = forecast()
    forecasts_score(now=at(60))
    one.price = 1.0
    with pytest.raises(AppendOnlyError):
        one.save()
    with pytest.raises(AppendOnlyError):
        Forecast.objects.update(price=1.0)
    with pytest.raises(AppendOnlyError):
        ForecastScore.objects.all().delete()
    for table, column in (("forecast", "price"), ("forecastscore", "brier")):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"UPDATE signals_{table} SET {column} = 1")  # noqa: S608
    assert Forecast.objects.get().price == 101.0


def test_what_fell_due_while_nobody_scored_is_scored_in_one_go(minutes, forecast, monkeypatch):
    monkeypatch.setattr(scoring, "MOST_BARS", 8)
    for n in range(50):
        forecast(n=n)
    forecast(n=3, horizon=40, model=other_model())
    assert forecasts_score(now=at(60)) == 51


def other_model():
    return ForecastModel.objects.create(name="far", asset_class="crypto", timeframe=60, horizon=40)


def test_the_last_minutes_before_a_long_weekend_are_scored(btc, forecast):
    btc.asset_class = "stock"
    btc.save(update_fields=["asset_class"])
    opens = 10 + 4 * 1440
    minutes = [*range(10), *range(opens, opens + 30)]
    store(btc, [(START + 60 * n, 100, 200, 90, 101 + n % 50, 1.0) for n in minutes])
    Gap.objects.create(
        instrument=btc,
        timeframe=60,
        start=START + 600,
        end=START + 60 * opens,
        state=Gap.State.ABSENT,
    )
    one = forecast(n=8, due_at=START + 60 * (opens + 4))
    assert forecasts_score(now=at(opens + 30)) == 1
    assert one.score.outcome_price == 101 + (opens + 3) % 50
