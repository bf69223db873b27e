"""Written strategies as rows: versions, copies, sharing, and what they decide."""

import time

import pytest

from signals import services
from signals.columns import ColumnError
from signals.models import Decision, Signal, Strategy
from signals.selectors import signals_recent, strategies_for
from signals.selectors_rules import rules_for, rules_seen_by, successor_of
from signals.services import evaluation, rule_cost
from signals.services import rules as rule_services
from signals.services.instances import instance_of, written_of
from signals.services.rule_checks import rule_try
from signals.services.rule_cost import refuse_slow
from signals.services.rule_now import expression_now
from signals.services.rules import (
    rule_create,
    rule_delete,
    rule_edit,
    rule_prepare,
    rule_share,
    rule_switch,
    rules_renew,
)
from signals.strategies import written as written_module
from signals.strategies.definition_reading import DefinitionError
from tests.signals.app.conftest import store

pytestmark = pytest.mark.django_db


def faults(function, **arguments):
    with pytest.raises(DefinitionError) as caught:
        function(**arguments)
    return dict(caught.value.faults)


def test_what_is_written_is_kept_and_runs(ann, up):
    row = rule_create(user=ann, data=up)
    row = Strategy.objects.get(pk=row.pk)
    assert (row.class_name, row.origin, row.name) == ("Rules", "rules", "Up bars")
    assert row.timeframe == 60
    assert (row.params, row.is_active, row.is_shared, row.owner) == ({"bars": 3}, True, False, ann)
    assert row.about == "Buy every bar that closed up."
    instance = instance_of(row)
    assert instance.version == row.version
    assert instance.definition.exported()["entries"][0]["when"] == up["entries"][0]["when"]


def test_its_decisions_are_those_of_its_rules(ann, up, btc, bars):
    row = rule_create(user=ann, data=up)
    for n in range(1, 6):
        services.evaluate(60, bars[-6 + n][0] + 60)
    decisions = list(Decision.objects.filter(strategy=row).order_by("bar_open"))
    assert len(decisions) == 5
    for one, bar in zip(decisions, bars[-5:], strict=True):
        line = sum(b[4] for b in bars[: bars.index(bar) + 1][-3:]) / 3
        if bar[4] < bar[1]:
            assert one.verdict == "exit"
        elif bar[4] > line:
            assert (one.verdict, one.reason) == ("enter_long", "up")
        else:
            assert (one.verdict, one.reason) == ("none", "above the line: no")
        assert one.values["line"] == pytest.approx(line)
    bought = Signal.objects.filter(strategy=row, side="BUY")
    assert [one.stop for one in bought] == [pytest.approx(one.price * 0.98) for one in bought]


def test_nothing_is_kept_of_what_cannot_be(ann, up):
    up["entries"][0]["stop"] = "close - atr"
    up["columns"]["line"] = "close.smaa(3)"
    found = faults(rule_create, user=ann, data=up)
    assert found["/entries/0/stop"] == "character 9: the word atr is not a value; write atr(bars)"
    assert found["/columns/line"] == "character 7: a column has no smaa. Did you mean sma?"
    assert Strategy.objects.count() == 0


def test_a_timeframe_below_the_stored_bars_is_refused(ann, up):
    found = faults(rule_create, user=ann, data={**up, "timeframe": "1s"})
    assert found == {"/timeframe": "the stored bars are 1m; choose a multiple of that"}


def test_an_edit_makes_another_version_and_keeps_the_old(ann, up):
    old = rule_create(user=ann, data=up)
    rule_share(strategy=old, is_shared=True)
    up["exits"] = []
    new = rule_edit(strategy=old, data=up)
    old.refresh_from_db()
    assert new.pk != old.pk
    assert new.version != old.version
    assert (old.is_active, new.is_active, new.is_shared) == (False, True, True)
    assert list(rules_for(user=ann)) == [new]
    assert successor_of(old) == new
    assert successor_of(new) is None


def test_an_edit_of_words_is_the_same_version(ann, up):
    old = rule_create(user=ann, data=up)
    same = rule_edit(strategy=old, data={**up, "name": "Renamed", "about": ""})
    assert same.pk == old.pk
    old.refresh_from_db()
    assert (old.name, old.about, old.is_active) == ("Renamed", "", True)
    assert instance_of(old).name == "Renamed"


def test_an_edit_back_brings_the_first_version_back(ann, up):
    first = rule_create(user=ann, data=up)
    second = rule_edit(strategy=first, data={**up, "exits": []})
    third = rule_edit(strategy=second, data=up)
    assert third.pk == first.pk
    assert Strategy.objects.count() == 2
    second.refresh_from_db()
    assert not second.is_active
    assert successor_of(second) == first
    assert list(rules_for(user=ann)) == [first]
    found = faults(rule_edit, strategy=second, data=up)
    assert found[""].startswith("another version took its place")


def test_an_edit_of_what_is_off_stays_off(ann, up):
    row = rule_create(user=ann, data=up)
    rule_switch(strategy=row, is_active=False)
    new = rule_edit(strategy=row, data={**up, "exits": []})
    assert not new.is_active
    assert list(strategies_for(user=ann).filter(owner=ann)) == []
    rule_switch(strategy=new, is_active=True)
    assert list(strategies_for(user=ann).filter(owner=ann)) == [new]


def test_the_same_rules_or_name_twice_are_refused(ann, ben, up):
    rule_create(user=ann, data=up)
    assert "/name" in faults(rule_create, user=ann, data={**up, "exits": []})
    found = faults(rule_create, user=ann, data={**up, "name": "Other"})
    assert found == {"": "you have these rules already: Up bars"}
    rule_create(user=ben, data=up)
    other = rule_create(user=ann, data={**up, "name": "Other", "exits": []})
    found = faults(rule_edit, strategy=other, data={**up, "name": "Other"})
    assert found == {"": "you have these rules already: Up bars"}
    assert Strategy.objects.filter(owner=ann).count() == 2


def test_a_user_runs_only_so_many(ann, up, monkeypatch):
    monkeypatch.setattr(rule_services, "MOST_RUNNING", 2)
    for n in (4, 5):
        up["params"]["bars"]["default"] = n
        rule_create(user=ann, data={**up, "name": f"n{n}"})
    up["params"]["bars"]["default"] = 6
    found = faults(rule_create, user=ann, data={**up, "name": "n6"})
    assert found == {"": "2 strategies of yours run already; switch one off"}
    row = rules_for(user=ann)[0]
    rule_switch(strategy=row, is_active=False)
    rule_create(user=ann, data={**up, "name": "n6"})
    assert "switch one off" in faults(rule_switch, strategy=row, is_active=True)[""]


def test_versions_that_never_decided_make_room(ann, up, monkeypatch):
    monkeypatch.setattr(rule_services, "MOST_KEPT", 3)
    row = rule_create(user=ann, data=up)
    for n in range(4, 9):
        up["params"]["bars"]["default"] = n
        row = rule_edit(strategy=row, data=up)
    assert Strategy.objects.count() <= 3
    assert rules_for(user=ann).get().params == {"bars": 8}


def test_a_private_strategy_is_absent_for_others(ann, ben, cid, up, btc, bars):
    row = rule_create(user=ann, data=up)
    for n in range(1, 9):
        services.evaluate(60, bars[-9 + n][0] + 60)
    mine = Signal.objects.filter(strategy=row).count()
    assert mine > 0
    for user, is_seen in ((ann, True), (ben, False), (cid, False)):
        assert strategies_for(user=user).contains(row) is is_seen
        assert rules_seen_by(user=user).contains(row) is is_seen
        assert signals_recent(user=user).count() == (mine if is_seen else 0)
    assert signals_recent(user=None).count() == 0
    rule_share(strategy=row, is_shared=True)
    assert strategies_for(user=ben).contains(row)
    assert signals_recent(user=ben).count() == mine
    assert signals_recent(user=None).count() == 0
    rule_share(strategy=row, is_shared=False)
    assert not strategies_for(user=ben).contains(row)


def test_a_copy_is_the_others_own(ann, ben, up):
    row = rule_create(user=ann, data=up)
    rule_share(strategy=row, is_shared=True)
    copied = written_of(row).definition.exported()
    mine = rule_create(user=ben, data=copied)
    assert (mine.owner, mine.name, mine.version) == (ben, "Up bars", row.version)
    assert not mine.is_shared
    found = faults(rule_create, user=ann, data={**copied, "name": "Copy of Up bars"})
    assert found == {"": "you have these rules already: Up bars"}


def test_only_what_never_decided_is_deleted(ann, up, btc, bars):
    row = rule_create(user=ann, data=up)
    new = rule_edit(strategy=row, data={**up, "exits": []})
    services.evaluate(60, bars[-1][0] + 60)
    assert Decision.objects.filter(strategy=new).count() == 1
    assert rule_delete(strategy=new) is False
    assert list(Strategy.objects.all()) == [new]
    new.refresh_from_db()
    assert not new.is_active
    other = rule_create(user=ann, data={**up, "name": "Other"})
    assert rule_delete(strategy=other) is True
    assert list(Strategy.objects.all()) == [new]


def test_a_class_is_not_touched_by_these_services(ann, up):
    services.strategies_sync()
    row = Strategy.objects.filter(owner=None).first()
    for function in (rule_delete, lambda strategy: rule_edit(strategy=strategy, data=up)):
        with pytest.raises(ValueError, match="is nobody's own"):
            function(strategy=row)


def test_a_trial_says_what_it_would_do(up, btc, bars):
    trial = rule_try(rule_prepare(up))
    assert trial.symbol == "BTC/USDT"
    assert trial.decisions == 500
    newest = bars[-500:]
    assert trial.exits == sum(one[4] < one[1] for one in newest)
    assert 0 < trial.entries < 500
    assert trial.cuts >= 1
    assert trial.proof == "its conclusions did not change when later bars became known"
    assert [(one.series, one.bars) for one in trial.needs] == [("1m", 6)]
    assert trial.newest.bar_open == bars[-1][0]
    assert trial.took_s < 5


def test_a_trial_of_other_symbols_and_feeds_is_proven_too(up, btc, bars, make_instrument):
    rows = [(one[0], *(price / 20 for price in one[1:5]), 2.0) for one in bars]
    store(make_instrument("ETH/USDT"), rows)
    up["entries"][0]["when"] |= {
        "ether leads": 'symbol("ETH/USDT", close > close.lag(1))',
        "ten minutes": 'tf("5m", close > open)',
        "fear": 'feed("fear_greed").known() | (close > 0)',
    }
    trial = rule_try(rule_prepare(up), symbol="BTC/USDT")
    assert trial.cuts >= 1, trial.proof
    assert {one.series for one in trial.needs} == {"1m", "5m", "ETH/USDT 1m"}


def test_a_trial_without_bars_says_so(up, btc):
    trial = rule_try(rule_prepare(up))
    assert (trial.cuts, trial.decisions) == (0, 0)
    assert trial.proof == "not tested yet: no bars of a watched symbol are stored"


def now(text, **names):
    return expression_now(text, timeframe="1m", names=names, params={"bars": 3})


def test_a_condition_is_read_on_the_newest_bar(btc, bars):
    _, open_, high, low, close, _ = bars[-1]
    found = now("close > open and not (line < low)", line="close.sma(bars)")
    line = sum(one[4] for one in bars[-3:]) / 3
    assert found.value is (close > open_ and not line < low)
    assert (found.symbol, found.bar_open, found.is_condition) == ("BTC/USDT", bars[-1][0], True)
    sides = [(left.text, left.value, sign, right.text) for left, sign, right in found.comparisons]
    assert sides == [
        ("close", close, ">", "open"),
        ("line", pytest.approx(line), "<", "low"),
    ]
    assert now("high - low").value == pytest.approx(high - low)
    assert not now("high - low").is_condition
    assert (found.source, found.is_live) == ("replay:binance", False)


def test_a_reading_that_cannot_be_says_why(btc, bars):
    assert now("close.rsi(900) > 3").value is None
    assert "not enough history yet" in now("close.rsi(900) > 3").why_unknown
    with pytest.raises(ColumnError, match="the column line: character 1"):
        now("close > line", line="soon")


def test_what_takes_too_long_is_refused_in_time(up, monkeypatch):
    monkeypatch.setattr(rule_cost, "MOST_S", 0.1)
    up["columns"] |= {f"c{n}": f"close.skew({1500 + n})" for n in range(30)}
    began = time.thread_time()
    found = faults(rule_prepare, data=up)
    assert found[""].startswith("it takes longer than 0.1 s to calculate; use shorter windows")
    assert time.thread_time() - began < 3
    with pytest.raises(ColumnError, match="it takes longer than"):
        expression_now("c0 > 1", timeframe="1m", names=dict(up["columns"]), params={"bars": 3})


def test_what_is_usual_takes_milliseconds(up):
    assert refuse_slow(rule_prepare(up)) < 0.1


def test_an_update_that_changes_words_makes_new_versions(ann, up, monkeypatch):
    row = rule_create(user=ann, data=up)
    assert rules_renew() == []
    monkeypatch.setattr(written_module, "LANGUAGE", 10**6)
    (new,) = rules_renew()
    row.refresh_from_db()
    assert new.version != row.version
    assert (row.is_active, new.is_active, new.params) == (False, True, {"bars": 3})
    assert successor_of(row) == new
    assert rules_renew() == []


def test_too_much_text_is_refused(up):
    up["columns"] |= {f"c{n}": "close" + " " * 950 + "+ 1" for n in range(38)}
    assert "more than 32,000 characters" in faults(rule_prepare, data=up)[""]


def test_what_was_edited_is_not_calculated_on(ann, up, btc, bars):
    row = rule_create(user=ann, data=up)
    services.evaluate(60, bars[-3][0] + 60)
    for n in (4, 5, 6):
        up["params"]["bars"]["default"] = n
        row = rule_edit(strategy=row, data=up)
        services.evaluate(60, bars[n - 6][0] + 60)
    assert 1 <= evaluation._cache.count <= 2
