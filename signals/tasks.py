"""Doorbells: bars closed, or nobody rang and they closed all the same."""

from celery import shared_task

from markets.events import BarsClosed
from markets.selectors import base_timeframe
from signals import services
from signals.services.forecasting import forecasts_make


@shared_task  # type: ignore[untyped-decorator]
def evaluate(timeframe: int, bar_close: int) -> None:
    """Decide the bars that closed; doubled or lost rings change nothing."""
    services.evaluate(timeframe, bar_close)


@shared_task  # type: ignore[untyped-decorator]
def forecast(timeframe: int, bar_close: int) -> None:
    """Write down what the trained models say about the bars that closed; once, however it rings."""
    forecasts_make(timeframe, bar_close)


@shared_task  # type: ignore[untyped-decorator]
def patterns(bar_close: int) -> None:
    """Keep what the charts draw, after the decisions are out."""
    services.patterns_store(bar_close)


@shared_task  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Decide and forecast what is closed, then go on with what charts still lack."""
    services.evaluate_waiting()
    forecasts_make(base_timeframe())
    services.patterns_resume()


def on_bars_closed(event: BarsClosed) -> None:
    """Ring once for the newest close of a batch; older bars of it are decided with it."""
    if event.timeframe == base_timeframe() and event.bars:
        newest = max(bar.close_time for bar in event.bars)
        evaluate.delay(event.timeframe, newest)
        forecast.delay(event.timeframe, newest)
        patterns.delay(newest)
