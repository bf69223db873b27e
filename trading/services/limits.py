"""Change the limits of an account."""

from django.db import transaction

from trading.models import Account, RiskLimit

CHANGEABLE = (
    "max_position_fraction",
    "max_position_notional",
    "max_open_positions",
    "max_daily_loss",
    "max_exposure_fraction",
    "stop_fraction",
    "take_multiple",
)


def limits_change(*, account: Account, **values: float) -> RiskLimit:
    """Set the given limits; the database refuses what makes no sense.

    The account's lock is taken, so that no order is being judged by the old limits meanwhile.
    """
    unknown = set(values) - set(CHANGEABLE)
    if unknown:
        message = f"there is no limit named {', '.join(sorted(unknown))}"
        raise TypeError(message)
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        limit = RiskLimit.objects.get(account=account)
        for name, value in values.items():
            setattr(limit, name, value)
        limit.save(update_fields=list(values))
    return limit
