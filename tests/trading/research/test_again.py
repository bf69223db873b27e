"""The same wish once more: equal to the byte, or one sentence that names what changed."""

import pytest

from markets.models import Candle
from tests.api.conftest import Program, token_of
from tests.signals.app.conftest import START
from tests.trading.research.conftest import MINUTE, made
from trading.models import BacktestRun
from trading.selectors_again import again_of, changes
from trading.selectors_research import document_of
from trading.services import research_made
from trading.services.backtests import backtest_again

pytestmark = pytest.mark.django_db


def told(run):
    found = again_of(run)
    return found.run_id, found.is_equal, found.sentence


def test_a_first_run_is_held_against_nothing(ask):
    run = ask()
    assert again_of(run) is None
    assert again_of(made(run)) is None
    other = made(ask(assumptions={"seed": 8}))
    assert again_of(other) is None
    assert document_of(other)["again"] is None


def test_equal_bytes_are_said_to_be_equal(ask, ann):
    first = made(ask())
    again = made(backtest_again(run=first, user=ann))
    assert told(again) == (first.pk, True, f"Equal byte for byte to run {first.pk}.")


def test_what_changed_is_named(ask, ann, stored, venue, monkeypatch):
    first = made(ask())
    Candle.objects.filter(
        instrument_id=stored.pk, timeframe=60, open_time=START + 3_000 * MINUTE
    ).update(volume=2.5)
    venue.code = "replay:coinbase"  # with fees of its own
    venue.save()
    monkeypatch.setattr(research_made, "engine_hash", lambda: "other")
    again = made(backtest_again(run=first, user=ann))
    sentence = (
        f"Not equal to run {first.pk}, which asked for the same. Changed: the platform's code; "
        "the bars of BTC/USDT; the venue's fees of BTC/USDT."
    )
    assert told(again) == (first.pk, False, sentence)
    assert document_of(again)["again"]["sentence"] == sentence
    third = made(backtest_again(run=again, user=ann))
    assert told(third)[:2] == (again.pk, True)


def test_where_the_bars_came_from_is_part_of_what_a_result_follows_from(ask, ann, stored):
    first = made(ask())
    bar = Candle.objects.filter(instrument_id=stored.pk, open_time=START + 3_000 * MINUTE)
    bar.update(origin=Candle.Origin.BACKFILL)
    again = made(backtest_again(run=first, user=ann))
    assert told(again)[2].endswith("Changed: where the bars came from.")
    counted = {one["origin"]: one["bars"] for one in document_of(again)["span"]["sources"]}
    assert counted == {"live": 3_999, "backfill": 1}
    assert "3,999 as they came from" in document_of(again)["sentences"][0]


def test_models_versions_feeds_and_rules_are_named():
    def content(**parts):
        made_of = {"language": 1, "engine": "e", "models": {}, "data": {}, "listings": {}}
        return {"strategy": {"version": "a"}, "span": {}, "made_of": made_of | parts}

    rules = {"ABC/USD": {"rules": "old", "fees": "f"}}
    there = content(models={"trend": 1}, data={"feed funding of X": "1"}, listings=rules)
    here = content(models={"trend": 2}, listings={"ABC/USD": {"rules": "new", "fees": "f"}})
    here["strategy"] = {"version": "b"}
    assert list(changes(there, here)) == [
        "the strategy's code or rules (version a, now b)",
        "the model trend (version 1, now 2)",
        "the feed funding of X",
        "the trading rules of ABC/USD",
    ]


def test_a_report_of_an_older_release_is_compared_by_its_hashes():
    old = {"strategy": {"version": "a"}, "span": {}, "code_hash": "1", "data_hash": "1"}
    new = {**old, "code_hash": "2", "data_hash": "2", "made_of": {}}
    assert list(changes(old, new)) == [
        "the platform's code or a trained model",
        "the bars or a feed",
    ]


def test_api_and_printed_report_say_it_and_other_people_are_not_compared(ask, ann, ben, client):
    first = made(ask())
    again = made(backtest_again(run=first, user=ann))
    sentence = f"Equal byte for byte to run {first.pk}."
    program = Program(token_of(ann))
    detail = program.get(f"/api/v1/backtests/{again.pk}").json()["data"]
    assert detail["again"] == {"run_id": first.pk, "is_equal": True, "sentence": sentence}
    path = f"/api/v1/backtests/{again.pk}/report"
    assert program.get(path).json()["data"]["again"]["sentence"] == sentence
    assert sentence in program.get(f"{path}.html").content.decode()
    BacktestRun.objects.filter(pk=first.pk).update(owner=ben)
    assert program.get(f"/api/v1/backtests/{again.pk}").json()["data"]["again"] is None
