"""Open paper accounts."""

from django.conf import settings
from django.db import transaction

from mystic.lib.money import to_units
from mystic.models import User
from trading.models import Account, LedgerAccount, RiskLimit
from trading.pots import Pots
from trading.services.ledger import transfer

PAPER_NAME = "Paper"
PAPER_SCALE = 8
DEFAULT_POSITION_NOTIONAL = 1_000
DEFAULT_DAILY_LOSS = 500


def account_open(*, user: User) -> Account:
    """Open the paper account of a user with its opening balance; the second call changes nothing.

    The balance and currency come from MYSTIC_PAPER_BALANCE and MYSTIC_PAPER_CURRENCY.
    """
    found = Account.objects.filter(owner=user, name=PAPER_NAME).first()
    if found is not None:
        return found
    with transaction.atomic():
        account, is_new = Account.objects.get_or_create(
            owner=user,
            name=PAPER_NAME,
            defaults={
                "mode": Account.Mode.PAPER,
                "currency": settings.ENV["MYSTIC_PAPER_CURRENCY"],
                "scale": PAPER_SCALE,
            },
        )
        if is_new:
            unit = 10**account.scale
            RiskLimit.objects.create(
                account=account,
                max_position_notional=DEFAULT_POSITION_NOTIONAL * unit,
                max_daily_loss=DEFAULT_DAILY_LOSS * unit,
            )
            balance = to_units(settings.ENV["MYSTIC_PAPER_BALANCE"], account.scale)
            deposit(account=account, amount=balance, key=f"open:{account.pk}")
    return account


def deposit(*, account: Account, amount: int, key: str) -> bool:
    """Put paper money into an account, once per key; return whether it was now."""
    with transaction.atomic():
        locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        pots = Pots.of(locked)
        kinds = LedgerAccount.Kind
        return transfer(
            key=key,
            debit=pots.pot(locked.currency, kinds.FUNDING, locked.scale),
            credit=pots.pot(locked.currency, kinds.CASH, locked.scale),
            amount=amount,
            memo="deposit",
        )
