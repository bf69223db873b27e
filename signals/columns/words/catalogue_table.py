"""What `x.ta` offers: every indicator class of the `ta` package 0.11 with its warm-up.

The warm-up of a class is the number of bars before the current one after which its value is the
one of a far earlier beginning; before that there is no value. Windows end after their length.
Averages that never forget are followed until their beginning weighs under 1e-12 (1e-9 for the
plain average of prices, and for Kaufman's, whose slowest weight counts).
"""

from collections.abc import Mapping

from signals.columns.words.catalogue_entry import (
    Entry,
    Parameter,
    averages_need,
    bars,
    ewm_history,
    kama_need,
    keltner_need,
    kst_need,
    no_need,
    number,
    stc_need,
    stoch_rsi_need,
    wilder_history,
)
from signals.indicators.warmup import ema_history

C, HL, HLC = ("close",), ("high", "low"), ("high", "low", "close")
CV, HLV, HLCV = ("close", "volume"), ("high", "low", "volume"), (*HLC, "volume")

MOMENTUM: Mapping[str, Entry] = {
    "RSIIndicator": Entry(
        "momentum",
        C,
        bars(window=14),
        ("rsi",),
        lambda v: wilder_history(v["window"]) + 1,
        "x.close.rsi",
    ),
    "TSIIndicator": Entry(
        "momentum",
        C,
        bars(window_slow=25, window_fast=13),
        ("tsi",),
        lambda v: ewm_history(v["window_slow"]) + ewm_history(v["window_fast"]) + 1,
        "x.tsi",
    ),
    "UltimateOscillator": Entry(
        "momentum",
        HLC,
        (
            *bars(window1=7, window2=14, window3=28),
            *(number(f"weight{n}", weight) for n, weight in ((1, 4.0), (2, 2.0), (3, 1.0))),
        ),
        ("ultimate_oscillator",),
        lambda v: max(v["window1"], v["window2"], v["window3"]),
        "x.ultimate",
    ),
    "StochasticOscillator": Entry(
        "momentum",
        HLC,
        bars(window=14, smooth_window=3),
        ("stoch", "stoch_signal"),
        lambda v: v["window"] + v["smooth_window"] - 2,
        "x.stochastic",
    ),
    "KAMAIndicator": Entry(
        "momentum",
        C,
        (*bars(window=10, pow1=2), Parameter("pow2", 30, low=2)),
        ("kama",),
        kama_need,
        "x.close.kama",
        wraps=True,
    ),
    "ROCIndicator": Entry(
        "momentum", C, bars(window=12), ("roc",), lambda v: v["window"], "x.close.roc"
    ),
    "AwesomeOscillatorIndicator": Entry(
        "momentum",
        HL,
        bars(window1=5, window2=34),
        ("awesome_oscillator",),
        lambda v: max(v["window1"], v["window2"]) - 1,
        "x.awesome",
    ),
    "WilliamsRIndicator": Entry(
        "momentum", HLC, bars(lbp=14), ("williams_r",), lambda v: v["lbp"] - 1, "x.williams_r"
    ),
    "StochRSIIndicator": Entry(
        "momentum",
        C,
        bars(window=14, smooth1=3, smooth2=3),
        ("stochrsi", "stochrsi_k", "stochrsi_d"),
        stoch_rsi_need,
        "x.stochastic_rsi",
    ),
    "PercentagePriceOscillator": Entry(
        "momentum",
        C,
        bars(window_slow=26, window_fast=12, window_sign=9),
        ("ppo", "ppo_signal", "ppo_hist"),
        averages_need,
        "x.ppo",
    ),
    "PercentageVolumeOscillator": Entry(
        "momentum",
        ("volume",),
        bars(window_slow=26, window_fast=12, window_sign=9),
        ("pvo", "pvo_signal", "pvo_hist"),
        averages_need,
    ),
}
TREND: Mapping[str, Entry] = {
    "AroonIndicator": Entry(
        "trend",
        HL,
        bars(window=25),
        ("aroon_up", "aroon_down", "aroon_indicator"),
        lambda v: v["window"],
        "x.aroon",
    ),
    "MACD": Entry(
        "trend",
        C,
        bars(window_slow=26, window_fast=12, window_sign=9),
        ("macd", "macd_signal", "macd_diff"),
        averages_need,
        "x.close.macd",
    ),
    "EMAIndicator": Entry(
        "trend",
        C,
        bars(window=14),
        ("ema_indicator",),
        lambda v: ema_history(int(v["window"])),
        "x.close.ema",
    ),
    "SMAIndicator": Entry(
        "trend",
        C,
        (Parameter("window", None),),
        ("sma_indicator",),
        lambda v: v["window"] - 1,
        "x.close.sma",
    ),
    "WMAIndicator": Entry(
        "trend", C, bars(window=9), ("wma",), lambda v: v["window"] - 1, "x.close.wma"
    ),
    "TRIXIndicator": Entry(
        "trend", C, bars(window=15), ("trix",), lambda v: 3 * ewm_history(v["window"]) + 1, "x.trix"
    ),
    "MassIndex": Entry(
        "trend",
        HL,
        bars(window_fast=9, window_slow=25),
        ("mass_index",),
        lambda v: 2 * ewm_history(v["window_fast"]) + v["window_slow"] - 1,
    ),
    "IchimokuIndicator": Entry(
        "trend",
        HL,
        bars(window1=9, window2=26, window3=52),
        ("ichimoku_conversion_line", "ichimoku_base_line", "ichimoku_a", "ichimoku_b"),
        lambda v: max(v["window1"], v["window2"], v["window3"]) - 1,
        "x.ichimoku",
    ),
    "KSTIndicator": Entry(
        "trend",
        C,
        (
            *bars(roc1=10, roc2=15, roc3=20, roc4=30),
            *bars(window1=10, window2=10, window3=10, window4=15, nsig=9),
        ),
        ("kst", "kst_sig", "kst_diff"),
        kst_need,
    ),
    "DPOIndicator": Entry(
        "trend",
        C,
        bars(window=20),
        ("dpo",),
        lambda v: max(v["window"] - 1, v["window"] // 2 + 1),
        "x.dpo",
    ),
    "CCIIndicator": Entry(
        "trend",
        HLC,
        (*bars(window=20), number("constant", 0.015)),
        ("cci",),
        lambda v: v["window"] - 1,
        "x.cci",
    ),
    "ADXIndicator": Entry(
        "trend",
        HLC,
        (Parameter("window", 14, low=2),),
        ("adx", "adx_pos", "adx_neg"),
        lambda v: 2 * (wilder_history(v["window"]) + v["window"]),
        "x.adx",
    ),
    "VortexIndicator": Entry(
        "trend",
        HLC,
        bars(window=14),
        ("vortex_indicator_pos", "vortex_indicator_neg", "vortex_indicator_diff"),
        lambda v: v["window"],
        "x.vortex",
    ),
    "STCIndicator": Entry(
        "trend",
        C,
        bars(window_slow=50, window_fast=23, cycle=10, smooth1=3, smooth2=3),
        ("stc",),
        stc_need,
    ),
}
BANDS = ("mband", "hband", "lband", "wband", "pband")
VOLATILITY: Mapping[str, Entry] = {
    "AverageTrueRange": Entry(
        "volatility",
        HLC,
        bars(window=14),
        ("average_true_range",),
        lambda v: wilder_history(v["window"]) + 1,
        "x.atr",
    ),
    "BollingerBands": Entry(
        "volatility",
        C,
        (*bars(window=20), number("window_dev", 2)),
        (
            *("bollinger_mavg", "bollinger_hband", "bollinger_lband", "bollinger_wband"),
            *("bollinger_pband", "bollinger_hband_indicator", "bollinger_lband_indicator"),
        ),
        lambda v: v["window"] - 1,
        "x.close.bollinger",
    ),
    "KeltnerChannel": Entry(
        "volatility",
        HLC,
        (
            *bars(window=20, window_atr=10),
            Parameter("original_version", default=True),
            number("multiplier", 2),
        ),
        (
            *(f"keltner_channel_{band}" for band in BANDS),
            *("keltner_channel_hband_indicator", "keltner_channel_lband_indicator"),
        ),
        keltner_need,
        "x.keltner",
    ),
    "DonchianChannel": Entry(
        "volatility",
        HLC,
        (*bars(window=20), Parameter("offset", 0, low=0)),
        tuple(f"donchian_channel_{band}" for band in BANDS),
        lambda v: v["window"] - 1 + v["offset"],
        "x.donchian",
    ),
    "UlcerIndex": Entry(
        "volatility",
        C,
        bars(window=14),
        ("ulcer_index",),
        lambda v: 2 * v["window"] - 2,
        "x.ulcer_index",
    ),
}
VOLUME: Mapping[str, Entry] = {
    "AccDistIndexIndicator": Entry(
        "volume", HLCV, (), ("acc_dist_index",), no_need, "x.accumulation", adds_up=True
    ),
    "OnBalanceVolumeIndicator": Entry(
        "volume", CV, (), ("on_balance_volume",), no_need, "x.obv", adds_up=True
    ),
    "VolumePriceTrendIndicator": Entry(
        "volume",
        CV,
        (Parameter("smoothing_factor", 0, low=0),),
        ("volume_price_trend",),
        no_need,
        adds_up=True,
    ),
    "NegativeVolumeIndexIndicator": Entry(
        "volume", CV, (), ("negative_volume_index",), no_need, adds_up=True
    ),
    "ChaikinMoneyFlowIndicator": Entry(
        "volume",
        HLCV,
        bars(window=20),
        ("chaikin_money_flow",),
        lambda v: v["window"] - 1,
        "x.chaikin_money_flow",
    ),
    "ForceIndexIndicator": Entry(
        "volume",
        CV,
        bars(window=13),
        ("force_index",),
        lambda v: ewm_history(v["window"]) + 1,
        "x.force_index",
    ),
    "EaseOfMovementIndicator": Entry(
        "volume",
        HLV,
        bars(window=14),
        ("ease_of_movement", "sma_ease_of_movement"),
        lambda v: v["window"],
        "x.ease_of_movement",
    ),
    "MFIIndicator": Entry(
        "volume", HLCV, bars(window=14), ("money_flow_index",), lambda v: v["window"], "x.mfi"
    ),
    "VolumeWeightedAveragePrice": Entry(
        "volume",
        HLCV,
        bars(window=14),
        ("volume_weighted_average_price",),
        lambda v: v["window"] - 1,
        "x.vwap_of_last",
    ),
}
OTHERS: Mapping[str, Entry] = {
    "DailyReturnIndicator": Entry("others", C, (), ("daily_return",), lambda _: 1, "x.close.roc"),
    "DailyLogReturnIndicator": Entry(
        "others", C, (), ("daily_log_return",), lambda _: 1, "x.close.log_return"
    ),
    "CumulativeReturnIndicator": Entry(
        "others", C, (), ("cumulative_return",), no_need, "x.close / x.day_open() - 1", adds_up=True
    ),
}
CATALOGUE: Mapping[str, Entry] = {**MOMENTUM, **TREND, **VOLATILITY, **VOLUME, **OTHERS}
