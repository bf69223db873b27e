"""What an account made of its closed positions: sums of what was booked, null where undefined."""

from dataclasses import dataclass

from django.db.models import Q, Sum

from trading.models import Account, LedgerAccount, LedgerEntry, Position


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """Closed positions of one account; money in units of its currency, after fees.

    A position counts as won when what it booked, fees included, is above zero.
    """

    deposited: int
    realised: int
    trades: int
    wins: int
    losses: int
    profit: int
    loss: int
    best: int | None
    worst: int | None

    @property
    def win_rate(self) -> float | None:
        return self.wins / self.trades if self.trades else None

    @property
    def profit_factor(self) -> float | None:
        """Sum of what was won by sum of what was lost; undefined while nothing was lost."""
        return self.profit / self.loss if self.loss else None


def track_record(account: Account) -> TrackRecord:
    """Return the record of an account; `realised` also counts partly sold open positions."""
    booked = list(
        Position.objects.filter(account=account, instrument__quote=account.currency)
        .exclude(closed_at=None)
        .values_list("realised", flat=True)
    )
    everything = Position.objects.filter(account=account, instrument__quote=account.currency)
    won, lost = [x for x in booked if x > 0], [x for x in booked if x < 0]
    return TrackRecord(
        deposited=_deposited(account),
        realised=int(everything.aggregate(sum=Sum("realised"))["sum"] or 0),
        trades=len(booked),
        wins=len(won),
        losses=len(lost),
        profit=sum(won),
        loss=-sum(lost),
        best=max(booked, default=None),
        worst=min(booked, default=None),
    )


def _deposited(account: Account) -> int:
    """Return what came from outside less what went there."""
    kind = LedgerAccount.Kind.FUNDING
    sums = LedgerEntry.objects.filter(
        Q(debit__account=account) | Q(credit__account=account)
    ).aggregate(
        came=Sum("amount", filter=Q(debit__kind=kind)),
        went=Sum("amount", filter=Q(credit__kind=kind)),
    )
    return int(sums["came"] or 0) - int(sums["went"] or 0)
