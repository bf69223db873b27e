"""Addresses of the markets API."""

from markets import (
    api,
    api_book,
    api_export,
    api_feeds,
    api_options,
    api_quality,
    api_search,
    api_sources,
)
from mystic.lib.paths import endpoint

urlpatterns = [
    endpoint("v1/macro/<slug:series>", api_feeds.MacroSeries, "macro_series"),
    endpoint("v1/news", api_feeds.News, "news"),
    endpoint("v1/mood", api_feeds.MoodNow, "mood"),
    endpoint("coinstate", api.CoinState, "coinstate"),
    endpoint("v1/market-data/<symbol:symbol>/options", api_options.OptionChain, "option_chain"),
    endpoint("v1/options/unusual", api_options.UnusualOptions, "unusual_options"),
    endpoint("v1/market-data/<symbol:symbol>/historical", api.MarketHistory, "market_history"),
    endpoint("v1/market-data/<symbol:symbol>/export", api_export.MarketExport, "market_export"),
    endpoint("v1/market-data/<symbol:symbol>/book", api_book.MarketBook, "market_book"),
    endpoint("v1/symbols", api_search.Symbols, "symbols"),
    endpoint("v1/quality", api_quality.Quality, "quality_api"),
    endpoint("v1/sources", api_sources.Sources, "sources"),
    endpoint("v1/market-data/<symbol:symbol>", api.MarketData, "market_data"),
]
