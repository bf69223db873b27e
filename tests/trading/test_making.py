"""Market makers on paper: quotes as orders of the account, exact money, nothing left behind."""

import json

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from markets.events import BookLost, QuoteChanged
from markets.models import Disagreement, Instrument
from markets.quotes import store
from mystic.lib.clock import monotonic_ms
from signals.making import Parameters
from tests.trading.conftest import units
from trading.making import MakingDesk
from trading.making_figures import figures_for
from trading.models import Account, Lock, MakerQuote, MarketMaker, Order, Position
from trading.services import making
from trading.services.accounts import account_open
from trading.services.fills import paper_execute, position_exit
from trading.services.locks import lock_set
from trading.services.making import MakingError, maker_start, maker_stop
from trading.services.orders import order_place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("flow", "exact")]

# Half a spread of 2 / k / 2 = 10 bps is less than the fee of 10 bps and an edge of 1: 11 bps.
PLAIN = Parameters(units("0.001"), units("0.003"), risk_aversion=0.0, order_flow_decay=0.1)
BID, ASK = units("59934"), units("60066")


class Street:
    """One process with a desk, and a market whose seconds the test tells."""

    def __init__(self, desk, market, instrument):
        self.desk, self.market, self.instrument = desk, market, instrument

    def say(self, bid=59_999.0, ask=60_001.0, *, seconds=1, age_ms=0, tended=True):
        """Tell quote and book, fill what rests, and have the makers tended."""
        self.market.clock += 1000 * seconds
        self.market.book(self.instrument, [(bid, 5.0)], [(ask, 5.0)], age_ms=age_ms)
        quote = self.market.quote(self.instrument, bid, ask, 5.0, age_ms=age_ms)
        for order in Order.objects.filter(status__in=Order.WORKING):
            paper_execute(order.pk)
        for seats in self.desk._seats.values():
            for seat in seats:
                seat.tended_ms = monotonic_ms() if not tended else -(10**9)
        self.desk.on_quote(QuoteChanged(quote))
        self.desk.drain()

    def look(self):
        for seats in self.desk._seats.values():
            for seat in seats:
                seat.tended_ms = -(10**9)
        self.desk._submit(self.desk.look)
        self.desk.drain()

    def warm(self):
        self.look()
        for _ in range(21):
            self.say(tended=False)
        self.say()


@pytest.fixture
def street(monkeypatch, market, btc):
    monkeypatch.setattr("trading.making.LOOK_EVERY_S", 3600.0)
    desk = MakingDesk()
    desk.start()
    desk.drain()
    yield Street(desk, market, btc)
    desk.stop()


@pytest.fixture
def maker(account, btc, street):
    found = maker_start(account=account, instrument=btc, parameters=PLAIN)
    street.warm()
    return found


def working():
    found = Order.objects.filter(status__in=Order.WORKING).order_by("side")
    return [(order.side, order.limit_price, order.quantity) for order in found]


def state_of(maker):
    maker.refresh_from_db()
    return maker.state, maker.reason_code, maker.hold


def test_nothing_rests_until_enough_was_seen(account, btc, street):
    maker = maker_start(account=account, instrument=btc, parameters=PLAIN)
    street.look()
    assert state_of(maker) == ("running", "", "no_quote")
    street.say()
    assert state_of(maker) == ("running", "", "warming_up")
    assert Order.objects.count() == 0


def test_a_bid_rests_with_the_accounts_stop_and_nothing_is_offered(maker):
    assert working() == [("buy", BID, units("0.001"))]
    order = Order.objects.get()
    assert (order.type, order.status) == ("limit", "accepted")
    assert order.stop_loss == units("58735.32")  # 2 % below
    assert order.risk_decision.reason_code == "approved"
    assert order.deployment == maker.deployment
    assert MakerQuote.objects.get().mid == units("60000")
    assert state_of(maker) == ("running", "", "")


def test_a_round_trip_is_exact_to_the_unit(ann, maker, street):
    street.say(59_900.0, 59_934.0, tended=False)  # at the bid: not crossed
    assert Order.objects.filter(status="filled").count() == 0
    street.say(59_900.0, 59_933.99, tended=False)
    street.say()
    assert working() == [("buy", BID, units("0.001")), ("sell", ASK, units("0.001"))]
    ask = Order.objects.get(side="sell")
    assert ask.is_reduce_only
    street.say(60_066.01, 60_070.0, tended=False)
    street.say()
    (figures,) = figures_for(user=ann)
    # Bought for 59.934 and sold for 60.066, each with 0.1 %.
    assert figures.inventory == 0
    assert figures.fees == units("0.059934") + units("0.060066")
    assert figures.spread_captured == units("0.132")
    assert figures.inventory_profit == 0
    assert figures.profit == units("0.012")
    maker.refresh_from_db()
    assert maker.spread_captured == units("0.132")
    pot = maker.account.pots.get(asset="USDT", kind="cash")
    reserved = maker.account.pots.get(asset="USDT", kind="reserved")
    assert pot.balance + reserved.balance == units("10000.012")


def test_what_falls_after_the_purchase_is_the_inventorys_loss(ann, maker, street):
    street.say(59_900.0, 59_901.0, tended=False)
    street.say(59_500.0, 59_502.0, tended=False)
    (figures,) = figures_for(user=ann)
    assert figures.spread_captured == units("0.066")
    assert figures.unrealised == units("59.5") - units("59.934")
    assert figures.profit == units("-0.434") - units("0.059934")
    assert figures.inventory_profit == units("-0.5")


def test_a_quote_that_hardly_moved_stays_and_a_moved_one_is_replaced(maker, street):
    first = Order.objects.get()
    street.say(60_002.0, 60_004.0)  # 3 of 60,000 is half a basis point
    assert working() == [("buy", BID, units("0.001"))]
    street.say(60_099.0, 60_101.0)
    first.refresh_from_db()
    assert (first.status, first.reason_code) == ("canceled", "maker_moved")
    # 60,100 less 11 bps = 60,033.89
    assert working() == [("buy", units("60033.89"), units("0.001"))]
    assert Order.objects.count() == 2


def test_it_is_tended_at_most_once_in_its_time(maker, street):
    street.say(60_099.0, 60_101.0, tended=False)
    assert working() == [("buy", BID, units("0.001"))]


def test_inventory_never_passes_its_bound(maker, street):
    for _ in range(6):
        street.say(59_800.0, 59_801.0, tended=False)
        street.say()
    assert Position.objects.get().quantity == units("0.003")
    assert working() == [("sell", ASK, units("0.001"))]


def test_what_was_bought_by_hand_is_not_offered(maker, street, ticket):
    order_place(ticket(quantity="0.0001"))
    street.say()
    assert working() == [("buy", BID, units("0.001"))]
    assert Position.objects.get().deployment is None


@pytest.mark.parametrize("fault", ["lost", "old", "crossed", "disagreement"])
def test_quotes_are_withdrawn_from_a_market_that_is_not_known(maker, street, btc, fault):
    assert len(working()) == 1
    if fault == "lost":
        store.drop_book(btc.pk)
        street.desk.on_lost(BookLost(btc.pk))
        street.desk.drain()
    elif fault == "old":
        oldest = settings.ENV["MYSTIC_MAX_QUOTE_AGE_MS"]
        street.market.quote(btc, 59_999.0, 60_001.0, age_ms=oldest + 1)
        street.look()
    elif fault == "crossed":
        street.say(60_003.0, 60_001.0)
    else:
        Disagreement.objects.create(
            instrument=btc,
            source="binance",
            price=60000.0,
            other_source="coinbase",
            other_price=61000.0,
            began_at=timezone.now(),
        )
        street.say()
    assert working() == []
    hold = {"lost": "no_quote", "old": "stale_book", "crossed": "crossed_book"}
    assert state_of(maker) == ("running", "", hold.get(fault, "sources_disagree"))
    cancelled = Order.objects.get(status="canceled")
    assert cancelled.reason_code == "maker_withdrawn"
    assert cancelled.reserved == 0


def test_a_stop_cancels_in_the_same_moment_wherever_it_is_asked(maker, street):
    assert maker_stop(maker=maker, actor="ann")
    assert working() == []
    assert not maker_stop(maker=maker, actor="ann")
    street.say()
    street.look()
    street.say()
    assert working() == []
    assert state_of(maker)[0] == "stopped"
    assert Order.objects.count() == 1


def test_a_new_process_begins_without_the_orders_of_a_killed_one(maker, street, monkeypatch):
    # The killed one never cancelled anything: its order is still at work in the rows.
    assert len(working()) == 1
    fresh = MakingDesk()
    fresh.start()
    try:
        assert working() == []
        assert state_of(maker)[0] == "running"
    finally:
        fresh.stop()


def test_the_end_of_the_process_cancels_everything(maker, street):
    street.desk.stop()
    assert working() == []
    assert Order.objects.get().reason_code == "maker_stopped"


def test_a_process_that_only_waits_touches_nothing(maker, street, market):
    waiting = MakingDesk()
    store.is_local = False
    try:
        waiting.look()
        assert waiting._seats == {}
        assert len(working()) == 1
    finally:
        store.is_local = True
    # It takes over: what the other left is cancelled before anything is quoted anew.
    waiting.look()
    assert working() == []
    assert [seat.maker_id for seats in waiting._seats.values() for seat in seats] == [maker.pk]


def test_a_process_that_streams_no_more_takes_its_orders_away(maker, street):
    store.is_local = False
    street.look()
    assert working() == []
    assert street.desk._seats == {}


def test_a_look_cancels_what_belongs_to_no_running_maker(maker, street):
    MarketMaker.objects.update(state="stopped")
    street.look()
    assert working() == []


def test_a_denial_pauses_with_its_reason(maker, street, account):
    street.say(59_900.0, 59_901.0, tended=False)
    street.say()
    assert [side for side, *_ in working()] == ["buy", "sell"]
    lock_set(account=account, actor="ann", level=Lock.Level.HALT, reason="enough")
    street.say()
    assert state_of(maker)[:2] == ("paused", "locked_halt")
    assert working() == []
    position = Position.objects.get()
    assert position.closed_at is None
    assert position.stop_price == units("58735.32")
    street.say()
    assert Order.objects.filter(status="denied").count() == 1


def test_a_stop_that_was_hit_pauses_instead_of_buying_again(maker, street):
    street.say(59_900.0, 59_901.0, tended=False)
    position_exit(Position.objects.get().pk, cause="stop", actor="watch")
    street.say()
    assert state_of(maker)[:2] == ("paused", "position_exited")
    assert "stop" in maker.reason
    assert working() == []
    again = maker_start(account=maker.account, instrument=maker.instrument, parameters=PLAIN)
    assert again == maker
    street.warm()
    assert working() == [("buy", BID, units("0.001"))]


def test_no_bid_stands_at_or_below_the_stop_of_what_is_held(maker, street):
    street.say(59_900.0, 59_901.0, tended=False)
    Position.objects.update(stop_price=BID)
    street.say(59_990.0, 60_000.0)
    assert [side for side, *_ in working()] == ["sell"]
    assert state_of(maker) == ("running", "", "stop_near")


def test_the_rate_of_orders_is_bounded(maker, street, monkeypatch):
    monkeypatch.setattr(making, "MOST_ORDERS", 2)
    street.say(60_099.0, 60_101.0)
    assert len(working()) == 1
    street.say(60_199.0, 60_201.0)
    assert working() == []  # what moved is cancelled, nothing new is placed
    assert state_of(maker) == ("running", "", "order_rate")
    assert Order.objects.count() == 2


def test_new_parameters_take_the_place_of_the_old_orders(maker, street, account, btc):
    wide = Parameters(
        units("0.002"), units("0.002"), risk_aversion=0.0, order_flow_decay=0.1, min_edge_bps=10.0
    )
    maker_start(account=account, instrument=btc, parameters=wide)
    assert working() == []
    street.warm()
    assert working() == [("buy", units("59880"), units("0.002"))]  # 20 bps
    assert MarketMaker.objects.count() == 1


def test_what_cannot_be_quoted_is_refused(account, btc, make_instrument, ann):
    euro = make_instrument("BTC/EUR")
    with pytest.raises(MakingError, match="priced in EUR"):
        maker_start(account=account, instrument=euro, parameters=PLAIN)
    odd = Parameters(units("0.0010001"), units("0.003"))
    with pytest.raises(MakingError, match="lot steps"):
        maker_start(account=account, instrument=btc, parameters=odd)
    tiny = make_instrument("ETH/USDT", min_quantity=units("1"))
    with pytest.raises(MakingError, match="minimum"):
        maker_start(account=account, instrument=tiny, parameters=PLAIN)
    stock = make_instrument("AAA/USDT", asset_class=Instrument.AssetClass.STOCK)
    with pytest.raises(MakingError, match="Only crypto"):
        maker_start(account=account, instrument=stock, parameters=PLAIN)
    live = Account.objects.create(owner=ann, name="Live", mode="live", currency="USDT")
    with pytest.raises(MakingError, match="paper only"):
        maker_start(account=live, instrument=btc, parameters=PLAIN)
    assert MarketMaker.objects.count() == 0


def test_one_desk_serves_two_people_apart(maker, street, ben, btc):
    theirs = maker_start(account=account_open(user=ben), instrument=btc, parameters=PLAIN)
    street.warm()
    assert [price for _, price, _ in working()] == [BID, BID]
    maker_stop(maker=maker, actor="ann")
    (order,) = Order.objects.filter(status__in=Order.WORKING)
    assert order.account.owner == ben
    assert [f.maker for f in figures_for(user=ben)] == [theirs]


def frame(second, stream, **data):
    at_ns = (1_700_000_000_000 + round(second * 1000)) * 1_000_000
    return f"{at_ns} {json.dumps({'stream': f'btcusdt@{stream}', 'data': data})}"


def best(second):
    return frame(second, "bookTicker", b="59999.00", B="5", a="60001.00", A="5")


def test_the_backtest_of_a_file_is_told_in_money(tmp_path, capsys):
    recording = tmp_path / "stream.jsonl"
    lines = [best(second) for second in range(25)]
    lines += [frame(25, "trade", p="59933.99", q="1"), best(26)]
    lines += [frame(27, "trade", p="60066.01", q="1"), best(28)]
    recording.write_text("\n".join(lines))
    call_command("making_backtest", recording, "--order-flow-decay=0.1", "--risk-aversion=0")
    told = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    # The round trip of the paper account above, to the unit.
    assert told["spread captured"] == "0.132"
    assert told["fees"] == "0.12"
    assert told["profit"] == "0.012"
    assert told["held at the end"] == "0"
    with pytest.raises(CommandError, match="No such file"):
        call_command("making_backtest", tmp_path / "absent")
    with pytest.raises(CommandError, match="max_inventory"):
        call_command("making_backtest", recording, "--max-inventory=0.0001")
