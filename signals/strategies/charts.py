"""Which longer chart shows the trend behind a strategy's own bars."""

from signals.columns.errors import ColumnError

# Two steps up; nothing stands above a day.
LONGER = {"1m": "15m", "5m": "1h", "15m": "4h", "1h": "1d", "4h": "1d"}


def longer_chart(timeframe: str) -> str:
    """Return the timeframe of the chart that shows the trend.

    Raises
    ------
    ColumnError
        If no longer chart is known.
    """
    found = LONGER.get(timeframe)
    if found is None:
        raise ColumnError(f"it wants a longer chart for the trend; {timeframe} has none")
    return found
