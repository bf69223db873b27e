"""How a headline sounds: the VADER lexicon (Hutto and Gilbert, 2014), scored on the title alone."""

import functools
from typing import Any

METHOD = "vader-3.3.2"


@functools.cache
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def tone_of(title: str) -> float:
    """Return VADER's compound score of a text, -1 (bad) to 1 (good); 0 for one without feeling.

    The lexicon is one of everyday English: it knows no jargon of markets ("bullish" is no word of
    it). It is loaded on the first call.
    """
    return float(_analyzer().polarity_scores(title)["compound"])


def tone_word(value: float) -> str:
    """Return negative, neutral or positive, with the borders of VADER's authors (0.05)."""
    if value >= 0.05:
        return "positive"
    return "negative" if value <= -0.05 else "neutral"
