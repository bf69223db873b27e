"""Strategies and their progress, for staff."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from mystic.lib.read_only import ReadOnlyAdmin
from signals.models import Progress, Signal, Strategy
from signals.services import pair_resume


@admin.register(Strategy)
class StrategyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "version", "timeframe", "owner", "is_active", "created_at")
    list_filter = ("is_active",)
    readonly_fields = ("class_name", "version", "timeframe", "params", "owner", "created_at")


@admin.register(Progress)
class ProgressAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Where a paused pair is seen and resumed."""

    list_display = ("strategy", "instrument", "decided_through", "errors", "paused_reason")
    list_select_related = ("strategy", "instrument")
    actions = ("resume",)

    def has_change_permission(self, request: HttpRequest, obj: Progress | None = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    @admin.action(description="Resume the chosen pairs")
    def resume(self, request: HttpRequest, queryset: QuerySet[Progress]) -> None:
        for progress in queryset:
            pair_resume(progress=progress)


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin):
    list_display = ("id", "side", "instrument", "strategy", "confidence", "source", "created_at")
    list_select_related = ("instrument", "strategy")
    list_filter = ("side", "strategy")
