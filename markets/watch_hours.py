"""What hours mean for the watch list: a closed market is closed, and its day before is a session's.

Kept apart from `markets.watchlist`, which knows how a row is made.
"""

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Max, Q

from markets.models import Candle, Instrument
from markets.selectors import base_timeframe
from markets.sessions import ALWAYS

DAY_S = 86_400
# No regular closure of an exchange is longer than this.
LONGEST_CLOSURE_S = 7 * DAY_S
GROUPS = {"crypto": "Crypto", "stock": "US stocks", "fx": "Currencies", "macro": "Macro"}


def day_before(instruments: Iterable[Instrument], newest: Mapping[int, int]) -> dict[int, int]:
    """Return the open time of the bar one day before each newest bar, by instrument id.

    Where a market has hours it may have been closed then: its price at that moment is the close
    of the last bar until it.
    """
    exact = {key: open_time - DAY_S for key, open_time in newest.items()}
    wanted = Q()
    for one in instruments:
        if one.session_calendar != ALWAYS and one.pk in exact:
            until = exact[one.pk]
            span = Q(open_time__lte=until, open_time__gt=until - LONGEST_CLOSURE_S)
            wanted |= Q(instrument_id=one.pk) & span
    if not wanted:
        return exact
    found = (
        Candle.objects.filter(wanted, timeframe=base_timeframe())
        .order_by()
        .values_list("instrument_id")
        .annotate(Max("open_time"))
    )
    return exact | dict(found)


def grouped[R](rows: Sequence[R]) -> list[tuple[str, list[R]]]:
    """Return the rows of a watch list by asset class, pairs first, with each group's name."""
    groups: dict[str, list[R]] = {}
    for row in rows:
        groups.setdefault(_class_of(row), []).append(row)
    order = [one for one in GROUPS if one in groups] + [one for one in groups if one not in GROUPS]
    return [(GROUPS.get(one, one), groups[one]) for one in order]


def _class_of(row: object) -> str:
    instrument: Instrument = row.instrument  # type: ignore[attr-defined]
    return instrument.asset_class
