"""Record what a series lacks, and what became of it."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from markets.models import Gap

type Range = tuple[int, int]


def gap_open(*, instrument_id: int, timeframe: int, start: int, end: int) -> None:
    """Record a hole [start, end) that is to be asked from the venue."""
    Gap.objects.get_or_create(
        instrument_id=instrument_id, timeframe=timeframe, start=start, end=end
    )


def gap_withdraw(*, instrument_id: int, timeframe: int, after: int) -> None:
    """Forget open gaps that reach beyond `after`, the venue's own present: they never were."""
    Gap.objects.filter(
        instrument_id=instrument_id, timeframe=timeframe, state=Gap.State.OPEN, end__gt=after
    ).delete()


def gap_resolve(
    *,
    instrument_id: int,
    timeframe: int,
    start: int,
    end: int,
    absent: Iterable[Range] = (),
) -> None:
    """Record that the venue answered for all of [start, end), lacking the `absent` ranges.

    Open gaps are cut by the answered range: what lies inside is filled, what lies outside stays.
    """
    series = {"instrument_id": instrument_id, "timeframe": timeframe}
    with transaction.atomic():
        touched = Gap.objects.filter(
            **series, state=Gap.State.OPEN, start__lt=end, end__gt=start
        ).order_by("id")
        for gap in touched:
            for low, high in ((gap.start, min(gap.end, start)), (max(gap.start, end), gap.end)):
                if low < high:
                    Gap.objects.get_or_create(
                        **series, start=low, end=high, defaults={"detected_at": gap.detected_at}
                    )
            _settle(gap, start=max(gap.start, start), end=min(gap.end, end))
        for low, high in absent:
            _absent_write(instrument_id, timeframe, low, high)


def _absent_write(instrument_id: int, timeframe: int, start: int, end: int) -> None:
    """Record that the venue has nothing in [start, end), as one row with its neighbours."""
    series = Gap.objects.filter(instrument_id=instrument_id, timeframe=timeframe)
    touching = series.filter(state=Gap.State.ABSENT, start__lte=end, end__gte=start)
    ranges = list(touching.values_list("start", "end"))
    touching.delete()
    start = min([start, *(low for low, _ in ranges)])
    end = max([end, *(high for _, high in ranges)])
    series.filter(start=start, end=end).delete()
    Gap.objects.create(
        instrument_id=instrument_id,
        timeframe=timeframe,
        start=start,
        end=end,
        state=Gap.State.ABSENT,
        resolved_at=timezone.now(),
    )


def _settle(gap: Gap, *, start: int, end: int) -> None:
    """Turn an open gap into the filled range [start, end); one that is on record already wins."""
    if (
        Gap.objects.filter(
            instrument_id=gap.instrument_id, timeframe=gap.timeframe, start=start, end=end
        )
        .exclude(pk=gap.pk)
        .exists()
    ):
        gap.delete()
        return
    gap.start, gap.end = start, end
    gap.state, gap.resolved_at = Gap.State.FILLED, timezone.now()
    gap.save(update_fields=["start", "end", "state", "resolved_at"])
