"""Who is told of what: the rules of each user, each cause once, also after a crash."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from markets.events import SourceChanged
from notifications.models import Alert, AlertRule, Delivery, Watermark
from notifications.services import alert_rules, catching_up, listeners
from signals.events import SignalRaised
from signals.models import Decision, Signal, Strategy
from trading.events import OrderFilled, RiskHalted
from trading.models import Account, Fill, Order, RiskDecision

pytestmark = pytest.mark.django_db


@pytest.fixture
def strategy(db):
    return Strategy.objects.create(class_name="X", version="1", name="<i>Pull</i>", timeframe=60)


@pytest.fixture
def make_signal(strategy, btc):
    def make(confidence=0.8, n=0, **fields):
        decision = Decision.objects.create(
            strategy=strategy,
            instrument=btc,
            bar_open=60 * n,
            source="binance",
            verdict="enter_long",
        )
        return Signal.objects.create(
            **{
                "decision": decision,
                "strategy": strategy,
                "instrument": btc,
                "side": "BUY",
                "confidence": confidence,
                "price": 61000.5,
                "stop": 60000.0,
                "take": 64000.0,
                "reason": "the block held",
                "bar_close": 1_700_000_060,
                "source": "binance",
                "is_live": True,
                **fields,
            }
        )

    return make


@pytest.fixture
def make_fill(btc):
    def make(owner, **fields):
        account = Account.objects.create(owner=owner, name="Paper", currency="USDT")
        risk = RiskDecision.objects.create(
            account=account, verdict="approved", reason_code="ok", expires_at=timezone.now()
        )
        order = Order.objects.create(
            account=account,
            instrument=btc,
            risk_decision=risk,
            risk_verdict="approved",
            client_order_id=Order.new_client_order_id(),
            mode="paper",
            side="buy",
            type="market",
            quantity=1_000_000,
            filled=1_000_000,
            status="filled",
        )
        return Fill.objects.create(
            **{
                "order": order,
                "trade_id": "1",
                "quantity": 1_000_000,
                "price": 6_100_050_000_000,
                "notional": 61_000_500_000,
                "fee": 61_000_500,
                "fee_asset": "USDT",
                "source": "binance",
                "origin": "live",
                "quote_received_at_ms": 1,
                "quote_age_ms": 5,
                "max_age_ms": 3000,
                **fields,
            }
        )

    return make


def test_defaults_are_given_once(with_defaults):
    ann = with_defaults[0]
    assert listeners.Alert.objects.count() == 0
    assert sorted(AlertRule.objects.filter(user=ann).values_list("kind", flat=True)) == [
        "fill",
        "risk",
        "signal",
        "source_down",
    ]
    assert catching_up.defaults_catch_up() == 0
    assert AlertRule.objects.count() == 12


def test_a_user_without_defaults_gets_them_by_the_sweep(ann):
    assert catching_up.defaults_catch_up() == 1
    assert ann.channels.get().kind == "in_app"


class TestSignals:
    def test_everyone_with_a_rule_that_fits_is_told_once(self, with_defaults, make_signal):
        ann, ben, cid = with_defaults
        AlertRule.objects.filter(user=ben, kind="signal").update(params={"min_confidence": 0.81})
        AlertRule.objects.filter(user=cid, kind="signal").update(is_active=False)
        alert_rules.rule_create(user=ann, kind="signal", params={"min_confidence": 0.1})
        signal = make_signal(0.8)
        for _ in range(3):
            listeners.on_signal(SignalRaised(signal.pk))
        alert = Alert.objects.get()
        assert (alert.user, alert.key) == (ann, f"signal:{signal.pk}")
        assert alert.title == "BUY BTC/USDT at 61000.5: <i>Pull</i>"
        assert alert.body == ("Confidence 80 %.\nStop 60000, target 64000.\nWhy: the block held")
        assert (alert.source, alert.is_live, alert.path) == (
            "binance",
            True,
            f"/signals/{signal.pk}/",
        )
        assert int(alert.as_of.timestamp()) == 1_700_000_060
        assert Delivery.objects.get().channel == ann.channels.get()

    def test_prices_are_told_to_the_tick(self, with_defaults, make_signal, btc):
        type(btc).objects.filter(pk=btc.pk).update(price_scale=8, tick=1_000_000)
        signal = make_signal(0.8, price=61000.5, stop=8384.4223351, take=12749.64310172)
        listeners.on_signal(SignalRaised(signal.pk))
        alert = Alert.objects.first()
        assert "Stop 8384.42, target 12749.64." in alert.body

    def test_a_rule_for_another_symbol_is_not_told(self, with_defaults, make_signal, btc):
        ann, ben, _ = with_defaults
        AlertRule.objects.filter(kind="signal").delete()
        other = type(btc).objects.create(
            venue=btc.venue, symbol="ETH/USDT", native_id="ETHUSDT", base="ETH", quote="USDT"
        )
        alert_rules.rule_create(user=ann, kind="signal", instrument=btc, params={})
        alert_rules.rule_create(user=ben, kind="signal", instrument=other, params={})
        listeners.on_signal(SignalRaised(make_signal().pk))
        assert [alert.user for alert in Alert.objects.all()] == [ann]

    def test_a_late_signal_tells_nobody(self, with_defaults, make_signal):
        signal = make_signal(late_reason="too late", acted_at=timezone.now())
        listeners.on_signal(SignalRaised(signal.pk))
        assert not Alert.objects.exists()

    def test_a_rule_with_channels_uses_only_those(self, with_defaults, make_signal, make_channel):
        ann = with_defaults[0]
        mail = make_channel(ann, "email", "ann@example.org")
        AlertRule.objects.get(user=ann, kind="signal").channels.set([mail])
        listeners.on_signal(SignalRaised(make_signal().pk))
        assert [one.channel for one in Delivery.objects.filter(alert__user=ann)] == [mail]

    def test_telling_a_hundred_users_costs_as_many_queries_as_one(
        self, django_user_model, make_signal, django_assert_max_num_queries
    ):
        for n in range(30):
            django_user_model.objects.create_user(f"p{n}")
        catching_up.defaults_catch_up()
        signal = make_signal()
        with django_assert_max_num_queries(12):
            listeners.on_signal(SignalRaised(signal.pk))
        assert Alert.objects.count() == 30


class TestFills:
    def test_only_the_owner_is_told(self, with_defaults, make_fill):
        ann = with_defaults[0]
        fill = make_fill(ann)
        listeners.on_fill(OrderFilled(fill.pk, fill.order_id, ann.pk))
        listeners.on_fill(OrderFilled(fill.pk, fill.order_id, ann.pk))
        alert = Alert.objects.get()
        assert alert.user == ann
        assert alert.title == "Bought 0.01 BTC/USDT at 61000.5 (paper)"
        assert alert.body == "Fee 0.610005 USDT.\nThe order is filled."
        assert Decimal("0.610005") == Decimal(fill.fee).scaleb(-8)
        assert alert.is_live

    def test_a_replayed_fill_is_never_live(self, with_defaults, make_fill):
        fill = make_fill(with_defaults[0], origin="replay", source="replay:binance")
        listeners.on_fill(OrderFilled(fill.pk, fill.order_id, 1))
        assert (Alert.objects.get().is_live, Alert.objects.get().source) == (
            False,
            "replay:binance",
        )


class TestRiskAndSources:
    def test_a_halt_is_told_to_its_owner_once_a_day(self, with_defaults):
        ann = with_defaults[0]
        account = Account.objects.create(owner=ann, name="Paper", currency="USDT")
        for _ in range(2):
            listeners.on_risk_halted(RiskHalted(account.pk, ann.pk, "daily_loss", "Lost 500 USDT."))
        alert = Alert.objects.get()
        assert (alert.user, alert.severity) == (ann, "critical")
        assert alert.title == "Trading stopped on Paper"
        assert alert.body == "Lost 500 USDT.\nReason: daily_loss."

    def test_a_source_that_flaps_is_told_once_to_everyone(self, with_defaults):
        for state in ("connecting", "down", "live", "stale", "down"):
            listeners.on_source_changed(SourceChanged("binance:stream", state, "no message"))
        assert {alert.user for alert in Alert.objects.all()} == set(with_defaults)
        assert Alert.objects.count() == 3
        assert Alert.objects.first().title == "Data source binance:stream is down"


class TestCatchingUp:
    def test_what_a_crash_kept_back_is_told_and_nothing_twice(
        self, with_defaults, make_signal, make_fill
    ):
        ann = with_defaults[0]
        a_while_ago = timezone.now() + timedelta(seconds=-10)
        AlertRule.objects.update(created_at=timezone.now() - timedelta(days=1))
        told = make_signal(n=1, created_at=a_while_ago)
        listeners.on_signal(SignalRaised(told.pk))
        lost = make_signal(n=2, created_at=a_while_ago)
        fill = make_fill(ann, filled_at=a_while_ago)
        assert Alert.objects.count() == 3
        assert catching_up.causes_catch_up() == 4
        assert set(Alert.objects.filter(user=ann).values_list("key", flat=True)) == {
            f"signal:{told.pk}",
            f"signal:{lost.pk}",
            f"fill:{fill.pk}",
        }
        assert catching_up.causes_catch_up() == 0

    def test_a_rule_made_later_tells_nothing_of_before(self, ann, make_signal):
        make_signal(created_at=timezone.now() - timedelta(seconds=30))
        catching_up.defaults_catch_up()
        assert catching_up.causes_catch_up() == 0
        assert not Alert.objects.exists()

    def test_the_mark_passes_only_what_is_settled(self, with_defaults, make_signal):
        old = make_signal(n=1, created_at=timezone.now() - timedelta(minutes=5))
        young = make_signal(n=2, created_at=timezone.now() - timedelta(seconds=10))
        catching_up.causes_catch_up()
        assert Watermark.objects.get(name="signal").row_id == old.pk
        Signal.objects.filter(pk=young.pk).update(created_at=timezone.now() - timedelta(minutes=5))
        catching_up.causes_catch_up()
        assert Watermark.objects.get(name="signal").row_id == young.pk
