"""Orders, fills, cancels and restarts in any order, against a model of plain integers."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from markets.models import Instrument, Venue
from markets.quotes import store
from mystic.models import User
from tests.trading.conftest import Market, units
from trading.models import Account, LedgerAccount, LedgerEntry, Order, Position
from trading.selectors import portfolio_for
from trading.services.accounts import account_open, deposit
from trading.services.fills import orders_expire, paper_execute, position_exit
from trading.services.ledger import ledger_verify
from trading.services.limits import limits_change
from trading.services.orders import order_cancel, order_place
from trading.tickets import OrderNotOpenError, Ticket

UNIT = 10**8
FEE_PPM = 1_000


def ceil_div(a, b):
    return -(-a // b)


class LedgerMachine(RuleBasedStateMachine):
    """The product on one side, four integers on the other."""

    @initialize()
    def begin(self):
        self.example = transaction.atomic()
        self.example.__enter__()
        self.user = User.objects.create(username="machine")
        self.account = account_open(user=self.user)
        limits_change(
            account=self.account,
            max_position_fraction=1.0,
            max_exposure_fraction=1.0,
            max_position_notional=units("5000"),
            max_daily_loss=units("100000"),
        )
        venue = Venue.objects.create(code="binance", name="Binance")
        self.instrument = Instrument.objects.create(
            venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT", step=7
        )
        self.market = Market()
        self.price = 100 * UNIT
        self.cash, self.base, self.fees, self.seen = 10_000 * UNIT, 0, 0, {}
        self.deposits = 0

    def teardown(self):
        store.clear()
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    def speak(self, price, size):
        """Say a quote; one unit of price is 1e-8, kept to the tick of 1e-4."""
        self.price = price
        self.market.quote(self.instrument, price / UNIT, (price + 10_000) / UNIT, size=size / UNIT)

    def settle(self):
        """Move the model by the fills that are new, by arithmetic of its own."""
        for order in Order.objects.prefetch_related("fills"):
            for fill in order.fills.all():
                if fill.pk in self.seen:
                    continue
                self.seen[fill.pk] = fill.quantity
                exact = fill.quantity * fill.price
                if order.side == "buy":
                    notional = ceil_div(exact, UNIT)
                    fee = ceil_div(notional * FEE_PPM, 10**6)
                    self.cash -= notional + fee
                    self.base += fill.quantity
                else:
                    notional = exact // UNIT
                    fee = ceil_div(notional * FEE_PPM, 10**6)
                    self.cash += notional - fee
                    self.base -= fill.quantity
                self.fees += fee

    prices = st.integers(500_000, 2_000_000).map(lambda n: n * 10_000)
    sizes = st.integers(1, 10**9)

    @rule(amount=st.integers(1, 10**12))
    def deposits_once(self, amount):
        self.deposits += 1
        key = f"test:{self.deposits}"
        assert deposit(account=self.account, amount=amount, key=key)
        assert not deposit(account=self.account, amount=amount, key=key)
        self.cash += amount

    @rule(price=prices, size=sizes, quantity=st.integers(1, 10**8).map(lambda n: n * 7))
    def buys_at_market(self, price, size, quantity):
        self.speak(price, size)
        self.place(side="buy", quantity=quantity)

    @rule(price=prices, offset=st.integers(-50, 50), quantity=st.integers(1, 10**8))
    def buys_with_a_limit(self, price, offset, quantity):
        self.speak(price, 10**9)
        limit = price + offset * 1_000_000
        if limit > 0:
            self.place(side="buy", type="limit", limit_price=limit, quantity=quantity * 7)

    @rule(share=st.integers(1, 100), limit=prices)
    def sells_with_a_limit(self, share, limit):
        if self.base:
            quantity = max(self.base * share // 100 // 7 * 7, 7)
            self.place(side="sell", type="limit", limit_price=limit, quantity=quantity)

    def place(self, **fields):
        ticket = Ticket(
            account_id=self.account.pk,
            instrument_id=self.instrument.pk,
            idempotency_key=f"key-{Order.objects.count()}",
            **fields,
        )
        order = order_place(ticket)
        assert order_place(ticket).pk == order.pk
        if order.status == "submitted":
            paper_execute(order.pk)
        self.settle()

    @rule(price=prices, size=sizes, times=st.integers(1, 3))
    def a_quote_comes_and_everything_is_tried_again(self, price, size, times):
        self.speak(price, size)
        for order_id in list(Order.objects.values_list("pk", flat=True)) * times:
            paper_execute(order_id)
        self.settle()

    @rule(index=st.integers(0, 50))
    def cancels(self, index):
        orders = list(Order.objects.all())
        if orders:
            order = orders[index % len(orders)]
            was_open = order.status in Order.WORKING
            try:
                order_cancel(order=order, actor="machine")
                assert was_open
            except OrderNotOpenError:
                assert not was_open

    @precondition(lambda self: Position.objects.filter(closed_at=None).exists())
    @rule()
    def exits(self):
        position = Position.objects.get(closed_at=None)
        order = position_exit(position.pk, cause="machine", actor="machine")
        if order is not None:
            paper_execute(order.pk)
        self.settle()

    @rule()
    def patience_ends(self):
        orders_expire(now=timezone.now() + timedelta(seconds=31))

    @rule()
    def restarts(self):
        store.clear()
        self.market = Market()
        self.account = Account.objects.get(pk=self.account.pk)

    @invariant()
    def everything_adds_up(self):
        if not hasattr(self, "account"):
            return
        assert ledger_verify() == []
        portfolio = portfolio_for(user=self.user)
        assert portfolio.cash + portfolio.reserved == self.cash
        assert portfolio.fees_total == self.fees
        pots = LedgerAccount.objects.filter(asset="BTC", kind__in=["cash", "reserved"])
        assert sum(pot.balance for pot in pots) == self.base
        open_quantity = sum(p.quantity for p in Position.objects.all())
        assert open_quantity == self.base
        for order in Order.objects.exclude(status__in=Order.WORKING):
            assert order.reserved == 0
        for order in Order.objects.all():
            assert order.filled == sum(f.quantity for f in order.fills.all()) <= order.quantity
        deposited = LedgerEntry.objects.filter(memo="deposit")
        realised = sum(p.realised for p in Position.objects.all())
        cost = sum(p.cost for p in Position.objects.all())
        assert self.cash == sum(e.amount for e in deposited) + realised - cost


@pytest.mark.django_db
def test_the_ledger_agrees_with_plain_integers():
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=12,
            stateful_step_count=18,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
