"""Decide which of several sources supplies the quotes: pure, by one clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

# The source in use must be gone for so long before the next one speaks, and a better one be back
# for so long before it is used again: sources never take turns by the second.
TAKE_OVER_AFTER_S = 10.0
HAND_BACK_AFTER_S = 30.0


class Health(StrEnum):
    """How a source does: `BLOCKED` refuses this place and is left at once."""

    LIVE = "live"
    AWAY = "away"
    BLOCKED = "blocked"


@dataclass(slots=True)
class FailoverOrder:
    """Which of an ordered list of sources is in use; call `update` about once a second.

    The first source is preferred to the second, and so on. Those up to the one in use should be
    kept running (`wanted`), so that a better one that comes back is seen.

    Attributes
    ----------
    used : int
        Position of the source in use; at the last one it stays, whether that is live or not,
        until another is live.
    """

    take_over_after_s: float = TAKE_OVER_AFTER_S
    hand_back_after_s: float = HAND_BACK_AFTER_S
    used: int = 0
    _away_since: float | None = None
    _live_since: dict[int, float] = field(default_factory=dict)

    @property
    def wanted(self) -> int:
        """How many sources, from the first, should run."""
        return self.used + 1

    def update(self, healths: Sequence[Health], *, now_s: float) -> bool:
        """Note how each source does at monotonic `now_s`; True when another is used from now on.

        A source that does not run counts as away.
        """
        self._note(healths, now_s)
        better = [
            position
            for position in range(self.used)
            if now_s - self._live_since.get(position, now_s) >= self.hand_back_after_s
        ]
        if better:
            return self._use(better[0])
        if healths[self.used] is Health.LIVE:
            self._away_since = None
            return False
        if self._away_since is None:
            self._away_since = now_s
        is_patient = healths[self.used] is not Health.BLOCKED
        if is_patient and now_s - self._away_since < self.take_over_after_s:
            return False
        return self._use(self._next(healths))

    def _note(self, healths: Sequence[Health], now_s: float) -> None:
        for position, health in enumerate(healths):
            if health is Health.LIVE:
                self._live_since.setdefault(position, now_s)
            else:
                self._live_since.pop(position, None)

    def _next(self, healths: Sequence[Health]) -> int:
        """Return the best source that is live, else the next that does not refuse us."""
        live = [n for n, health in enumerate(healths) if health is Health.LIVE]
        if live:
            return live[0]
        later = range(self.used + 1, len(healths))
        open_ones = [n for n in later if healths[n] is not Health.BLOCKED]
        return open_ones[0] if open_ones else self.used

    def _use(self, position: int) -> bool:
        is_other = position != self.used
        if is_other:
            self.used, self._away_since = position, None
        return is_other
