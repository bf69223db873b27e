"""When a forecast falls due: the close of the bar it speaks of."""

from markets.sessions import Calendar


def due_at(bar_open: int, timeframe: int, horizon: int, calendar: Calendar) -> int | None:
    """Return the close of the `horizon`-th bar after one, UTC epoch seconds.

    Bars without a minute of trading in them are not counted, as the venue gives none.

    Returns
    -------
    int or None
        None where the sessions of that time are not known.
    """
    if calendar.is_always_open:
        return bar_open + timeframe * (horizon + 1)
    slot = bar_open
    for _ in range(horizon):
        slot += timeframe
        begun = calendar.last_begun(slot + timeframe - 1)
        if begun is None or begun.closes_at <= slot:
            opens = calendar.next_open(slot)
            if opens is None:
                return None
            slot = opens // timeframe * timeframe
    return slot + timeframe
