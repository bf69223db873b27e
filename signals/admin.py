"""Strategies and their progress, for staff."""

from typing import cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from mystic.lib.read_only import ReadOnlyAdmin
from mystic.models import User
from signals.models import ForecastModel, Progress, Signal, Strategy
from signals.services import pair_resume
from signals.services.training import TrainingError, model_cancel, model_retrain
from signals.services.training_work import when


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


@admin.register(ForecastModel)
class ForecastModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Where a training is watched, cancelled and asked for anew."""

    list_display = (
        "name",
        "version",
        "state",
        "stage",
        "share_done",
        "timeframe_name",
        "horizon",
        "rows",
        "trained_until",
        "drifts",
        "error",
    )
    list_filter = ("state", "asset_class")
    exclude = ("direction_trees", "quantile_trees")
    actions = ("retrain", "cancel")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ForecastModel]:
        return super().get_queryset(request).defer("direction_trees", "quantile_trees")

    def get_readonly_fields(
        self, request: HttpRequest, obj: ForecastModel | None = None
    ) -> list[str]:
        names = [one.name for one in ForecastModel._meta.fields]  # noqa: SLF001  Django's own way
        return [one for one in names if one not in (*self.exclude, "retrain_days")]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ForecastModel | None = None) -> bool:
        return False

    @admin.display(description="done")
    def share_done(self, model: ForecastModel) -> str:
        return f"{model.progress:.0%}"

    @admin.display(description="trained through")
    def trained_until(self, model: ForecastModel) -> str:
        return when(model.trained_through) if model.trained_through else ""

    @admin.display(description="drift")
    def drifts(self, model: ForecastModel) -> str:
        return str(model.drift.get("sentence", ""))

    @admin.action(description="Train the chosen models anew")
    def retrain(self, request: HttpRequest, queryset: QuerySet[ForecastModel]) -> None:
        for model in queryset:
            try:
                made = model_retrain(model=model, user=cast("User", request.user))
            except TrainingError as fault:
                self.message_user(request, f"{model}: {fault}", messages.ERROR)
            else:
                self.message_user(request, f"{made} waits for a worker.")

    @admin.action(description="Cancel the chosen trainings")
    def cancel(self, request: HttpRequest, queryset: QuerySet[ForecastModel]) -> None:
        for model in queryset:
            if not model_cancel(model=model, actor=str(request.user)):
                self.message_user(request, f"{model} is not being trained.", messages.WARNING)
