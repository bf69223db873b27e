"""What trading is asked by pages, API and sockets; another user's row looks like an absent one."""

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

from django.db.models import Prefetch, QuerySet, Sum
from django.utils import timezone

from markets.models import Instrument
from markets.selectors import quote_provenance
from mystic.lib.provenance import Provenance
from mystic.lib.units import from_units, price_units
from mystic.models import User
from signals.models import Strategy
from signals.selectors import strategies_for
from signals.selectors_rules import successor_of as rules_successor_of
from trading.execution.fees import PAPER
from trading.execution.fills import MarketView
from trading.market import current_view
from trading.models import (
    Account,
    Deployment,
    Fill,
    LedgerAccount,
    Lock,
    Order,
    OrderEvent,
    Position,
    RiskDay,
)
from trading.risk.engine import size, stops_attached
from trading.risk.reasons import Reason
from trading.risk.values import Request, Sizing
from trading.standing import Standing, locks_in_force, standing_read
from trading.valuation import is_replay, mark_of, terms_of, worth


@dataclass(frozen=True, slots=True)
class Holding:
    """One open position with what it is worth; money in quote units, None where no mark is."""

    position: Position
    average_price: int
    mark: int | None
    value: int | None
    unrealised: int | None
    provenance: Provenance | None
    age_ms: int | None


@dataclass(frozen=True, slots=True)
class Portfolio:
    """One account as its owner sees it; units of the account's currency.

    `equity` is None where a position has no mark: a part of it would be a guess.
    """

    account: Account
    cash: int
    reserved: int
    holdings: tuple[Holding, ...]
    equity: int | None
    unrealised: int | None
    opening_equity: int | None
    realised_today: int
    fees_today: int
    fees_total: int
    halt_reason: str
    locks: tuple[Lock, ...]

    @property
    def is_complete(self) -> bool:
        return self.equity is not None

    @property
    def day_profit(self) -> int | None:
        """Equity against the day's opening, None where either is not known."""
        if self.equity is None or self.opening_equity is None:
            return None
        return self.equity - self.opening_equity

    @property
    def exposure(self) -> int | None:
        values = [holding.value for holding in self.holdings]
        return None if None in values else sum(v for v in values if v is not None)


@dataclass(frozen=True, slots=True)
class Quotation:
    """What an order ticket shows: the live prices and the largest quantity risk allows now."""

    instrument: Instrument
    bid: Decimal | None
    ask: Decimal | None
    provenance: Provenance | None
    largest: Sizing


@dataclass(frozen=True, slots=True)
class Replaced:
    """A running deployment whose strategy gets no signals any more, and what took its place."""

    deployment: Deployment
    successor: Strategy | None


def accounts_for(*, user: User) -> QuerySet[Account]:
    return Account.objects.filter(owner=user).select_related("risk_limit").order_by("id")


def account_for(*, user: User) -> Account | None:
    """Return the user's first paper account."""
    return accounts_for(user=user).filter(mode=Account.Mode.PAPER).first()


def orders_for(*, user: User, symbol: str | None = None) -> QuerySet[Order]:
    """Return the user's orders, newest first, with instrument, deployment and decision."""
    orders = Order.objects.filter(account__owner=user).select_related(
        "instrument__venue", "account", "deployment__strategy", "risk_decision"
    )
    return orders if symbol is None else orders.filter(instrument__symbol=symbol)


def orders_with_events_for(*, user: User) -> QuerySet[Order]:
    """Return the user's orders with their events and fills, for a page of history."""
    return orders_for(user=user).prefetch_related(
        Prefetch("events", OrderEvent.objects.order_by("seq")),
        Prefetch("fills", Fill.objects.order_by("id")),
    )


def working_orders_for(*, user: User, symbol: str | None = None) -> QuerySet[Order]:
    return orders_for(user=user, symbol=symbol).filter(status__in=Order.WORKING)


def positions_for(*, user: User, symbol: str | None = None) -> QuerySet[Position]:
    """Return the user's positions, open and closed, newest first."""
    positions = Position.objects.filter(account__owner=user).select_related(
        "instrument__venue", "account", "deployment__strategy"
    )
    return positions if symbol is None else positions.filter(instrument__symbol=symbol)


def deployments_for(*, user: User) -> QuerySet[Deployment]:
    return Deployment.objects.filter(account__owner=user).select_related("strategy", "account")


def deployment_for(*, user: User, strategy: Strategy) -> Deployment | None:
    """Return the user's active deployment of the strategy."""
    return (
        deployments_for(user=user).filter(strategy=strategy, state=Deployment.State.ACTIVE).first()
    )


def deployments_replaced_for(*, user: User) -> list[Replaced]:
    """Return the user's running paper deployments that get no signals any more.

    Their version is not evaluated, or its owner shares it no longer.
    """
    seen = strategies_for(user=user)
    running = deployments_for(user=user).filter(
        state=Deployment.State.ACTIVE, account__mode=Account.Mode.PAPER
    )
    stranded = running.exclude(strategy__in=seen).order_by("pk")
    return [Replaced(one, successor_of(one.strategy, user=user)) for one in stranded]


def successor_of(strategy: Strategy, *, user: User) -> Strategy | None:
    """Return the present version of a strategy, on its own timeframe where there is one."""
    if strategy.origin == Strategy.Origin.RULES:
        found = rules_successor_of(strategy)
        return found if found and strategies_for(user=user).contains(found) else None
    versions = Strategy.objects.filter(
        class_name=strategy.class_name, owner=strategy.owner_id, is_active=True
    ).order_by("timeframe")
    return versions.filter(timeframe=strategy.timeframe).first() or versions.first()


def locks_for(*, user: User) -> QuerySet[Lock]:
    return Lock.objects.filter(account__owner=user)


def portfolio_for(*, user: User, account_id: int | None = None) -> Portfolio:
    """Return the user's portfolio, exact to the unit.

    Raises
    ------
    Account.DoesNotExist
        If the user has no such account.
    """
    accounts = accounts_for(user=user)
    account = accounts.get(pk=account_id) if account_id is not None else accounts.first()
    if account is None:
        raise Account.DoesNotExist
    view, now = current_view(), timezone.now()
    standing = standing_read(account, view, now)
    holdings = tuple(holding_of(position, view) for position in standing.positions)
    day = RiskDay.objects.filter(account=account, day=now.date()).first()
    realised, fees = _today(account, now)
    complete = standing.is_complete
    return Portfolio(
        account=account,
        cash=standing.cash,
        reserved=standing.reserved,
        holdings=holdings,
        equity=standing.equity if complete else None,
        unrealised=sum(h.unrealised or 0 for h in holdings) if complete else None,
        opening_equity=_opening(day, standing),
        realised_today=realised,
        fees_today=fees,
        fees_total=_fees(account),
        halt_reason=day.halt_reason if day and day.is_halted else "",
        locks=tuple(locks_in_force(account, now)),
    )


def _opening(day: RiskDay | None, standing: Standing) -> int | None:
    """Return what the day began with; before its row there is no order, so money has not moved.

    What is held may have moved: with open positions the opening is not known before the row.
    """
    if day is not None:
        return int(day.opening_equity)
    return None if standing.positions else standing.equity


def holding_of(position: Position, view: MarketView) -> Holding:
    """Return the position with its mark, the newest bid however old it is not invented."""
    mark = mark_of(position.instrument, view)
    value = None if mark is None else worth(position, mark.price)
    return Holding(
        position=position,
        average_price=_average_price(position),
        mark=None if mark is None else mark.price,
        value=value,
        unrealised=None if value is None else value - position.cost,
        provenance=None if mark is None else quote_provenance(mark.quote),
        age_ms=None if mark is None else mark.age_ms,
    )


def holdings_for(*, user: User, symbol: str | None = None) -> list[Holding]:
    """Return the user's open positions with their marks."""
    view = current_view()
    positions = positions_for(user=user, symbol=symbol).filter(closed_at=None)
    return [holding_of(position, view) for position in positions]


def quotation_for(*, account: Account, instrument: Instrument) -> Quotation:
    """Return live prices and the largest purchase that risk allows by hand at this moment."""
    view, now = current_view(), timezone.now()
    quote = view.latest(instrument.pk)
    standing = standing_read(account, view, now)
    scale = instrument.price_scale
    prices = [] if quote is None else [price_units(p, scale) for p in (quote.bid, quote.ask)]
    return Quotation(
        instrument=instrument,
        bid=from_units(prices[0], scale) if prices else None,
        ask=from_units(prices[1], scale) if prices else None,
        provenance=None if quote is None else quote_provenance(quote),
        largest=_largest(standing, instrument, view, now),
    )


def _largest(standing: Standing, instrument: Instrument, view: MarketView, now: datetime) -> Sizing:
    if instrument.quote != standing.account.currency:
        return Sizing(0, Reason.CURRENCY)
    quote = view.latest(instrument.pk)
    price = None if quote is None else price_units(quote.ask, instrument.price_scale)
    terms = terms_of(instrument)
    stop, take = (
        (None, None)
        if price is None
        else stops_attached(price, None, None, terms=terms, limits=standing.limits)
    )
    request = Request(
        side=Order.Side.BUY,
        is_market=True,
        quantity=0,
        price=price,
        terms=terms,
        fees=PAPER,
        stop=stop,
        take=take,
        is_trading=instrument.status == Instrument.Status.TRADING,
        quote_asset=instrument.quote,
        account_currency=standing.account.currency,
        is_currency_right=(instrument.quote, instrument.quote_scale)
        == (standing.account.currency, standing.account.scale),
        venue_is_replay=instrument.venue.is_replay,
        quote_is_replay=None if quote is None else is_replay(quote.source),
        quote_age_ms=None if quote is None else 0,
    )
    day = RiskDay.objects.filter(account=standing.account, day=now.date()).first() or RiskDay(
        account=standing.account, day=now.date(), opening_equity=standing.opening_equity
    )
    key = (instrument.pk, None)
    state = standing.state(day, key=key, position=standing.position_for(key))
    return size(request, state, standing.limits)


def _average_price(position: Position) -> int:
    """Return cost per base unit in price units, rounded down; for showing only."""
    if position.quantity == 0:
        return 0
    instrument = position.instrument
    shift = instrument.base_scale + instrument.price_scale - instrument.quote_scale
    return int(Decimal(position.cost).scaleb(shift) // position.quantity)


def _today(account: Account, now: datetime) -> tuple[int, int]:
    """Return profit booked and fees paid since the UTC day began."""
    start = datetime.combine(now.date(), time.min, tzinfo=now.tzinfo)
    sums = Fill.objects.filter(order__account=account, filled_at__gte=start).aggregate(
        realised=Sum("realised"), fees=Sum("fee")
    )
    return int(sums["realised"] or 0), int(sums["fees"] or 0)


def _fees(account: Account) -> int:
    pot = account.pots.filter(kind=LedgerAccount.Kind.FEES, asset=account.currency).first()
    return pot.balance if pot else 0
