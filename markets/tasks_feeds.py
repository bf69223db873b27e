"""Doorbells: macro series, the market's mood and news, each read where its row says it is due."""

from celery import shared_task

from markets.services.macro import macro_read
from markets.services.mood import fear_greed_read, news_mood_write
from markets.services.news import news_read


@shared_task  # type: ignore[untyped-decorator]
def macro() -> None:
    """Read the macro series that are due, a few at a time."""
    macro_read()


@shared_task  # type: ignore[untyped-decorator]
def mood() -> None:
    """Read the fear and greed index where it is due, and work out the tone of the hours' news."""
    fear_greed_read()
    news_mood_write()


@shared_task  # type: ignore[untyped-decorator]
def news() -> None:
    """Read the news feeds that are due, a few at a time."""
    news_read()
