"""Several strategies in one portfolio: what each gives, what sharing changes, to the unit."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from signals.models import Strategy
from signals.services.rules import rule_create
from tests.signals.app.conftest import START, store, walk
from tests.signals.rules.conftest import UP
from tests.trading.research.conftest import BARS, MINUTE, made, row_of
from trading.models import BacktestRun
from trading.selectors_research import document_of
from trading.services.backtests import backtest_again, backtest_start
from trading.services.combinations import PartAsked, combination_start
from trading.services.research_errors import ResearchError

pytestmark = pytest.mark.django_db

FIRST, LAST = START + 2_000 * MINUTE, START + (BARS - 1) * MINUTE
WIDE = {"max_open_positions": 20, "max_daily_loss": 10**15}


@pytest.fixture
def eth(make_instrument):
    row = make_instrument("ETH/USDT")
    store(row, walk(BARS, seed=2))
    return row


@pytest.fixture
def market(stored, eth):
    return stored


def ask(user, *parts, **changes):
    told = {"from_open": FIRST, "through_open": LAST, "assumptions": {"limits": WIDE}}
    return combination_start(
        user=user,
        parts=[PartAsked(row, symbols) for row, symbols in parts],
        **(told | changes),
    )


def alone(user, strategy, symbols, **changes):
    told = {"from_open": FIRST, "through_open": LAST, "assumptions": {"limits": WIDE}}
    return document_of(
        made(backtest_start(user=user, strategy=strategy, symbols=symbols, **(told | changes)))
    )


def refused(*args, **changes):
    with pytest.raises(ResearchError) as caught:
        ask(*args, **changes)
    assert BacktestRun.objects.count() == 0
    return caught.value.place, str(caught.value)


@pytest.fixture
def mean(db):
    return row_of("MeanReversion")


@pytest.fixture
def breakout(db):
    return row_of("VolumeBreakout")


@pytest.fixture
def up(ann, stored):
    """Rules that trade often."""
    return rule_create(user=ann, data=dict(UP))


class TestTheRun:
    def test_one_portfolio_holds_every_part_and_adds_up_to_the_unit(self, ann, market, mean, up):
        run = made(ask(ann, (up, ["BTC/USDT", "ETH/USDT"]), (mean, ["BTC/USDT"])))
        assert (run.state, run.error) == ("ready", "")
        assert run.class_name == "Combination"
        assert run.symbols == ["BTC/USDT", "ETH/USDT"]
        document = document_of(run)
        told = document["combination"]
        gained = Decimal(document["days"]["equity"][-1]) - 10_000
        assert Decimal(told["together"]) == gained
        assert gained == sum(Decimal(one["profit"]) for one in document["trades"])
        parts = [one["contribution"] for one in told["parts"]]
        assert sum(Decimal(one["profit"]) for one in parts) == gained
        assert sum(one["share"] for one in parts) == pytest.approx(1.0, rel=1e-12)
        for number, one in enumerate(parts, start=1):
            rows = [row for row in document["trades"] if row["part"] == number]
            assert one["trades"] + one["open"] == len(rows)
            assert Decimal(one["profit"]) == sum(Decimal(row["profit"]) for row in rows)
            assert Decimal(one["fees"]) == sum(Decimal(row["fees"]) for row in rows)
        assert parts[0]["trades"] > 100
        assert {row["symbol"] for row in document["trades"]} == {"BTC/USDT", "ETH/USDT"}

    def test_each_part_alone_is_the_backtest_of_it(self, ann, market, mean, up):
        told = document_of(made(ask(ann, (up, ["ETH/USDT"]), (mean, ["BTC/USDT"]))))
        apart = [alone(ann, up, ["ETH/USDT"]), alone(ann, mean, ["BTC/USDT"])]
        for part, whole in zip(told["combination"]["parts"], apart, strict=True):
            assert part["alone"]["denied"] == whole["denied"]
            for name, value in part["alone"]["metrics"].items():
                assert value == whole["metrics"][name]
            profit = Decimal(whole["days"]["equity"][-1]) - 10_000
            assert Decimal(part["alone"]["profit"]) == profit
        total = sum(Decimal(one["alone"]["profit"]) for one in told["combination"]["parts"])
        assert Decimal(told["combination"]["sum_alone"]) == total
        assert (
            Decimal(told["combination"]["difference"])
            == Decimal(told["combination"]["together"]) - total
        )

    def test_correlation_and_diversification_are_those_of_the_days(self, ann, market, mean, up):
        told = document_of(made(ask(ann, (up, ["ETH/USDT"]), (mean, ["BTC/USDT"]))))
        paths = []
        for row, symbol in ((up, "ETH/USDT"), (mean, "BTC/USDT")):
            closes = [10_000.0, *map(float, alone(ann, row, [symbol])["days"]["equity"])]
            paths.append(np.diff(closes) / closes[:-1])
        found = told["combination"]
        wanted = np.corrcoef(paths)[0, 1]
        assert found["correlation"]["coefficients"][0][1] == pytest.approx(wanted, abs=1e-12)
        assert found["correlation"]["days"] == len(paths[0])
        one, other = (np.std(path, ddof=1) for path in paths)
        half = np.std((paths[0] + paths[1]) / 2, ddof=1)
        assert found["diversification"] == pytest.approx((one + other) / 2 / half, rel=1e-12)
        # Half of the cash for each, left alone: each half grows as its part did.
        grown = [np.prod(1 + path) for path in paths]
        assert found["shares"]["return"] == pytest.approx(sum(grown) / 2 - 1, abs=1e-12)

    def test_shared_limits_deny_what_each_alone_would_have_done(self, ann, market, up):
        """One position at a time for all: what one holds, the other may not open."""
        limits = {"limits": {**WIDE, "max_open_positions": 1}}
        other = row_of("MeanReversion")
        run = ask(
            ann, (up, ["BTC/USDT"]), (up, ["ETH/USDT"]), (other, ["BTC/USDT"]), assumptions=limits
        )
        document = document_of(made(run))
        found = document["combination"]
        denied_alone = sum(sum(one["alone"]["denied"].values()) for one in found["parts"])
        assert sum(document["denied"].values()) > denied_alone
        held = sorted((row["opened_at"], row["closed_at"]) for row in document["trades"])
        for (_, closed), (opened, _) in pairwise(held):
            assert closed is not None
            assert closed <= opened
        together = sum(one["contribution"]["trades"] for one in found["parts"])
        apart = sum(one["alone"]["metrics"]["trades"] for one in found["parts"])
        assert together < apart

    def test_parts_of_different_timeframes_decide_each_on_their_own_bars(self, ann, market, up):
        slow = row_of("MeanReversion", timeframe=300)
        document = document_of(made(ask(ann, (up, ["BTC/USDT"]), (slow, ["BTC/USDT"]))))
        assert document["strategy"]["timeframe"] == 300
        first, last = -(-FIRST // 300) * 300, LAST // 300 * 300
        minutes = (last + 300 - first) // 60
        assert document["span"]["bars"] == minutes + minutes // 5
        assert [one["timeframe"] for one in document["combination"]["parts"]] == [60, 300]

    def test_the_same_combination_gives_the_same_bytes(self, ann, market, mean, up):
        run = made(ask(ann, (up, ["ETH/USDT"]), (mean, ["BTC/USDT"])))
        again = made(backtest_again(run=run, user=ann))
        assert again.result.digest == run.result.digest
        assert again.result.document_hash == run.result.document_hash
        turned = made(ask(ann, (mean, ["BTC/USDT"]), (up, ["ETH/USDT"])))
        assert turned.result.digest != run.result.digest

    def test_a_part_whose_class_is_gone_fails_with_its_sentence(self, ann, market, mean, up):
        run = ask(ann, (up, ["ETH/USDT"]), (mean, ["BTC/USDT"]))
        run.definition["parts"][1]["class_name"] = "Gone"
        run.save(update_fields=["definition"])
        found = made(run)
        assert (found.state, found.error) == ("failed", "There is no class Gone any more.")
        with pytest.raises(ResearchError, match="There is no class Gone any more"):
            backtest_again(run=found, user=ann)


class TestAsking:
    def test_what_cannot_be_is_refused_with_its_place(self, ann, cid, market, mean, up):
        good = (mean, ["BTC/USDT"])
        assert refused(ann, good) == ("/parts", "1 strategies; a combination has 2 to 8.")
        assert refused(ann, *[good] * 9)[0] == "/parts"
        assert refused(cid, good, (up, ["BTC/USDT"])) == (
            "/parts/1/strategy",
            "There is no such strategy.",
        )
        assert refused(ann, good, (up, ["NONE/USDT"]))[0] == "/parts/1/symbols/0"
        assert refused(ann, good, (up, []))[0] == "/parts/1/symbols"
        assert refused(ann, good, good, assumptions={"nonsense": 1})[0] == "/assumptions/nonsense"
        assert refused(ann, good, good, from_open=LAST + 600)[0] == "/through_open"

    def test_the_row_keeps_what_the_parts_were(self, ann, market, mean, up):
        run = ask(ann, (up, ["ETH/USDT"]), (mean, ["BTC/USDT"]), name="two")
        Strategy.objects.filter(pk=mean.pk).update(params={"bars": 99}, name="Other")
        part = BacktestRun.objects.get(pk=run.pk).definition["parts"][1]
        assert (part["name"], part["params"], part["strategy"]) == (
            mean.name,
            mean.params,
            mean.pk,
        )
