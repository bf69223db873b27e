"""The UTC day of an account's risk: its opening equity and its halt."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from markets.quotes import store
from mystic.lib import bus
from trading.events import RiskHalted
from trading.execution.fills import MarketView
from trading.models import Account, RiskDay
from trading.risk.engine import is_daily_loss_reached
from trading.risk.reasons import Reason
from trading.services.order_steps import entries_withdraw
from trading.standing import Standing, day_opened, standing_read


def risk_day_get(standing: Standing, now: datetime) -> RiskDay:
    """Return the account's row of this UTC day, opened with the equity of its first use."""
    day = day_opened(standing.account, now)
    if day is not None:
        return day
    day, _ = RiskDay.objects.get_or_create(
        account=standing.account,
        day=now.date(),
        defaults={"opening_equity": standing.opening_equity},
    )
    return day


def daily_loss_check(account_id: int, *, view: MarketView = store) -> bool:
    """Halt the account where the day's loss, open positions included, reached the limit.

    Working entries are withdrawn in the same transaction; positions keep their stops. Returns
    whether the halt happened now. A loss that is not known, because a position has no mark,
    halts nothing: entries are judged more strictly instead.
    """
    now = timezone.now()
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).get(pk=account_id)
        standing = standing_read(account, view, now)
        day = risk_day_get(standing, now)
        if not standing.is_complete or day.is_halted:
            return False
        if not is_daily_loss_reached(standing.equity, day.opening_equity, standing.limits):
            return False
        return day_halt(standing, day, now)


def day_halt(standing: Standing, day: RiskDay, now: datetime) -> bool:
    """Stop the account's entries until the next UTC day, once; the caller holds its lock."""
    changed = RiskDay.objects.filter(pk=day.pk, is_halted=False).update(
        is_halted=True, halt_reason=Reason.DAILY_LOSS_HALT, halted_at=now
    )
    if not changed:
        return False
    day.is_halted = True
    entries_withdraw(standing.account, reason_code=Reason.DAILY_LOSS_HALT, actor="risk")
    event = RiskHalted(
        account_id=standing.account.pk,
        user_id=standing.account.owner_id,
        reason_code=Reason.DAILY_LOSS_HALT,
        detail="The daily loss limit is reached; new entries wait for the next UTC day.",
    )
    transaction.on_commit(partial(bus.publish, event))
    return True
