"""How an account stands at one moment: cash, positions, working orders, locks, equity.

Read under the account's lock it is what the risk engine judges by; read without, it is a view.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from mystic.lib.prepared import Prepared
from trading.execution.arithmetic import PARTS
from trading.execution.fees import PAPER
from trading.execution.fills import MarketView
from trading.models import Account, LedgerAccount, Lock, Order, Position, RiskDay, RiskLimit
from trading.pots import Pots
from trading.risk.engine import LOCKS
from trading.risk.values import AccountState, Limits
from trading.valuation import mark_of, pessimistic_worth, terms_of, worth

type Key = tuple[int, int | None]

_limits = Prepared(lambda account: RiskLimit.objects.filter(account=account))
_positions = Prepared(
    lambda account: Position.objects.filter(account=account, closed_at=None).select_related(
        "instrument__venue"
    )
)
_orders = Prepared(
    lambda account: Order.objects.filter(account=account, status__in=Order.WORKING).select_related(
        "instrument"
    )
)
_days = Prepared(lambda account: RiskDay.objects.filter(account=account).order_by("-day")[:1])
_locks = Prepared(
    lambda account: Lock.objects.filter(
        Q(account=account) | Q(account=None), lifted_at=None
    ).order_by("id")
)


@dataclass(slots=True)
class Standing:
    """One account as it stands.

    Attributes
    ----------
    pots : Pots
        The pots of the account with their balances.
    worths : dict[int, int or None]
        Worth of each open position at the bid by its id; None where there is no mark.
    """

    account: Account
    limits: Limits
    pots: Pots
    positions: list[Position]
    orders: list[Order]
    worths: dict[int, int | None]
    lock_level: str

    @property
    def cash(self) -> int:
        """Units of the account's currency that are free."""
        return self.pots.balance(self.account.currency, LedgerAccount.Kind.CASH)

    @property
    def reserved(self) -> int:
        """Units of the account's currency held for working orders."""
        return self.pots.balance(self.account.currency, LedgerAccount.Kind.RESERVED)

    @property
    def is_complete(self) -> bool:
        """True where every open position has a mark."""
        return all(value is not None for value in self.worths.values())

    @property
    def equity(self) -> int:
        """Equity for the risk engine: a position without a mark counts at its stop."""
        return self.cash + self.reserved + sum(self._cautious(p) for p in self.positions)

    @property
    def opening_equity(self) -> int:
        """Equity to open a day with: a position without a mark counts at what it cost."""
        marked = (self.worths[p.pk] for p in self.positions)
        costs = (p.cost for p in self.positions)
        values = (c if m is None else m for m, c in zip(marked, costs, strict=True))
        return self.cash + self.reserved + sum(values)

    def _cautious(self, position: Position) -> int:
        marked = self.worths[position.pk]
        return pessimistic_worth(position) if marked is None else marked

    def position_for(self, key: Key) -> Position | None:
        return next((p for p in self.positions if _key(p) == key), None)

    def state(self, day: RiskDay, *, key: Key, position: Position | None) -> AccountState:
        """Return what the risk engine sees when an order for `key` is judged."""
        entries = [order for order in self.orders if order.side == Order.Side.BUY]
        keys = {_key(p) for p in self.positions} | {_key(order) for order in entries}
        worths = {p.pk: self._cautious(p) for p in self.positions}
        return AccountState(
            equity=self.equity,
            opening_equity=day.opening_equity,
            cash=self.cash,
            position_value=sum(worths[p.pk] for p in self.positions if _key(p) == key)
            + sum(_entry_worth(order) for order in entries if _key(order) == key),
            position_quantity=self._sellable(position) if position else 0,
            opens_position=key not in keys,
            open_positions=len(keys),
            exposure=sum(worths.values()) + sum(map(_entry_worth, entries)),
            open_risk=sum(_risk(p, worths[p.pk]) for p in self.positions)
            + sum(map(_entry_risk, entries)),
            is_halted=day.is_halted,
            lock_level=self.lock_level,
        )

    def _sellable(self, position: Position) -> int:
        promised: int = sum(
            order.quantity - order.filled
            for order in self.orders
            if order.side == Order.Side.SELL and order.position_id == position.pk
        )
        return int(position.quantity) - promised


def standing_read(account: Account, view: MarketView, now: datetime) -> Standing:
    """Read how the account stands; the caller holds its lock where that matters."""
    positions = positions_open(account.pk)
    return Standing(
        account=account,
        limits=limits_of(_limits.get(account.pk)),
        pots=Pots.of(account),
        positions=positions,
        orders=_orders.all(account.pk),
        worths={position.pk: _marked(position, view) for position in positions},
        lock_level=strictest_lock(account, now),
    )


def limits_of(row: RiskLimit) -> Limits:
    """Return the account's limits in integers; a fraction counts to the millionth."""
    return Limits(
        position_ppm=round(row.max_position_fraction * PARTS),
        max_position_notional=row.max_position_notional,
        max_open_positions=row.max_open_positions,
        max_daily_loss=row.max_daily_loss,
        exposure_ppm=round(row.max_exposure_fraction * PARTS),
        stop_ppm=round(row.stop_fraction * PARTS),
        take_milli=round(row.take_multiple * 1_000),
    )


def locks_in_force(account: Account, now: datetime) -> list[Lock]:
    """Return the locks that hold for the account, those of the house included."""
    locks = _locks.all(account.pk)
    return [lock for lock in locks if lock.expires_at is None or lock.expires_at > now]


def day_opened(account: Account, now: datetime) -> RiskDay | None:
    """Return the account's row of this UTC day, None where the day was not opened yet."""
    newest, today = _days.first(account.pk), now.date()
    if newest is not None and newest.day > today:  # the clock was set back
        return RiskDay.objects.filter(account=account, day=today).first()
    return newest if newest is not None and newest.day == today else None


def positions_open(account_id: int) -> list[Position]:
    """Return what the account holds, instruments loaded."""
    return _positions.all(account_id)


def strictest_lock(account: Account, now: datetime) -> str:
    """Return the level of the strictest lock that holds, empty where there is none."""
    levels = {lock.level for lock in locks_in_force(account, now)}
    return next((level for level in reversed(LOCKS) if level in levels), "")


def _key(row: Position | Order) -> Key:
    return row.instrument_id, row.deployment_id


def _marked(position: Position, view: MarketView) -> int | None:
    mark = mark_of(position.instrument, view)
    return None if mark is None else worth(position, mark.price)


def _entry_price(order: Order) -> int:
    return order.limit_price or order.worst_price or 0


def _entry_worth(order: Order) -> int:
    open_quantity = order.quantity - order.filled
    return terms_of(order.instrument).paid(open_quantity, _entry_price(order))


def _entry_risk(order: Order) -> int:
    distance = max(_entry_price(order) - (order.stop_loss or 0), 0)
    return terms_of(order.instrument).paid(order.quantity - order.filled, distance)


def _risk(position: Position, value: int) -> int:
    at_stop = worth(position, position.stop_price) if position.stop_price else 0
    return max(value - at_stop, 0)


def reserve_for(order: Order) -> int:
    """Return what a working order holds back: quote with its fee for a buy, base for a sell."""
    if order.side == Order.Side.SELL:
        return int(order.quantity)
    return PAPER.with_fee(terms_of(order.instrument).paid(order.quantity, _entry_price(order)))
