"""Locks: a person or the house stops entries, and says why."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from mystic.lib import bus
from trading.events import RiskHalted
from trading.models import Account, Lock
from trading.risk.engine import LOCKS
from trading.services.fills import position_exit
from trading.services.order_steps import entries_withdraw


def lock_set(
    *,
    account: Account,
    level: str,
    reason: str,
    actor: str,
    expires_at: datetime | None = None,
) -> Lock:
    """Lock an account: working entries are withdrawn, `flatten` also sells every position.

    A position's stop, target and close button work under every lock, because they reduce risk.
    """
    with transaction.atomic():
        locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        lock = Lock.objects.create(
            account=locked, level=level, reason=reason, expires_at=expires_at
        )
        entries_withdraw(locked, reason_code=LOCKS[level], actor=actor, cause=reason)
        event = RiskHalted(locked.pk, locked.owner_id, LOCKS[level], reason)
        transaction.on_commit(partial(bus.publish, event))
    if level == Lock.Level.FLATTEN:
        for position_id in account.positions.filter(closed_at=None).values_list("pk", flat=True):
            position_exit(position_id, cause=f"flatten: {reason}", actor=actor)
    return lock


def flatten_reasons(*, now: datetime) -> dict[int | None, str]:
    """Return why each account must hold nothing now; the key None is the house: every account."""
    locks = Lock.objects.filter(level=Lock.Level.FLATTEN, lifted_at=None).filter(
        Q(expires_at=None) | Q(expires_at__gt=now)
    )
    return dict(locks.order_by("-id").values_list("account_id", "reason"))


def lock_lift(*, lock: Lock) -> bool:
    """Lift a lock; return whether it held until now."""
    return bool(Lock.objects.filter(pk=lock.pk, lifted_at=None).update(lifted_at=timezone.now()))
