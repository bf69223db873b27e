"""Every strategy beside inputs that are not there: it says so, and nobody else is disturbed."""

import pytest
from django.utils.html import escape

from markets.models import BookStat, Gap, Instrument, Venue
from signals import services
from signals.models import Decision, Progress, Strategy
from signals.strategies.registry import CLASSES
from tests.signals.app.conftest import store, walk

pytestmark = pytest.mark.django_db
DAY = 86_400


@pytest.fixture
def aapl(btc):
    venue = Venue.objects.create(code="replay:yahoo", name="Yahoo (replay)", is_replay=True)
    return Instrument.objects.create(
        venue=venue, symbol="AAPL/USD", native_id="AAPL", base="AAPL", quote="USD",
        asset_class="stock", is_watched=True,
    )  # fmt: skip


def last_words(instrument):
    rows = Progress.objects.filter(instrument=instrument).select_related("strategy")
    return {row.strategy.class_name: row.last_decision for row in rows}


@pytest.fixture
def stored(btc, aapl):
    """Some hours of bars before which the venues had none: nothing more can be waited for."""
    rows = walk(700)
    for instrument in (btc, aapl):
        store(instrument, rows)
        Gap.objects.create(
            instrument=instrument, timeframe=60, start=rows[0][0] - 60 * DAY, end=rows[0][0],
            state=Gap.State.ABSENT,
        )  # fmt: skip
    return rows


def settle(rows):
    """Evaluate the last closes one by one, and what waited after them."""
    for row in rows[-3:]:
        services.evaluate(60, row[0] + 60)
    services.evaluate_waiting()


def test_what_is_not_there_is_said_and_nothing_fails(btc, aapl, stored, client, ann):
    services.strategies_sync()
    settle(stored)
    pair, stock = last_words(btc), last_words(aapl)
    for cls in CLASSES.values():
        assert (cls.__name__ in pair) is ("crypto" in cls.asset_classes)
        assert (cls.__name__ in stock) is ("stock" in cls.asset_classes)
    assert not Decision.objects.filter(verdict="error").exists()
    assert not Progress.objects.exclude(paused_reason="").exists()
    said = {name: (one.verdict, one.reason) for name, one in pair.items()}
    assert said["MomentumRotation"] == (
        "warming_up",
        "ETH/USDT is not watched here, or no 1h bar of it is stored yet",
    )
    assert said["MacroRegime"] == ("none", "volatility is low: not known")
    assert said["FearGreedContrarian"] == ("none", "the crowd is in extreme fear: not known")
    assert said["VoidContinuation"] == ("none", "the spread is small: not known")
    assert said["NewsSentiment"] == ("none", "the news is good: not known")
    assert said["FeeAware"][0] == said["VoidFade"][0] == "none"
    assert stock["UnusualOptions"].reason == "unusual calls outweigh puts: not known"
    assert pair["SmcConfluence"].verdict != "warming_up"
    client.force_login(ann)
    page = client.get("/strategies/").content.decode()
    for _, reason in said.values():
        assert escape(reason) in page


def test_a_partner_that_is_not_watched_keeps_its_pair_waiting_and_nobody_else(btc, stored):
    services.strategies_sync()
    row = Strategy.objects.get(class_name="PairsArbitrage")
    Strategy.objects.filter(pk=row.pk).update(params=row.params | {"partner": "DOGE/USDT"})
    settle(stored)
    said = last_words(btc)
    assert (said["PairsArbitrage"].verdict, said["PairsArbitrage"].reason) == (
        "warming_up",
        "DOGE/USDT is not watched here, or no 5m bar of it is stored yet",
    )
    assert said["MeanReversion"].verdict in {"none", "exit", "enter_long"}


def test_a_macro_series_that_is_not_read_is_named(btc, stored, settings):
    settings.ENV = {**settings.ENV, "MYSTIC_MACRO": ("DGS10",)}
    services.strategies_sync()
    settle(stored)
    word = last_words(btc)["MacroRegime"]
    assert (word.verdict, word.reason) == (
        "warming_up",
        "the macro series VIXCLS is not read. Add it to MYSTIC_MACRO.",
    )


def test_a_book_strategy_decides_its_first_bar_without_a_book(btc, stored):
    """In a replay only the next close tells that a minute of the book will not come."""
    services.strategies_sync()
    services.evaluate(60, stored[-1][0] + 60)
    word = last_words(btc)["VoidFade"]
    assert word.bar_open == stored[-2][0]
    services.evaluate_waiting()
    assert Decision.objects.filter(strategy=word.strategy).count() == 1


def test_a_book_strategy_reads_the_book(btc, stored):
    services.strategies_sync()
    BookStat.objects.bulk_create(
        BookStat(
            instrument_id=btc.pk, open_time=row[0], spread=0.0001, imbalance=0.5, samples=9,
            source="replay:binance",
        )
        for row in stored
    )  # fmt: skip
    settle(stored)
    word = last_words(btc)["VoidContinuation"]
    assert word.bar_open == stored[-1][0]
    assert word.values["spread_bps"] == pytest.approx(1.0)
    assert (word.verdict, word.reason) == ("none", "a void lies close above: not known")
