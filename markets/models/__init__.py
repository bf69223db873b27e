"""The tables of the market: what trades, its bars, its sources, and what is known beside prices."""

from markets.models.chains import OptionChain, OptionUnderlying
from markets.models.feeds import (
    BookStat,
    MacroPoint,
    NewsFeed,
    NewsItem,
    OptionQuote,
    SentimentPoint,
    UnusualActivity,
)
from markets.models.market import (
    Instrument,
    InstrumentAlias,
    SessionDay,
    Venue,
    WatchItem,
)
from markets.models.reading import FeedState
from markets.models.series import (
    Candle,
    CandleBlock,
    CandleRevision,
    Gap,
    GapEstimate,
    QualityScore,
    Quarantined,
    SeriesStamp,
)
from markets.models.sources import (
    Breaker,
    Disagreement,
    RateBudget,
    SourceState,
    StreamLease,
)

__all__ = [
    "BookStat",
    "Breaker",
    "Candle",
    "CandleBlock",
    "CandleRevision",
    "Disagreement",
    "FeedState",
    "Gap",
    "GapEstimate",
    "Instrument",
    "InstrumentAlias",
    "MacroPoint",
    "NewsFeed",
    "NewsItem",
    "OptionChain",
    "OptionQuote",
    "OptionUnderlying",
    "QualityScore",
    "Quarantined",
    "RateBudget",
    "SentimentPoint",
    "SeriesStamp",
    "SessionDay",
    "SourceState",
    "StreamLease",
    "UnusualActivity",
    "Venue",
    "WatchItem",
]
