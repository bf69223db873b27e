"""freqtrade's backtester on a cross of two averages, with its markets written down here."""

import logging
import tempfile
import time
from pathlib import Path
from typing import Any

import freqtrade.optimize.backtesting as module  # type: ignore[import-not-found]
import pandas as pd
from freqtrade.enums import (  # type: ignore[import-not-found]
    CandleType,
    RunMode,
    TradingMode,
)
from freqtrade.exchange import Exchange  # type: ignore[import-not-found]
from freqtrade.resolvers import StrategyResolver  # type: ignore[import-not-found]
from freqtrade.strategy import IStrategy  # type: ignore[import-not-found]

from benchmarks.children import answer
from benchmarks.crossing import CASH, FAST, FEE, PLACES, SLOW, STOP, TAKE, settled
from benchmarks.inputs import walk

PAIR = "BTC/USDT"
NOTHING = {"min": None, "max": None}
MARKET = {
    "id": "BTCUSDT",
    "symbol": PAIR,
    "base": "BTC",
    "quote": "USDT",
    "type": "spot",
    "active": True,
    "spot": True,
    "contract": False,
    "linear": None,
    "inverse": None,
    "contractSize": None,
    "margin": False,
    "swap": False,
    "future": False,
    "option": False,
    "taker": FEE,
    "maker": FEE,
    "precision": {"price": 1e-8, "amount": 1e-8},
    "info": {},
    "limits": {
        "amount": {"min": 1e-8, "max": 1e12},
        "cost": {"min": 0.0001, "max": None},
        "price": NOTHING,
        "leverage": NOTHING,
    },
}
DEFAULTS: dict[str, Any] = {
    "dp": None,
    "max_open_trades": 1,
    "ignore_roi_if_entry_signal": False,
    "exit_profit_only": False,
    "exit_profit_offset": 0.0,
    "trailing_stop": False,
    "ignore_buying_expired_candle_after": 0,
    "position_adjustment_enable": False,
    "max_entry_position_adjustment": -1,
    "disable_dataframe_checks": False,
    "order_types": {
        "entry": "market",
        "exit": "market",
        "stoploss": "market",
        "stoploss_on_exchange": False,
    },
    "order_time_in_force": {"entry": "GTC", "exit": "GTC"},
    "trailing_only_offset_is_reached": False,
}


class Cross(IStrategy):  # type: ignore[misc]
    INTERFACE_VERSION = 3
    timeframe = "1m"
    stoploss = -STOP
    minimal_roi = {0: TAKE}
    startup_candle_count = 0
    use_exit_signal = True

    def populate_indicators(self, frame: Any, _metadata: Any) -> Any:
        frame["fast"] = frame["close"].rolling(FAST).mean()
        frame["slow"] = frame["close"].rolling(SLOW).mean()
        return frame

    def populate_entry_trend(self, frame: Any, _metadata: Any) -> Any:
        crossed = (frame.fast > frame.slow) & (frame.fast.shift(1) <= frame.slow.shift(1))
        frame.loc[crossed, "enter_long"] = 1
        return frame

    def populate_exit_trend(self, frame: Any, _metadata: Any) -> Any:
        crossed = (frame.fast < frame.slow) & (frame.fast.shift(1) >= frame.slow.shift(1))
        frame.loc[crossed, "exit_long"] = 1
        return frame


def config_of(folder: Path) -> dict[str, Any]:
    prices = {"price_side": "other", "use_order_book": False}
    return {
        "dry_run": True,
        "dry_run_wallet": CASH,
        "stake_currency": "USDT",
        "fee": FEE,
        "stake_amount": "unlimited",
        "tradable_balance_ratio": 1.0,
        "max_open_trades": 1,
        "amend_last_stake_amount": True,
        "last_stake_amount_min_ratio": 0.0,
        "trading_mode": TradingMode.SPOT,
        "margin_mode": "",
        "timeframe": "1m",
        "candle_type_def": CandleType.SPOT,
        "strategy": "Cross",
        "export": "none",
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": prices,
        "exit_pricing": prices,
        "datadir": folder,
        "user_data_dir": folder,
        "dataformat_ohlcv": "feather",
        "runmode": RunMode.BACKTEST,
        "original_config": {},
        "backtest_cache": "none",
        "enable_protections": False,
        "internals": {},
        "exchange": {
            "name": "binance",
            "pair_whitelist": [PAIR],
            "pair_blacklist": [],
            "key": "",
            "secret": "",
            "skip_pair_validation": True,
        },
    }


def stay_offline() -> None:
    """Keep freqtrade from asking the exchange for what `MARKET` says, and from its own checks."""
    module.validate_config_consistency = lambda *_args, **_kwargs: None
    Exchange.reload_markets = lambda *_args, **_kwargs: None
    Exchange.validate_config = lambda *_args: None
    Exchange.additional_exchange_init = lambda *_args: None
    Exchange.markets = property(lambda _self: {PAIR: MARKET})
    StrategyResolver.load_strategy = staticmethod(_strategy)


def _strategy(config: dict[str, Any]) -> Any:
    strategy = Cross(config)
    for name, value in DEFAULTS.items():
        setattr(strategy, name, value)
    return StrategyResolver.validate_strategy(strategy)


def work(bars: int) -> dict[str, Any]:
    made = walk(bars, places=PLACES)
    names = ("open", "high", "low", "close", "volume")
    frame = pd.DataFrame({name: getattr(made, name) for name in names})
    frame.insert(0, "date", pd.to_datetime(made.open_time, unit="s", utc=True))
    with tempfile.TemporaryDirectory() as folder:
        test = module.Backtesting(config_of(Path(folder)))
        test.required_startup = 0
        began = time.process_time()
        test._set_strategy(test.strategylist[0])  # noqa: SLF001  as its own `start` does
        processed = test.strategy.advise_all_indicators({PAIR: frame})
        first, last = frame.date.iloc[0].to_pydatetime(), frame.date.iloc[-1].to_pydatetime()
        found = test.backtest(processed=processed, start_date=first, end_date=last)
        seconds = time.process_time() - began
    trades = found["results"]
    entries = settled([int(one.timestamp()) for one in trades.open_date], bars)
    return {"seconds": seconds, "entries": entries}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    stay_offline()
    answer(work)
