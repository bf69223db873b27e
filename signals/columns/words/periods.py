"""What is counted from the beginning of a day, a week, a month or a session."""

from typing import TYPE_CHECKING

from signals.columns.derivable import Looking
from signals.columns.errors import ColumnError
from signals.indicators.periods import LENGTH_S, SESSIONS

if TYPE_CHECKING:
    from signals.columns.column import Column

LONGEST = 12_000
"""Bars of a period, at most; a calculation begins this far before every block of 512 bars."""
SESSION_BAR_S = 3600
CALENDAR = ("day", "week", "month")


class PeriodWords(Looking):
    """The periods of a series, for words that begin anew with each of them."""

    __slots__ = ()

    def _period(self, what: str, name: object, *, calendar_only: bool = False) -> "Column":
        """Return when the bar's period began, or refuse the name."""
        known = CALENDAR if calendar_only else tuple(LENGTH_S)
        if not isinstance(name, str) or name not in known:
            raise ColumnError(f"{what} takes one of {', '.join(known)}, not {name!r}")
        if name in SESSIONS and self._clock.timeframe > SESSION_BAR_S:
            raise ColumnError(
                f"{what}: a {self._clock} bar lies partly outside of the {name} session; "
                "ask for it on bars of at most 1h"
            )
        return self._of("period", (self._time(),), name)

    def _reset(self, what: str, reset: object) -> "Column":
        """Return the periods that a cumulative word begins anew with."""
        if reset is None:
            raise ColumnError(
                f"{what} adds up from where the calculation began, which is not the same place in "
                f'a backtest and live; say when it begins anew: {what}(reset="day"), '
                f"or {', '.join(list(LENGTH_S)[1:])}"
            )
        return self._period(f"{what}(reset=...)", reset)

    def _bars_of(self, what: str, seconds: int) -> int:
        """Return how many bars such a time holds, or refuse to look that far back."""
        bars = -(-seconds // self._clock.timeframe)
        if bars > LONGEST:
            raise ColumnError(
                f"{what} looks back over {bars:,} {self._clock} bars, at most {LONGEST:,} can be; "
                'ask for it on a longer timeframe: x.tf("1h", lambda h: h....)'
            )
        return bars

    def _since(self, what: str, how: str, value: "Column", period: "Column") -> "Column":
        """Return the sum, max, min or first of a column since its bar's period began."""
        bars = self._bars_of(what, LENGTH_S[str(period.node.args[0])])
        return self._of("since", (value, period), how, history=bars - 1)
