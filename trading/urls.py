"""Addresses of the trading pages."""

from django.urls import path

from trading import (
    views,
    views_backtests,
    views_combine,
    views_making,
    views_parity,
    views_research,
    views_sweeps,
)

urlpatterns = [
    path("portfolio/", views.portfolio, name="portfolio"),
    path("orders/", views.orders, name="orders"),
    path("orders/<int:order_id>/cancel/", views.order_cancel_view, name="order_cancel"),
    path("trading/ticket/<slug:slug>/", views.ticket, name="ticket"),
    path("trading/fragment/tiles/", views.tiles, name="trading_tiles"),
    path("trading/fragment/positions/", views.positions_fragment, name="positions_fragment"),
    path("trading/fragment/orders/", views.orders_fragment, name="orders_fragment"),
    path("trading/positions/<int:position_id>/close/", views.position_close, name="position_close"),
    path("strategies/<int:strategy_id>/deployment/", views.deployment, name="deployment"),
    path("trading/fragment/verdicts/<int:signal_id>/", views.verdicts, name="risk_verdicts"),
    path("trading/fragment/replaced/", views.replaced_fragment, name="replaced_fragment"),
    path(
        "trading/deployments/<int:deployment_id>/replace/",
        views.deployment_replaced,
        name="deployment_replaced",
    ),
    path("deployments/<int:deployment_id>/parity/", views_parity.parity_page, name="parity"),
    path(
        "deployments/<int:deployment_id>/parity/ask/", views_parity.parity_asked, name="parity_ask"
    ),
    path(
        "deployments/<int:deployment_id>/parity/wait/",
        views_parity.parity_waited,
        name="parity_wait",
    ),
    path("trading/fragment/running/", views_parity.running_fragment, name="running_fragment"),
    path("trading/making/", views_making.making, name="making"),
    path("trading/making/rows/", views_making.making_rows, name="making_rows"),
    path("trading/making/start/", views_making.making_start, name="making_start"),
    path("trading/making/<int:maker_id>/", views_making.making_switch, name="making_switch"),
    path("backtests/", views_backtests.backtests, name="backtests"),
    path("backtests/new/", views_research.backtest_new, name="backtest_new"),
    path("backtests/combine/", views_combine.backtest_combine, name="backtest_combine"),
    path("backtests/compare/", views_research.backtest_compare, name="backtest_compare"),
    path("backtests/<int:run_id>/", views_backtests.backtest, name="backtest"),
    path("backtests/<int:run_id>/act/", views_backtests.backtest_act, name="backtest_act"),
    path(
        "backtests/<int:run_id>/progress/",
        views_backtests.backtest_progress,
        name="backtest_progress",
    ),
    path("backtests/<int:run_id>/trades/", views_backtests.backtest_trades, name="backtest_trades"),
    path(
        "backtests/<int:run_id>/trades.json", views_backtests.backtest_marks, name="backtest_marks"
    ),
    path(
        "backtests/<int:run_id>/export/<str:name>",
        views_backtests.backtest_export,
        name="backtest_export",
    ),
    path("sweeps/<int:sweep_id>/", views_sweeps.sweep, name="sweep"),
    path("sweeps/<int:sweep_id>/act/", views_sweeps.sweep_act, name="sweep_act"),
    path("sweeps/<int:sweep_id>/progress/", views_sweeps.sweep_progress, name="sweep_progress"),
    path("sweeps/<int:sweep_id>/trials/", views_sweeps.sweep_trials, name="sweep_trials"),
    path("settings/risk/", views.risk, name="risk_settings"),
    path("settings/risk/lock/", views.lock_place, name="lock_place"),
    path("settings/risk/lock/<int:lock_id>/lift/", views.lock_release, name="lock_release"),
]
