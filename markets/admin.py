"""The catalogue and the facts in the admin: to be read; what the venues told is not edited."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from markets.models import (
    Breaker,
    CandleRevision,
    Disagreement,
    Gap,
    Instrument,
    InstrumentAlias,
    NewsFeed,
    NewsItem,
    RateBudget,
    SourceState,
    StreamLease,
    Venue,
)
from markets.services.breakers import breaker_close
from mystic.lib.read_only import ReadOnlyAdmin


@admin.register(Venue)
class VenueAdmin(ReadOnlyAdmin):
    list_display = ["code", "name", "is_replay"]


@admin.register(Instrument)
class InstrumentAdmin(ReadOnlyAdmin):
    list_display = ["symbol", "venue", "native_id", "status", "is_watched", "updated_at"]
    list_filter = ["venue", "is_watched", "status"]
    search_fields = ["symbol", "native_id"]


@admin.register(InstrumentAlias)
class InstrumentAliasAdmin(ReadOnlyAdmin):
    list_display = ["instrument", "source", "native_id"]


@admin.register(CandleRevision)
class CandleRevisionAdmin(ReadOnlyAdmin):
    list_display = ["instrument", "timeframe", "open_time", "close", "source", "replaced_at"]


@admin.register(Gap)
class GapAdmin(ReadOnlyAdmin):
    list_display = ["instrument", "timeframe", "start", "end", "state", "detected_at"]
    list_filter = ["state"]


@admin.register(SourceState)
class SourceStateAdmin(ReadOnlyAdmin):
    list_display = ["source", "state", "detail", "last_message_at", "weight_used", "updated_at"]


@admin.register(StreamLease)
class StreamLeaseAdmin(ReadOnlyAdmin):
    list_display = ["name", "holder", "beats", "renewed_at"]


@admin.register(NewsFeed)
class NewsFeedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic when it runs
    """The list of news feeds is data and is edited here; how reading goes is told by the reader."""

    list_display = ["name", "url", "is_active", "last_read_at", "failures", "last_error"]
    list_filter = ["is_active"]
    fields = ["name", "url", "is_active", "next_read_at", "last_read_at", "failures", "last_error"]
    readonly_fields = ["last_read_at", "failures", "last_error"]


@admin.register(NewsItem)
class NewsItemAdmin(ReadOnlyAdmin):
    list_display = ["title", "feed", "published_at", "sentiment"]
    list_filter = ["feed"]
    search_fields = ["title"]


@admin.register(Breaker)
class BreakerAdmin(ReadOnlyAdmin):
    list_display = ["source", "operation", "state", "reason", "retry_at", "calls", "errors"]
    list_filter = ["state"]
    actions = ["close"]

    @admin.action(description="Try again now, before the time is over", permissions=["close"])
    def close(self, request: HttpRequest, queryset: QuerySet[Breaker]) -> None:
        del request
        for row in queryset:
            breaker_close(row)

    def has_close_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


@admin.register(RateBudget)
class RateBudgetAdmin(ReadOnlyAdmin):
    list_display = ["name", "used", "limit", "window_s", "blocked_until", "is_ban", "updated_at"]


@admin.register(Disagreement)
class DisagreementAdmin(ReadOnlyAdmin):
    list_display = ["instrument", "source", "price", "other_source", "other_price", "began_at"]
    list_filter = ["source", "other_source"]
