"""The double-entry ledger: amounts move between pots, once per key, and every asset sums to nought.

Every function runs inside the caller's transaction, under the lock of the account.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Sum

from trading.models import Account, Fill, LedgerAccount, LedgerEntry, Order, Position
from trading.pots import ScaleMismatchError

Kind = LedgerAccount.Kind
_CHANGE = "UPDATE trading_ledgeraccount SET balance = balance + %s WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Movement:
    """One amount to be booked from one pot into another."""

    key: str
    debit: LedgerAccount
    credit: LedgerAccount
    amount: int
    memo: str
    order: Order | None = None
    fill: Fill | None = None


def transfer(
    *,
    key: str,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount: int,
    memo: str,
    order: Order | None = None,
) -> bool:
    """Move `amount` units from one pot to the other, once per key; return whether it was now."""
    if LedgerEntry.objects.filter(key=key).exists():
        return False
    return bool(book([Movement(key, debit, credit, amount, memo, order)]))


def book(movements: Iterable[Movement]) -> list[LedgerEntry]:
    """Book the movements together, and change the balances with them.

    A movement of nothing is left out. A key that was booked before or a pot that would be
    overdrawn is refused by the database, and with it the caller's whole transaction.
    """
    new = [movement for movement in movements if movement.amount]
    if not new:
        return []
    _balances_change(new)
    return LedgerEntry.objects.bulk_create(
        LedgerEntry(
            key=movement.key,
            debit=movement.debit,
            credit=movement.credit,
            amount=movement.amount,
            memo=movement.memo,
            order=movement.order,
            fill=movement.fill,
        )
        for movement in new
    )


def _balances_change(movements: Sequence[Movement]) -> None:
    """Change every touched balance by its net amount, counted by the database."""
    changes: defaultdict[int, int] = defaultdict(int)
    pots: dict[int, LedgerAccount] = {}
    for movement in movements:
        _same_asset(movement)
        for pot, amount in ((movement.debit, -movement.amount), (movement.credit, movement.amount)):
            changes[pot.pk] += amount
            pots[pot.pk] = pot
    with connection.cursor() as cursor:
        cursor.executemany(_CHANGE, [(amount, pk) for pk, amount in sorted(changes.items())])
    for pk, amount in changes.items():
        pots[pk].balance += amount


def _same_asset(movement: Movement) -> None:
    if (movement.debit.asset, movement.debit.scale) != (
        movement.credit.asset,
        movement.credit.scale,
    ):
        message = f"{movement.debit.asset} cannot become {movement.credit.asset} in one movement"
        raise ScaleMismatchError(message)


def ledger_verify() -> list[str]:
    """Recompute everything from the entries; return a sentence for each thing that is not so."""
    return [*_wrong_balances(), *_wrong_sums(), *_wrong_holdings(), *_wrong_reserves()]


def _wrong_balances() -> list[str]:
    moved: defaultdict[int, int] = defaultdict(int)
    for name, sign in (("debit", -1), ("credit", 1)):
        sums = LedgerEntry.objects.order_by().values_list(name).annotate(total=Sum("amount"))
        for pot_id, total in sums:
            moved[pot_id] += sign * int(total)
    return [
        f"pot {pot.pk} ({pot}) holds {pot.balance}, its entries make {moved[pot.pk]}"
        for pot in LedgerAccount.objects.all()
        if pot.balance != moved[pot.pk]
    ]


def _wrong_sums() -> list[str]:
    totals: defaultdict[tuple[int, str], int] = defaultdict(int)
    for account_id, asset, balance in LedgerAccount.objects.values_list(
        "account_id", "asset", "balance"
    ):
        totals[account_id, asset] += balance
    return [
        f"{asset} of account {account_id} sums to {total}, not to 0"
        for (account_id, asset), total in totals.items()
        if total
    ]


def _wrong_holdings() -> list[str]:
    """Compare what positions hold of each asset with the pots of it."""
    held: defaultdict[tuple[int, str], int] = defaultdict(int)
    for account_id, asset, quantity in Position.objects.filter(closed_at=None).values_list(
        "account_id", "instrument__base", "quantity"
    ):
        held[account_id, asset] += quantity
    currencies = dict(Account.objects.values_list("pk", "currency"))
    for pot in LedgerAccount.objects.filter(kind__in=[Kind.CASH, Kind.RESERVED]):
        if pot.asset != currencies[pot.account_id]:
            held[pot.account_id, pot.asset] -= pot.balance
    return [
        f"positions of account {account_id} hold {difference} {asset} more than its pots"
        for (account_id, asset), difference in held.items()
        if difference
    ]


def _wrong_reserves() -> list[str]:
    """Compare what working orders hold back with the pots that hold it."""
    reserved: defaultdict[tuple[int, str], int] = defaultdict(int)
    for order in Order.objects.exclude(reserved=0).select_related("instrument"):
        is_buy = order.side == Order.Side.BUY
        asset = order.instrument.quote if is_buy else order.instrument.base
        reserved[order.account_id, asset] += order.reserved
    for pot in LedgerAccount.objects.filter(kind=Kind.RESERVED):
        reserved[pot.account_id, pot.asset] -= pot.balance
    return [
        f"orders of account {account_id} reserve {difference} {asset} more than its pot"
        for (account_id, asset), difference in reserved.items()
        if difference
    ]
