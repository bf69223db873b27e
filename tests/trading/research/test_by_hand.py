"""Exact figures of a few bars, worked out by hand, through the whole of the platform."""

from decimal import Decimal

import pytest

from signals.models import Strategy
from signals.strategies.written import written
from tests.signals.app.conftest import START, store
from tests.trading.research.conftest import MINUTE, made
from trading.selectors_research import document_of
from trading.services.backtests import backtest_start

pytestmark = pytest.mark.django_db

RULES = {
    "name": "Up",
    "timeframe": "1m",
    "entries": [{"when": {"it rose": "close > close.lag(1)"}, "stop": "close * 0.5"}],
    "exits": [{"when": {"it fell": "close < close.lag(1)"}}],
}
# open, high, low, close of each minute from START on; before them everything stands at 100.
BARS = (
    (100, 100, 100, 100),
    (100, 110, 100, 110),  # rose: enter at the next open
    (112, 120, 112, 120),  # bought at 112
    (121, 121, 115, 115),  # fell: leave at the next open
    (114, 114, 112, 112),  # sold at 114
    (112, 112, 112, 112),
)
FREE = {
    "half_spread_ppm": 0,
    "impact_ppm": 0,
    "volume_share_ppm": 0,
    "market_band_ppm": 0,
}


@pytest.fixture
def up(ann):
    rules = written(RULES)
    return Strategy.objects.create(
        class_name="Rules",
        version=rules.version,
        name="Up",
        timeframe=MINUTE,
        params=rules.params,
        definition={"rules": RULES},
        origin=Strategy.Origin.RULES,
        owner=ann,
    )


@pytest.fixture
def six_bars(btc):
    flat = [(START - n * MINUTE, 100.0, 100.0, 100.0, 100.0, 5.0) for n in range(60, 0, -1)]
    told = [(START + n * MINUTE, *map(float, bar), 5.0) for n, bar in enumerate(BARS)]
    store(btc, [*flat, *told])


def run_of(ann, up, **assumptions):
    return made(
        backtest_start(
            user=ann,
            strategy=up,
            symbols=["BTC/USDT"],
            from_open=START,
            through_open=START + 5 * MINUTE,
            assumptions=FREE | assumptions,
        )
    )


def test_one_trade_to_the_last_unit(ann, up, six_bars):
    run = run_of(ann, up)
    assert run.error == ""
    document = document_of(run)
    # 2 % of 10,000 buy 200 / 112 coins, cut to 8 places.
    quantity = Decimal("1.78571428")
    assert quantity == (Decimal(200) / 112).quantize(Decimal("1e-8"), rounding="ROUND_DOWN")
    bought, sold = quantity * 112, quantity * 114
    # 0.1 % each way, rounded up to the last of 8 places.
    up_to = {"exp": Decimal("1e-8"), "rounding": "ROUND_UP"}
    fees = [(bought / 1000).quantize(**up_to), (sold / 1000).quantize(**up_to)]
    profit = sold - bought - sum(fees)
    (trade,) = document["trades"]
    assert {
        name: trade[name]
        for name in (
            *("side", "decided_at", "opened_at", "quantity", "entry_price", "exit_price"),
            *("stop", "take"),
        )
    } == {
        "side": "long",
        "decided_at": START + MINUTE,
        "opened_at": START + 2 * MINUTE,
        "quantity": "1.78571428",
        "entry_price": "112",
        "exit_price": "114",
        "stop": "55",  # half of the 110 that it was decided at
        "take": "275",  # left out: three times that risk above
    }
    assert trade["closed_at"] == START + 4 * MINUTE
    assert Decimal(trade["fees"]) == sum(fees)
    assert Decimal(trade["profit"]) == profit
    assert trade["leave"] == "signal"
    assert trade["reason"] == "it rose"
    assert trade["return"] == pytest.approx(float(profit / bought), rel=1e-12)
    assert Decimal(document["equity"]["equity"][-1]) == 10_000 + profit
    assert document["metrics"]["final_equity"] == float(10_000 + profit)
    assert document["metrics"]["trades"] == 1
    assert document["metrics"]["benchmark_return"] == pytest.approx(0.12, rel=1e-12)
    assert document["metrics"]["exposure"] == pytest.approx(2 / 6)
    assert document["span"]["bars"] == 6
    assert document["ambiguous"] == {
        "count": 0,
        "share": 0.0,
        "low": trade["profit"],
        "high": trade["profit"],
    }
    assert any("Only 1 trades" in one for one in document["warnings"])


def test_fees_are_those_of_the_venue_unless_they_are_asked_for(ann, up, six_bars, venue):
    free = document_of(run_of(ann, up, taker_ppm=0, maker_ppm=0))
    (trade,) = free["trades"]
    assert trade["fees"] == "0"
    assert Decimal(trade["profit"]) == Decimal("1.78571428") * 2
    venue.code = "replay:coinbase"  # 1.2 % for a taker, as it publishes
    venue.save()
    (dear,) = document_of(run_of(ann, up))["trades"]
    asked = Decimal(dear["quantity"]) * (112 + 114) * 12 / 1000
    assert 0 <= Decimal(dear["fees"]) - asked <= Decimal("2e-8")  # both rounded up


def test_a_bar_later_and_twice_the_fees_are_what_they_say(ann, up, six_bars):
    late = document_of(run_of(ann, up, delay_bars=1))
    (trade,) = late["trades"]
    assert (trade["opened_at"], trade["closed_at"]) == (START + 3 * MINUTE, START + 5 * MINUTE)
    assert trade["exit_price"] == "112"
    plain = document_of(run_of(ann, up))
    lines = {one["name"]: one for one in plain["robustness"]["stress"]["lines"]}
    assert lines["late"]["net_profit"] == pytest.approx(float(trade["profit"]), abs=1e-9)
    doubled = document_of(run_of(ann, up, fee_milli=2_000))
    assert lines["fees"]["net_profit"] == doubled["metrics"]["net_profit"]
