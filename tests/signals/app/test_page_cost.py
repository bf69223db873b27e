"""Pages of strategies, forecasts and votes: their queries do not grow with what they show."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from signals.models import Consensus, Decision, Forecast, ForecastModel, Progress, Strategy
from signals.services.strategies import strategies_sync
from tests.signals.app.conftest import START, store, walk

pytestmark = pytest.mark.django_db
BARS = 40
NEWEST = START + 60 * (BARS - 1)


@pytest.fixture
def fill(make_instrument):
    """Let every built-in strategy be behind on so many symbols, each with a vote and a forecast."""

    def make(begin, end):
        rows = strategies_sync()
        model, _ = ForecastModel.objects.get_or_create(
            name="m",
            asset_class="crypto",
            timeframe=60,
            horizon=5,
            state="ready",
            trained_through=START,
            direction_trees=b"x",
        )
        for n in range(begin, end):
            one = make_instrument(f"C{n}/USDT")
            store(one, walk(BARS))
            Consensus.objects.create(
                instrument=one,
                timeframe=60,
                bar_open=NEWEST,
                signal_type="BUY",
                confidence=0.6,
                reasoning="a cross",
                price=1.0,
                source="replay:binance",
            )
            Forecast.objects.create(
                model=model,
                instrument=one,
                timeframe=60,
                horizon=5,
                bar_open=NEWEST,
                due_at=NEWEST + 360,
                price=1.0,
                direction=1,
                probability=0.6,
                base_rate=0.5,
                quantiles={"0.05": -0.1, "0.5": 0.0, "0.95": 0.1},
                source="replay:binance",
            )
            decisions = Decision.objects.bulk_create(
                Decision(
                    strategy=row,
                    instrument=one,
                    bar_open=NEWEST - 3000,
                    verdict="none",
                    source="replay:binance",
                )
                for row in rows
            )
            Progress.objects.bulk_create(
                Progress(
                    strategy=decision.strategy,
                    instrument=one,
                    decided_through=decision.bar_open,
                    last_decision=decision,
                )
                for decision in decisions
            )

    return make


def test_the_queries_of_a_page_do_not_grow_with_the_symbols(fill, ann):
    client = Client()
    client.force_login(ann)

    def cost():
        pk = Strategy.objects.filter(is_active=True).values_list("pk", flat=True)[0]
        paths = (
            "/strategies/",
            f"/strategies/{pk}/pairs/",
            "/forecasts/",
            "/forecasts/c0-usdt/",
            "/forecasts/c0-usdt/voters/",
        )
        found = {}
        for path in paths:
            client.get(path)
            with CaptureQueriesContext(connection) as asked:
                assert client.get(path).status_code == 200
            found[path] = len(asked)
        return found

    fill(0, 2)
    few = cost()
    fill(2, 20)
    assert cost() == few
    assert max(few.values()) <= 25
