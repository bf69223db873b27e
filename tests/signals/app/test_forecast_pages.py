"""Pages and API of the forecasts: exact figures, honest verdicts, nothing where nothing is."""

import pytest
from django.test import Client
from django.utils import timezone

from signals.models import Consensus, Forecast, ForecastModel, ForecastScore, Strategy
from signals.selectors_accuracy import accuracy, calibration, overall, scores_for, trend
from tests.signals.app.conftest import START, store, walk

pytestmark = pytest.mark.django_db
HORIZON = 5


@pytest.fixture
def model(db):
    return ForecastModel.objects.create(
        name="btc-1m",
        asset_class="crypto",
        symbols=["BTC/USDT"],
        timeframe=60,
        horizon=HORIZON,
        state="ready",
        trained_through=START,
        direction_trees=b"trees",
        rows=5000,
        metrics={"verdict": "direction: no skill shown (+0.10% of the naive loss)"},
    )


@pytest.fixture
def told(btc, model):
    def make(
        n,
        *,
        outcome=None,
        probability=0.7,
        bar_open=None,
        instrument=None,
        source="replay:binance",
        by=None,
    ):
        begin = START + 60 * n if bar_open is None else bar_open
        one = Forecast.objects.create(
            model=None if by else model,
            strategy=by,
            instrument=instrument or btc,
            timeframe=60,
            horizon=HORIZON,
            bar_open=begin,
            due_at=begin + 60 * (HORIZON + 1),
            price=60_000.0,
            direction=1 if probability > 0.5 else -1,
            probability=probability,
            base_rate=0.5,
            quantiles={"0.05": -0.02, "0.25": -0.01, "0.5": 0.001, "0.75": 0.01, "0.95": 0.02},
            contributions={"rsi": [61.5, 0.12]},
            source=source,
        )
        if outcome is not None:
            is_up = outcome > 0
            ForecastScore.objects.create(
                forecast=one,
                outcome_price=60_000.0 * (1 + outcome),
                outcome_return=outcome,
                is_up=is_up,
                is_hit=is_up == (one.direction > 0),
                brier=None if by else (probability - is_up) ** 2,
                naive_brier=None if by else 0.25,
                pinball=0.002,
                naive_pinball=0.003,
                source="replay:binance",
            )
        return one

    return make


@pytest.fixture
def as_ann(ann):
    client = Client()
    client.force_login(ann)
    return client


class TestAccuracy:
    def test_overlapping_forecasts_stand_for_one(self, told):
        first = START // (60 * HORIZON) * (60 * HORIZON)
        for n in range(HORIZON):
            told(n, bar_open=first + 60 * n, outcome=0.01 if n < 3 else -0.01)
        (found,) = accuracy(scores_for())
        assert (found.voter, found.symbol, found.count, found.own) == (
            "btc-1m v1",
            "BTC/USDT",
            5,
            1.0,
        )
        assert found.hit_rate.value == pytest.approx(0.6)
        # Wilson of 0.6 of one: (0.6 + 1.9207 -+ 1.96 sqrt(0.24 + 0.9604)) / 4.8415
        assert found.hit_rate.low == pytest.approx(0.0771, abs=1e-4)
        assert found.hit_rate.high == pytest.approx(0.9642, abs=1e-4)
        assert found.chance == pytest.approx(0.6)
        assert found.brier == pytest.approx((3 * 0.09 + 2 * 0.49) / 5)
        assert found.verdict == "no skill shown"

    def test_symbols_that_move_together_prove_nothing_more_than_one(self, told, make_instrument):
        by = Strategy.objects.create(class_name="A", version="1", name="A", timeframe=60)
        symbols = [make_instrument(f"C{n}/USDT") for n in range(10)]
        for n in range(10):
            is_up = n % 2 == 0
            for one in symbols:
                # Seven of ten calls are right: of a coin not rare, of a hundred coins never.
                said = is_up if n < 7 else not is_up
                told(
                    n * HORIZON,
                    outcome=0.01 if is_up else -0.01,
                    probability=0.7 if said else 0.3,
                    instrument=one,
                    by=by,
                )
        (found,) = overall(scores_for())
        assert (found.count, found.own, found.hit_rate.value) == (100, 10.0, 0.7)
        assert found.verdict == "no skill shown"

    def test_a_few_lucky_calls_are_no_skill(self, told):
        by = Strategy.objects.create(class_name="A", version="1", name="A", timeframe=60)
        for n in range(4):
            up = n % 2 == 0
            told(n * HORIZON, outcome=0.01 if up else -0.01, probability=0.7 if up else 0.3, by=by)
        (found,) = overall(scores_for())
        assert found.hit_rate.low > found.chance
        assert found.verdict == "no skill shown"

    def test_what_was_said_live_and_in_replays_is_not_mixed(self, told):
        for n in range(3):
            told(n * HORIZON, outcome=-0.01, source="binance")
        for n in range(3, 10):
            told(n * HORIZON, outcome=0.01)
        scores = scores_for()
        shares = {one.voter: one.hit_rate.value for one in overall(scores)}
        assert shares == {"btc-1m v1": 0.0, "btc-1m v1 (replay)": 1.0}
        assert sum(one.count for one in trend(scores, period="day")) == 3
        assert [one.happened.value for one in calibration(scores)] == [0.0]

    def test_skill_is_shown_where_the_whole_interval_lies_above(self, told):
        for n in range(0, 400, HORIZON):
            told(n, outcome=0.01 if n % 20 else -0.01, probability=0.9 if n % 20 else 0.1)
        (found,) = overall(scores_for())
        assert found.hit_rate.value == 1.0
        assert found.brier_gain.low > 0
        assert found.verdict == "skill shown"

    def test_the_filters(self, told, make_instrument):
        eth = make_instrument("ETH/USDT")
        told(0, outcome=0.01)
        told(0, outcome=0.01, instrument=eth)
        assert len(scores_for()) == 2
        assert {one.symbol for one in scores_for(symbol="ETH/USDT")} == {"ETH/USDT"}
        assert scores_for(model="other") == []
        assert scores_for(horizon=6) == []
        assert len(scores_for(horizon=HORIZON, asset_class="crypto")) == 2
        assert scores_for(asset_class="stock") == []
        assert scores_for(since=START + 60) == []

    def test_the_trend_is_by_when_it_was_said(self, told):
        day = START // 86_400 * 86_400
        told(0, bar_open=day, outcome=0.01)
        told(0, bar_open=day + 86_400, outcome=-0.01)
        points = trend(scores_for(), period="day")
        assert [(one.start, one.count, one.hit_rate.value) for one in points] == [
            (day, 1, 1.0),
            (day + 86_400, 1, 0.0),
        ]

    def test_the_calibration_is_what_happened_by_what_was_said(self, told):
        for n in range(10):
            told(20 * n, outcome=0.01 if n < 7 else -0.01, probability=0.72)
        told(1000, outcome=-0.01, probability=1.0)
        low, high = calibration(scores_for())
        assert (low.said, low.count) == (pytest.approx(0.72), 10)
        assert low.happened.value == pytest.approx(0.7)
        assert (high.said, high.count, high.happened.value) == (1.0, 1, 0.0)


class TestPages:
    def test_without_anything_they_say_so(self, as_ann, btc):
        text = as_ann.get("/forecasts/").content.decode()
        assert "No model is trained yet" in text
        assert "no vote yet" in text
        assert "No trained model speaks of BTC/USDT yet" in (
            as_ann.get("/forecasts/BTCUSDT/").content.decode()
        )
        assert "Nothing is scored yet" in as_ann.get("/forecasts/accuracy/").content.decode()
        assert "has been voted on yet" in (
            as_ann.get("/forecasts/BTCUSDT/voters/").content.decode()
        )

    def test_the_list_has_a_class_filter(self, as_ann, btc, told):
        told(0)
        text = as_ann.get("/forecasts/?class=crypto").content.decode()
        assert "btc-1m: 70 % up in 5 bars of 1m" in text
        assert "no skill shown" in text
        assert "Nothing of this class is watched" in (
            as_ann.get("/forecasts/?class=stock").content.decode()
        )

    def test_a_symbol_has_its_fan_quantiles_and_reasons(self, as_ann, btc, told):
        store(btc, walk(30))
        told(29)
        told(3, outcome=-0.01)
        text = as_ann.get("/forecasts/BTCUSDT/").content.decode()
        assert '<polygon points="600.0,' in text
        assert "70 % that it is higher after 5 bars of 1m" in text
        assert "58,800" in text  # 5 % below: 60,000 less 2 %
        assert "rsi" in text
        assert "-1.00 %" in text

    def test_how_they_turned_out(self, as_ann, told):
        now = int(timezone.now().timestamp()) // 60 * 60
        for n in range(20):
            told(0, bar_open=now - 6000 * (n + 1), outcome=0.01 if n % 4 else -0.01)
        text = as_ann.get("/forecasts/accuracy/?model=btc-1m&period=day").content.decode()
        assert "75.0 %" in text
        assert "Calibration" in text
        assert "<circle" in text
        assert as_ann.get("/forecasts/accuracy/?period=nonsense&horizon=x").status_code == 200

    def test_the_voters(self, as_ann, btc):
        Strategy.objects.create(class_name="A", version="1", name="A", timeframe=60)
        Consensus.objects.create(
            instrument=btc,
            timeframe=60,
            bar_open=START,
            signal_type="BUY",
            confidence=0.61,
            reasoning="A: a cross (70% right of 200 scored, chance 50%)",
            price=60_000.0,
            votes=[
                {
                    "name": "A",
                    "signal_type": "BUY",
                    "confidence": 0.8,
                    "reason": "a cross",
                    "weight": 0.5,
                    "hits": 140.0,
                    "count": 200,
                    "base_rate": 0.5,
                }
            ],
            source="replay:binance",
        )
        text = as_ann.get("/forecasts/BTCUSDT/voters/").content.decode()
        assert "140.0 of 200" in text
        assert "A: a cross (70% right of 200 scored, chance 50%)." in text

    def test_guests_sign_in_and_strange_symbols_are_absent(self, as_ann, btc):
        for path in ("/forecasts/", "/forecasts/BTCUSDT/", "/forecasts/accuracy/"):
            assert Client().get(path).status_code == 302
        assert as_ann.get("/forecasts/NOPE/").status_code == 404
        assert as_ann.get("/forecasts/NOPE/voters/").status_code == 404


class TestApi:
    def test_forecasts_with_their_outcomes(self, as_ann, told):
        told(0, outcome=0.01)
        answer = as_ann.get("/api/v1/forecasts", {"symbol": "BTC/USDT", "model": "btc-1m"}).json()
        (row,) = answer["data"]
        assert (row["model"], row["version"], row["probability"]) == ("btc-1m", 1, 0.7)
        assert row["outcome"]["is_hit"] is True
        assert row["source"] == "replay:binance"
        assert row["is_live"] is False
        assert answer["live_data"] is False

    def test_a_symbol_with_chart_data(self, as_ann, btc, told):
        store(btc, walk(30))
        told(29)
        data = as_ann.get("/api/v1/forecasts/BTCUSDT").json()["data"]
        (chart,) = data["chart"]
        assert len(chart["closes"]) == 30
        assert chart["closes"][-1][0] == START + 60 * 29
        assert chart["expected"]["0.05"] == pytest.approx(58_800)
        assert as_ann.get("/api/v1/forecasts/NOPE").status_code == 404

    def test_accuracy(self, as_ann, told):
        now = int(timezone.now().timestamp()) // 60 * 60
        told(0, bar_open=now - 6000, outcome=0.01)
        data = as_ann.get("/api/v1/forecasts/accuracy", {"period": "day"}).json()["data"]
        (row,) = data["overall"]
        assert (row["count"], row["hit_rate"]["value"], row["verdict"]) == (
            1,
            1.0,
            "no skill shown",
        )
        assert row["brier_gain"]["low"] is None
        assert len(data["trend"]) == 1
        assert as_ann.get("/api/v1/forecasts/accuracy", {"period": "eon"}).status_code == 400
        assert as_ann.get("/api/v1/forecasts/accuracy", {"days": 0}).json()["data"]["overall"] == []

    def test_the_market_in_short_and_the_voters(self, as_ann, btc, told):
        told(0)
        Consensus.objects.create(
            instrument=btc,
            timeframe=60,
            bar_open=START,
            signal_type="HOLD",
            confidence=1.0,
            reasoning="no voter asks for action",
            price=60_000.0,
            source="replay:binance",
        )
        Strategy.objects.create(class_name="A", version="1", name="A", timeframe=60)
        (row,) = as_ann.get("/api/v1/market-summary", {"asset_class": "crypto"}).json()["data"]
        assert row["symbol"] == "BTC/USDT"
        assert row["last"] is None
        assert row["consensus"][0]["signal_type"] == "HOLD"
        assert row["forecasts"][0]["model"] == "btc-1m"
        assert as_ann.get("/api/v1/market-summary", {"asset_class": "stock"}).json()["data"] == []
        assert as_ann.get("/api/v1/market-summary", {"asset_class": "x"}).status_code == 400
        (vote,) = as_ann.get("/api/v1/consensus", {"symbol": "BTC/USDT"}).json()["data"]
        assert vote["reasoning"] == "no voter asks for action"

    def test_symbols_are_found(self, as_ann, btc):
        (row,) = as_ann.get("/api/v1/symbols", {"q": "btc"}).json()["data"]
        assert (row["symbol"], row["is_watched"]) == ("BTC/USDT", True)
        assert as_ann.get("/api/v1/symbols").status_code == 400
        assert as_ann.get("/api/v1/symbols", {"q": "b", "asset_class": "x"}).status_code == 400

    @pytest.mark.parametrize(
        "path",
        ["forecasts", "forecasts/BTCUSDT", "forecasts/accuracy", "consensus", "market-summary"],
    )
    def test_guests_are_refused(self, btc, path):
        assert Client().get(f"/api/v1/{path}").status_code in (401, 403)
