"""Keep the rate budgets in rows, so that a ban and a month's count outlive a restart."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from markets.models import RateBudget
from mystic.lib import ratelimit
from mystic.lib.budget_windows import MONTH_S, Snapshot, Usage, Window
from mystic.lib.clock import from_ms, now_ms

_FIELDS = ["limit", "window_s", "used", "used_by", "window_start"]
_FIELDS += ["blocked_until", "is_ban", "updated_at"]
_written: dict[str, tuple[object, ...]] = {}
_silences: dict[str, int] = {}


def budget_row_name(name: str, window: Window, *, is_first: bool) -> str:
    """Return the name of a window's row: `coingecko`, `coingecko:month`, `binance@proxy`."""
    egress = settings.ENV["MYSTIC_EGRESS"]
    part = "" if is_first else ":month" if window.is_month else f":{window.seconds}s"
    return f"{name}{part}" + ("" if egress == "default" else f"@{egress}")


def budgets_write() -> int:
    """Write the budgets of this process that changed; returns how many rows were written."""
    rows = [row for shared in ratelimit.budgets() for row in _rows(shared)]
    _silences.update({one.name: one.ledger.blocked_until_ms for one in ratelimit.budgets()})
    changed = [row for row in rows if _written.get(row.name) != _facts(row)]
    if not changed:
        return 0
    with transaction.atomic():
        RateBudget.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["name"], update_fields=_FIELDS
        )
    _written.update({row.name: _facts(row) for row in changed})
    return len(changed)


def is_budget_blocked() -> bool:
    """Tell whether a venue wants silence for longer than was written."""
    return any(
        one.ledger.blocked_until_ms > max(_silences.get(one.name, 0), now_ms())
        for one in ratelimit.budgets()
    )


def budgets_forget() -> None:
    """Forget what was written, so that the next call writes every budget."""
    _written.clear()
    _silences.clear()


def budgets_restore() -> None:
    """Respect the silences and the counts that were stored before this process began."""
    egress = settings.ENV["MYSTIC_EGRESS"]
    for row in RateBudget.objects.all():
        name, _, at = row.name.partition("@")
        if (at or "default") != egress:
            continue
        window = Window(row.limit, row.window_s)
        name = name.removesuffix(":month").removesuffix(f":{row.window_s}s")
        until_ms = 0 if row.blocked_until is None else int(row.blocked_until.timestamp() * 1000)
        usage = Usage(window, row.window_start * 1000, row.used, row.used_by)
        ratelimit.recall(name, Snapshot([usage], until_ms, is_ban=row.is_ban))


def _rows(shared: ratelimit.Shared) -> list[RateBudget]:
    snapshot, now = shared.snapshot(), timezone.now()
    return [
        RateBudget(
            name=budget_row_name(shared.name, usage.window, is_first=number == 0),
            limit=usage.window.limit,
            window_s=usage.window.seconds,
            used=usage.used,
            used_by=dict(usage.by),
            window_start=usage.start_ms // 1000,
            blocked_until=_later(snapshot.blocked_until_ms),
            is_ban=snapshot.is_ban,
            updated_at=now,
        )
        for number, usage in enumerate(snapshot.usages)
    ]


def _later(epoch_ms: int) -> datetime | None:
    return from_ms(epoch_ms) if epoch_ms > now_ms() else None


def _facts(row: RateBudget) -> tuple[object, ...]:
    """Return what makes a row worth writing; a new window of which nothing is used does not."""
    start = row.window_start if row.used or row.window_s == MONTH_S else 0
    return (row.limit, row.used, start, row.blocked_until, row.is_ban)
