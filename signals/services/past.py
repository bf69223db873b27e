"""Whether the past of the stored series changed, which calculations that go on would not see."""

from django.db.models import F, Max, Sum

from markets.models import CandleRevision, SeriesStamp

STAMP_PART = 2**20


class KnownPast:
    """The past of all series as the calculations that a process keeps know it."""

    def __init__(self) -> None:
        self._seen = (0, 0)

    def has_changed(self, base: int) -> bool:
        """Say whether a bar was corrected, or one came late, since this was asked before.

        Parameters
        ----------
        base : int
            Seconds of the stored timeframe.
        """
        newest = CandleRevision.objects.aggregate(newest=Max("pk"))["newest"]
        # A part of each stamp: the whole ones would not fit into a sum.
        parts = SeriesStamp.objects.filter(timeframe=base).annotate(part=F("stamp") % STAMP_PART)
        stamps = parts.aggregate(stamps=Sum("part"))["stamps"]
        before, self._seen = self._seen, (newest or 0, stamps or 0)
        return before != self._seen

    def forget(self) -> None:
        """Know nothing, as a process that begins."""
        self._seen = (0, 0)
