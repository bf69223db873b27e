"""What is told of trading: portfolio, live payloads, health, the admin, the ledger command."""

import pytest
from django.core.management import CommandError, call_command

from mystic.lib.live import hub
from tests.memory import newest
from tests.trading.conftest import units
from trading import health
from trading.models import LedgerAccount, Order, Position
from trading.selectors import accounts_for, orders_for, portfolio_for, positions_for
from trading.services.accounts import account_open
from trading.services.orders import order_place
from trading.watch import watch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("flow")]


@pytest.fixture
def told(monkeypatch):
    """Every event that goes to open pages, as (subject, payload)."""
    seen = []
    monkeypatch.setattr(hub, "publish_event", lambda *pair: seen.append(pair))
    return seen


def test_an_account_is_opened_once_with_its_balance(ann):
    first, second = account_open(user=ann), account_open(user=ann)
    assert first == second
    assert portfolio_for(user=ann).cash == portfolio_for(user=ann).equity == units("10000")
    assert first.risk_limit.max_position_notional == units("1000")


def test_the_portfolio_is_exact_and_names_its_source(ann, account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    market.quote(btc, 60100.0, 60110.0)
    found = portfolio_for(user=ann)
    (holding,) = found.holdings
    # bought at 60.01 with a fee of 0.06001, worth 60.1 at the bid
    assert holding.unrealised == units("0.09")
    assert holding.average_price == units("60010")
    assert found.cash == units("9939.92999")
    assert found.equity == units("10000.02999")
    assert found.day_profit == units("0.02999")
    assert found.realised_today == units("-0.06001")
    assert found.fees_today == found.fees_total == units("0.06001")
    assert holding.provenance.source == "binance"
    assert holding.provenance.is_live


def test_without_a_quote_there_is_no_equity(ann, account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    market.quote(btc, 60100.0, 60110.0, age_ms=60_001)
    found = portfolio_for(user=ann)
    assert found.holdings[0].mark is None
    assert found.equity is found.unrealised is found.day_profit is found.exposure is None
    assert found.cash == units("9939.92999")


def test_others_see_nothing_in_the_selectors(ann, ben, cid, account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    for other in (ben, cid):
        assert not accounts_for(user=other).exists()
        assert not orders_for(user=other).exists()
        assert not positions_for(user=other).exists()
        with pytest.raises(type(account).DoesNotExist):
            portfolio_for(user=other, account_id=account.pk)


def test_pages_hear_of_order_fill_and_position(told, ann, account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order = order_place(ticket())
    assert {subject for subject, _ in told} == {f"user:{ann.pk}"}
    messages = {payload["type"]: payload["data"] for _, payload in told}
    assert messages["order"]["status"] == "filled"
    assert messages["fill"]["price"] == "60010"
    assert messages["fill"]["fee"] == "0.06001"
    assert messages["position"]["quantity"] == "0.001"
    assert messages["position"]["stop"] == "58809.8"
    assert messages["order"]["order_id"] == order.pk


def test_profit_and_equity_follow_the_quote(ann, account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    watch.load()
    quote = market.quote(btc, 60500.0, 60510.0)
    watch.on_quote(quote)
    position = Position.objects.get()
    profit = newest(f"positions:{ann.pk}", str(position.pk))
    assert profit["data"]["unrealised"] == "0.49"
    assert profit["data"]["mark"] == "60500"
    assert (profit["source"], profit["is_live"]) == ("binance", True)
    equity = newest(f"equity:{ann.pk}", str(account.pk))["data"]
    assert equity["equity"] == "10000.42999"
    assert equity["day_pnl"] == "0.42999"


def test_health_counts_what_waits(account, btc, market, ticket):
    assert health.report()["state"] == "ok"
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    figures = {f["label"]: f["value"] for f in health.report()["figures"]}
    assert figures["Open positions"] == figures["Fills in 24 h"] == 1


def test_the_admin_only_reads(admin_client, account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order = order_place(ticket())
    for name in ("order", "orderevent", "fill", "position", "ledgeraccount", "ledgerentry"):
        assert admin_client.get(f"/admin/trading/{name}/").status_code == 200
        assert admin_client.get(f"/admin/trading/{name}/add/").status_code == 403
    assert admin_client.post(f"/admin/trading/order/{order.pk}/delete/").status_code == 403
    assert admin_client.post(f"/admin/trading/order/{order.pk}/change/").status_code == 403
    assert Order.objects.filter(pk=order.pk).exists()


def test_the_command_finds_a_unit_that_is_missing(account, capsys):
    call_command("verify_ledger")
    assert "adds up: 1 entries" in capsys.readouterr().out
    LedgerAccount.objects.filter(kind="cash").update(balance=units("10000") - 1)
    with pytest.raises(CommandError, match="holds 999999999999, its entries make 1000000000000"):
        call_command("verify_ledger")
