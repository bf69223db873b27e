"""When a condition last held, and what another value was then."""

from math import nan
from typing import Any

from signals.indicators.hot import Hot, Streamed

NEVER = -1e18


def occurrence(flags: Any, out: Any, state: Any, bars: int) -> None:
    """Answer three questions of the last `bars` bars, with three values: true, false, missing.

    Whether any held (missing if none did and one is missing), whether all held (missing if none
    failed and one is missing), and how many bars ago the last one held (missing if none did, or a
    missing one came after it). Bars before the first are missing.

    State: bars seen, and at which the condition last held, failed and was missing.
    """
    count = len(flags)
    now, held, failed, missed = state[0], state[1], state[2], state[3]
    for i in range(count):
        flag = flags[i]
        if flag == 1.0:
            held = now
        elif flag == 0.0:
            failed = now
        else:
            missed = now
        since = now - bars
        unknown = missed > since
        if held > since:
            out[i] = 1.0
            out[2 * count + i] = now - held if held > missed else nan
        else:
            out[i] = nan if unknown else 0.0
            out[2 * count + i] = nan
        if failed > since:
            out[count + i] = 0.0
        else:
            out[count + i] = nan if unknown else 1.0
        now += 1.0
    state[0], state[1], state[2], state[3] = now, held, failed, missed


def remembered(values: Any, flags: Any, out: Any, state: Any, within: int) -> None:
    """Give the value at the last bar at which the flag held, at most `within` bars ago.

    State: bars seen, at which the flag last held (never again once it is missing), the value then.
    """
    now, held, kept = state[0], state[1], state[2]
    for i in range(len(values)):
        if flags[i] == 1.0:
            held, kept = now, values[i]
        elif flags[i] != 0.0:
            held = NEVER
        out[i] = kept if held >= now - within else nan
        now += 1.0
    state[0], state[1], state[2] = now, held, kept


OCCURRENCE, REMEMBERED = Hot(occurrence, width=3), Hot(remembered)


class Occurrence(Streamed):
    """State of what held within the last `bars` bars: any, all, bars since, a table of three."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(OCCURRENCE, [0.0, NEVER, NEVER, -1.0], bars)


class ValueWhen(Streamed):
    """State of the value when a condition last held."""

    __slots__ = ()

    def __init__(self, within: int) -> None:
        super().__init__(REMEMBERED, [0.0, NEVER, nan], within)
