"""Addresses of the trading API."""

from mystic.lib.paths import endpoint
from trading import api, api_backtests, api_combined, api_parity, api_sweeps

urlpatterns = [
    endpoint("portfolio", api.Portfolio, "portfolio"),
    endpoint("analytics/performance", api.Performance, "performance"),
    endpoint("v1/orders", api.Orders, "orders"),
    endpoint("v1/orders/<id:order_id>", api.OrderOne, "order"),
    endpoint("v1/orders/<id:order_id>/cancel", api.OrderCancel, "order_cancel"),
    endpoint(
        "v1/deployments/<id:deployment_id>/parity",
        api_parity.DeploymentParity,
        "deployment_parity",
    ),
    endpoint("v1/positions", api.Positions, "positions"),
    endpoint("v1/positions/<id:position_id>/close", api.PositionClose, "position_close"),
    endpoint("v1/backtests", api_backtests.Backtests, "backtests"),
    endpoint("v1/backtests/combined", api_combined.BacktestCombined, "backtest_combine"),
    endpoint("v1/backtests/compare", api_backtests.BacktestCompare, "backtest_compare"),
    endpoint("v1/backtests/<id:run_id>", api_backtests.BacktestOne, "backtest"),
    endpoint("v1/backtests/<id:run_id>/cancel", api_backtests.BacktestCancel, "backtest_cancel"),
    endpoint("v1/backtests/<id:run_id>/again", api_backtests.BacktestAgain, "backtest_again"),
    endpoint("v1/backtests/<id:run_id>/report", api_backtests.BacktestReport, "backtest_report"),
    endpoint("v1/backtests/<id:run_id>/report.json", api_backtests.BacktestJson, "backtest_json"),
    endpoint("v1/backtests/<id:run_id>/report.html", api_backtests.BacktestHtml, "backtest_html"),
    endpoint("v1/backtests/<id:run_id>/trades", api_backtests.BacktestTradeRows, "backtest_trades"),
    endpoint(
        "v1/backtests/<id:run_id>/trades.csv", api_backtests.BacktestTrades, "backtest_trades_csv"
    ),
    endpoint(
        "v1/backtests/<id:run_id>/equity", api_backtests.BacktestEquityRows, "backtest_equity"
    ),
    endpoint(
        "v1/backtests/<id:run_id>/equity.csv", api_backtests.BacktestEquity, "backtest_equity_csv"
    ),
    endpoint("v1/sweeps", api_sweeps.Sweeps, "sweeps"),
    endpoint("v1/sweeps/<id:sweep_id>", api_sweeps.SweepOne, "sweep"),
    endpoint("v1/sweeps/<id:sweep_id>/cancel", api_sweeps.SweepCancel, "sweep_cancel"),
    endpoint("v1/sweeps/<id:sweep_id>/trials", api_sweeps.SweepTrials, "sweep_trials"),
    endpoint("v1/sweeps/<id:sweep_id>/folds", api_sweeps.SweepFolds, "sweep_folds"),
    endpoint("v1/sweeps/<id:sweep_id>/heat-map", api_sweeps.SweepHeatMap, "sweep_heat_map"),
]
