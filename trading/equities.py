"""Equity of the accounts that hold something, from memory: cheap enough for every quote."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Sum
from django.utils import timezone

from markets.quotes import store
from mystic.lib.units import price_units
from trading.models import Account, LedgerAccount, RiskDay
from trading.valuation import MARK_MAX_AGE_MS
from trading.watched import WatchedPosition


@dataclass(frozen=True, slots=True)
class AccountMoney:
    """What an account has besides its positions, and what its day began with; units."""

    account_id: int
    user_id: int
    scale: int
    money: int
    opening_equity: int | None
    max_daily_loss: int
    is_halted: bool


@dataclass(frozen=True, slots=True)
class Equity:
    """Equity of one account at the bids of this moment; `open_profit` before fees."""

    account: AccountMoney
    equity: int
    open_profit: int


class Equities:
    """The money of every account with open positions, and equity at the newest bids."""

    def __init__(self) -> None:
        self._accounts: dict[int, AccountMoney] = {}
        self._positions: dict[int, list[WatchedPosition]] = {}

    def load(self, positions: Iterable[WatchedPosition]) -> None:
        """Read the money of the accounts that hold these positions."""
        held: defaultdict[int, list[WatchedPosition]] = defaultdict(list)
        for position in positions:
            held[position.account_id].append(position)
        self._accounts = _money(held) if held else {}
        self._positions = dict(held)

    def equity(self, account_id: int) -> Equity | None:
        """Return the equity, or None where a position has no usable bid: nothing is guessed."""
        account = self._accounts.get(account_id)
        if account is None:
            return None
        value = profit = 0
        for position in self._positions.get(account_id, ()):
            mark = bid_units(position)
            if mark is None:
                return None
            worth = position.terms.received(position.quantity, mark)
            value += worth
            profit += worth - position.cost
        return Equity(account, account.money + value, profit)

    def breached(self, positions: Sequence[WatchedPosition]) -> list[int]:
        """Return the accounts whose day must be looked at: it has no row yet, or lost too much."""
        found = []
        for account_id in {position.account_id for position in positions}:
            state = self.equity(account_id)
            if state is None or state.account.is_halted:
                continue
            opening = state.account.opening_equity
            if opening is None or opening - state.equity >= state.account.max_daily_loss:
                found.append(account_id)
        return found


def bid_units(position: WatchedPosition) -> int | None:
    """Return the instrument's newest usable bid in price units."""
    quote = store.latest(position.instrument_id)
    if quote is None or quote.bid <= 0 or store.age_ms(quote) > MARK_MAX_AGE_MS:
        return None
    return price_units(quote.bid, position.terms.price_scale)


def _money(held: dict[int, list[WatchedPosition]]) -> dict[int, AccountMoney]:
    accounts = Account.objects.filter(pk__in=held).select_related("risk_limit")
    kinds = [LedgerAccount.Kind.CASH, LedgerAccount.Kind.RESERVED]
    sums = {
        (account_id, asset): int(total)
        for account_id, asset, total in LedgerAccount.objects.filter(
            account_id__in=held, kind__in=kinds
        )
        .values_list("account_id", "asset")
        .annotate(total=Sum("balance"))
    }
    today = timezone.now().date()
    days = {d.account_id: d for d in RiskDay.objects.filter(account_id__in=held, day=today)}
    return {
        account.pk: AccountMoney(
            account_id=account.pk,
            user_id=account.owner_id,
            scale=account.scale,
            money=sums.get((account.pk, account.currency), 0),
            opening_equity=days[account.pk].opening_equity if account.pk in days else None,
            max_daily_loss=account.risk_limit.max_daily_loss,
            is_halted=days[account.pk].is_halted if account.pk in days else False,
        )
        for account in accounts
    }
