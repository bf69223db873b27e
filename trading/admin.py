"""Look at accounts, orders, the ledger and research; nothing of it is written here."""

from django.contrib import admin

from mystic.lib.read_only import ReadOnlyAdmin
from trading.models import (
    Account,
    BacktestResult,
    BacktestRun,
    Deployment,
    Fill,
    Fold,
    LedgerAccount,
    LedgerEntry,
    Lock,
    MarketMaker,
    Order,
    OrderEvent,
    ParityDifference,
    ParityReport,
    Position,
    RiskDay,
    RiskDecision,
    RiskLimit,
    Sweep,
    Trial,
)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("name", "owner", "mode", "currency", "created_at")
    list_select_related = ("owner",)


@admin.register(MarketMaker)
class MarketMakerAdmin(ReadOnlyAdmin):
    list_display = ("id", "account", "instrument", "state", "reason_code", "hold", "changed_at")
    list_filter = ("state",)
    list_select_related = ("account", "instrument")


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("id", "account", "instrument", "side", "type", "status", "reason_code")
    list_filter = ("status", "side", "type")
    list_select_related = ("account", "instrument")


@admin.register(OrderEvent)
class OrderEventAdmin(ReadOnlyAdmin):
    list_display = ("order_id", "seq", "to_status", "actor", "reason_code", "at")


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin):
    list_display = ("id", "order_id", "quantity", "price", "fee", "source", "origin", "filled_at")


@admin.register(Position)
class PositionAdmin(ReadOnlyAdmin):
    list_display = ("id", "account", "instrument", "quantity", "realised", "closed_at")
    list_select_related = ("account", "instrument")


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    list_display = ("account", "asset", "kind", "balance")
    list_select_related = ("account",)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "memo", "debit", "credit", "amount", "booked_at")
    list_select_related = ("debit", "credit")


@admin.register(RiskDecision)
class RiskDecisionAdmin(ReadOnlyAdmin):
    list_display = ("id", "account", "verdict", "reason_code", "decided_at")
    list_filter = ("verdict", "reason_code")
    list_select_related = ("account",)


@admin.register(RiskDay)
class RiskDayAdmin(ReadOnlyAdmin):
    list_display = ("account", "day", "opening_equity", "is_halted", "halt_reason")
    list_select_related = ("account",)


@admin.register(RiskLimit)
class RiskLimitAdmin(ReadOnlyAdmin):
    list_display = ("account", "max_position_notional", "max_open_positions", "max_daily_loss")
    list_select_related = ("account",)


@admin.register(Lock)
class LockAdmin(ReadOnlyAdmin):
    list_display = ("account", "level", "reason", "created_at", "expires_at", "lifted_at")
    list_select_related = ("account",)


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    list_display = ("account", "strategy", "state", "created_at", "stopped_at")
    list_select_related = ("account", "strategy")


@admin.register(BacktestRun, Sweep)
class ResearchAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner", "class_name", "version", "state", "attempts", "created_at")
    list_filter = ("state",)
    list_select_related = ("owner",)


@admin.register(BacktestResult)
class BacktestResultAdmin(ReadOnlyAdmin):
    list_display = ("run_id", "digest", "bars", "trades", "seconds", "made_at")
    exclude = ("document",)


@admin.register(Fold)
class FoldAdmin(ReadOnlyAdmin):
    list_display = ("sweep_id", "number", "train_from", "test_from", "test_through")


@admin.register(Trial)
class TrialAdmin(ReadOnlyAdmin):
    list_display = ("sweep_id", "fold_id", "number", "state", "objective", "attempts")
    list_filter = ("state",)


@admin.register(ParityReport)
class ParityReportAdmin(ReadOnlyAdmin):
    list_display = ("id", "deployment", "made_at")
    list_select_related = ("deployment",)


@admin.register(ParityDifference)
class ParityDifferenceAdmin(ReadOnlyAdmin):
    list_display = ("id", "report_id", "cause")
