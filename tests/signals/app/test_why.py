"""The page and the API that say why, and why not."""

import pytest
from django.test import Client

from markets.models import Candle
from signals import services
from signals.models import Decision, Strategy
from signals.services.evaluation import evaluate
from signals.strategies import Entry, Exit
from signals.strategies.base import Strategy as StrategyClass
from signals.strategies.registry import CLASSES
from tests.signals.app.conftest import START, store

pytestmark = pytest.mark.django_db
BARS = 700


class Rising(StrategyClass):
    """Buy what rises."""

    timeframe = "1m"

    def rules(self, x):
        return (
            Entry(
                when={
                    "it rises": x.close > x.close.lag(1),
                    "volume came": x.volume > x.volume.sma(5),
                },
                stop=x.close * 0.98,
                why="a rise",
            ),
            Exit(when={"it fell hard": x.close < x.close.lag(1) * 0.5}, why="a fall"),
        )


@pytest.fixture
def rising(monkeypatch):
    for name in list(CLASSES):
        monkeypatch.delitem(CLASSES, name)
    monkeypatch.setitem(CLASSES, "Rising", Rising)
    (row,) = services.strategies_sync()
    return row


@pytest.fixture
def decided(rising, btc):
    """Bars that rise by one with each minute; the last one with twice the volume."""
    rows = [(START + 60 * n, 1000 + n, 1001.5 + n, 999.5 + n, 1001 + n, 1.0) for n in range(BARS)]
    store(btc, [*rows[:-1], (*rows[-1][:5], 2.0)])
    evaluate(60, START + 60 * BARS)
    return Decision.objects.get()


def page(user, strategy, slug="BTCUSDT", **query):
    client = Client()
    client.force_login(user)
    return client.get(f"/strategies/{strategy.pk}/why/{slug}/", query)


def test_the_newest_bar_is_taken_apart(ann, rising, decided):
    assert decided.verdict == "enter_long"
    answer = page(ann, rising)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "enter_long: a rise" in text
    assert "close &gt; close.lag(1)" in text
    assert "volume &gt; volume.sma(5)" in text
    assert "1,700" in text  # the close, and it stands as a part of the condition
    assert f"/trading/fragment/verdicts/{decided.signal.pk}/" in text
    assert "Later bar" not in text


def test_an_earlier_bar_names_the_condition_that_failed_first(ann, rising, decided):
    answer = page(ann, rising, bar=decided.bar_open - 60)
    text = answer.content.decode()
    assert "none: volume came: no" in text
    assert text.count("the first that fails") == 2  # of the entry, and of the exit
    assert "never: this bar was history" in text
    assert "risk had nothing to judge" in text
    assert "Later bar" in text


def test_a_corrected_bar_is_said(ann, rising, decided):
    Candle.objects.filter(open_time=decided.bar_open).update(volume=1.0)
    text = page(ann, rising).content.decode()
    assert "was corrected" in text
    assert "Below is what the bars say today" in text


def test_a_bar_that_is_not_stored_says_so(ann, rising, decided):
    text = page(ann, rising, bar=decided.bar_open + 6000).content.decode()
    assert "No such bar is stored" in text


def test_who_may_not_see_it_sees_nothing(ann, ben, rising, decided):
    Strategy.objects.filter(pk=rising.pk).update(owner=ann)
    assert page(ann, rising).status_code == 200
    assert page(ben, rising).status_code == 404
    Strategy.objects.filter(pk=rising.pk).update(is_shared=True)
    assert page(ben, rising).status_code == 200
    assert page(ann, rising, slug="NOPE").status_code == 404
    assert Client().get(f"/strategies/{rising.pk}/why/BTCUSDT/").status_code == 302


def test_a_class_that_is_gone_leaves_what_was_stored(ann, rising, decided, monkeypatch):
    monkeypatch.delitem(CLASSES, "Rising")
    text = page(ann, rising).content.decode()
    assert "There is no class Rising" in text
    assert "from replay:binance" in text


def test_risk_has_its_word_for_my_orders_only(ann, decided):
    client = Client()
    client.force_login(ann)
    text = client.get(f"/trading/fragment/verdicts/{decided.signal.pk}/").content.decode()
    assert "Nothing was asked of risk on your accounts" in text


def test_the_api_tells_the_same(ann, rising, decided):
    client = Client()
    client.force_login(ann)
    answer = client.get(
        f"/api/v1/strategies/{rising.pk}/why", {"symbol": "BTC/USDT", "bar_open": decided.bar_open}
    )
    assert answer.status_code == 200, answer.content
    data = answer.json()["data"]
    assert data["verdict"] == "enter_long"
    assert data["decided"]["reason"] == "a rise"
    entry = data["rules"][1]
    assert entry["kind"] == "entry"
    assert entry["holds"] is True
    assert [one["name"] for one in entry["conditions"]] == ["it rises", "volume came"]
    assert entry["conditions"][1]["term"] == {
        "text": "volume > volume.sma(5)",
        "value": True,
        "bar_open": None,
        "terms": [
            {"text": "volume", "value": 2.0, "bar_open": None, "terms": []},
            {"text": "volume.sma(5)", "value": 1.2, "bar_open": None, "terms": []},
        ],
    }
    assert client.get(f"/api/v1/strategies/{rising.pk}/why").status_code == 400
    assert client.get("/api/v1/strategies/999/why", {"symbol": "BTC/USDT"}).status_code == 404
