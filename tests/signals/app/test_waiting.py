"""A pair whose partner has stopped says what it waits for instead of showing an old answer."""

import pytest

from markets.models import Gap
from signals import services
from signals.columns import ArraySeries, Coverage, Points
from signals.columns.engine import waiting_for
from signals.models import Progress, Strategy
from signals.selectors_waiting import waiting_pairs
from signals.strategies import Strategy as StrategyClass
from signals.strategies.pairs_arbitrage import PairsArbitrage
from signals.strategies.registry import CLASSES
from tests.signals.app.conftest import START, store, walk
from tests.signals.columns.samples import walk as stroll

pytestmark = pytest.mark.django_db
DAY = 86_400


@pytest.fixture
def pair(btc, make_instrument, monkeypatch):
    """ETH with BTC as its partner, both decided; then only ETH goes on."""
    for name in list(CLASSES):
        if name != "PairsArbitrage":
            monkeypatch.delitem(CLASSES, name)
    eth = make_instrument("ETH/USDT")
    rows = walk(700)
    for one in (btc, eth):
        Gap.objects.create(
            instrument=one, timeframe=60, start=START - 20 * DAY, end=START, state=Gap.State.ABSENT
        )
        store(one, rows[:600])
    services.strategies_sync()
    services.evaluate(60, rows[599][0] + 60)
    return Progress.objects.get(instrument=eth), rows


def test_a_partner_that_stopped_is_named_on_the_page(pair, client, ann):
    row, rows = pair
    strategy = Strategy.objects.get(class_name="PairsArbitrage")
    assert waiting_pairs([strategy]) == {}
    store(row.instrument, rows[600:610])
    services.evaluate(60, rows[609][0] + 60)
    row.refresh_from_db()
    assert waiting_pairs([strategy]) == {}  # two bars behind: it may still come
    store(row.instrument, rows[610:640])
    services.evaluate(60, rows[639][0] + 60)
    row.refresh_from_db()
    sentence = "waits for the next 5m bar of BTC/USDT: the newest stored is of 2023-11-15 20:35"
    assert waiting_pairs([strategy]) == {row.pk: sentence}
    client.force_login(ann)
    assert "<dt>Decides on</dt><dd>crypto</dd>" in client.get("/strategies/").content.decode()
    for path in ("/strategies/", f"/strategies/{strategy.pk}/pairs/"):
        assert sentence in client.get(path).content.decode()


def test_nobody_waits_once_the_partner_is_back(pair, btc):
    row, rows = pair
    store(row.instrument, rows[600:640])
    services.evaluate(60, rows[639][0] + 60)
    store(btc, rows[600:640])
    services.evaluate_waiting()
    row.refresh_from_db()
    assert row.decided_through == rows[635][0]
    assert waiting_pairs(Strategy.objects.all()) == {}


def test_a_feed_that_is_not_settled_is_named():
    class Book(StrategyClass):
        timeframe = "1m"

        def columns(self, x):
            return {"spread": x.book.spread, "hour": x.tf("1h", lambda h: h.close)}

    known = Points(stroll(1).open_time, stroll(1).close, settled=7200 + 120)
    key = (1, 60)
    provider = ArraySeries(
        {key: stroll(300)}, {key: Coverage(-7200, 299 * 60)}, {("book.spread", 1): known}
    )
    span = {"instrument": 1, "bar_open": 7200 + 60}
    assert waiting_for(Book(), provider, **span) == ""
    span["bar_open"] += 60
    assert waiting_for(Book(), provider, **span) == (
        "waits for book.spread, which is known up to 1970-01-01 02:02"
    )
    assert waiting_for(PairsArbitrage(), provider, **span) == ""  # it lacks history: that is said
