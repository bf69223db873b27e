"""Addresses of the markets pages."""

from django.urls import path

from markets import views, views_feeds, views_options, views_quality, views_sources, views_watch

urlpatterns = [
    path("markets/", views.markets, name="markets"),
    path("markets/search/", views_watch.search, name="market_search"),
    path("markets/lookup/", views_watch.lookup, name="market_lookup"),
    path("markets/list/", views_watch.own_list, name="own_list"),
    path("markets/watch/<int:instrument_id>/", views_watch.watch, name="watch"),
    path("markets/unusual/", views_options.unusual, name="unusual_options"),
    path("markets/quality/", views_quality.quality, name="quality"),
    path("markets/sources/", views_sources.sources, name="sources"),
    path("markets/sources/<slug:code>/", views_sources.source, name="source"),
    path("markets/<slug:slug>/warning/", views_sources.warning, name="market_warning"),
    path("markets/macro/", views_feeds.macro, name="macro"),
    path("markets/macro/<slug:series>/", views_feeds.macro_series, name="macro_series"),
    path("markets/news/", views_feeds.news, name="news"),
    path("markets/<slug:slug>/news/", views_feeds.news_of, name="market_news"),
    path("markets/<slug:slug>/", views.market, name="market"),
    path("markets/<slug:slug>/options/", views_options.chain, name="option_chain"),
    path("markets/<slug:slug>/bars.json", views.bars, name="market_bars"),
]
