"""The candlestick patterns of TA-Lib under readable names.

`docs/candlesticks.md` says what each looks like and what it is said to mean.
"""

from collections.abc import Mapping
from typing import NamedTuple

BULLISH, BEARISH, EITHER = "bullish", "bearish", "either"
NO_DIRECTION, COLOUR = "no direction", "colour"


class Candle(NamedTuple):
    """One pattern.

    Attributes
    ----------
    function : str
        Of TA-Lib.
    lookback : int
        Bars before the current one that it looks at, its averages included; TA-Lib's own figure.
    bars : int
        Of how many it is made.
    direction : str
        What its sign says: which way price is expected, or only the colour of the candle.
    penetration : float or None
        TA-Lib's default, where it asks how far a candle reaches into the body of another.
    """

    function: str
    lookback: int
    bars: int
    direction: str
    penetration: float | None = None


CANDLES: Mapping[str, Candle] = {
    "abandoned_baby": Candle("CDLABANDONEDBABY", 12, 3, EITHER, 0.3),
    "advance_block": Candle("CDLADVANCEBLOCK", 12, 3, BEARISH),
    "belt_hold": Candle("CDLBELTHOLD", 10, 1, EITHER),
    "breakaway": Candle("CDLBREAKAWAY", 14, 5, EITHER),
    "closing_marubozu": Candle("CDLCLOSINGMARUBOZU", 10, 1, EITHER),
    "concealing_baby_swallow": Candle("CDLCONCEALBABYSWALL", 13, 4, BULLISH),
    "counterattack": Candle("CDLCOUNTERATTACK", 11, 2, EITHER),
    "dark_cloud_cover": Candle("CDLDARKCLOUDCOVER", 11, 2, BEARISH, 0.5),
    "doji": Candle("CDLDOJI", 10, 1, NO_DIRECTION),
    "doji_star": Candle("CDLDOJISTAR", 11, 2, EITHER),
    "dragonfly_doji": Candle("CDLDRAGONFLYDOJI", 10, 1, NO_DIRECTION),
    "engulfing": Candle("CDLENGULFING", 2, 2, EITHER),
    "evening_doji_star": Candle("CDLEVENINGDOJISTAR", 12, 3, BEARISH, 0.3),
    "evening_star": Candle("CDLEVENINGSTAR", 12, 3, BEARISH, 0.3),
    "gap_side_by_side_white": Candle("CDLGAPSIDESIDEWHITE", 7, 3, EITHER),
    "gap_three_methods": Candle("CDLXSIDEGAP3METHODS", 2, 3, EITHER),
    "gravestone_doji": Candle("CDLGRAVESTONEDOJI", 10, 1, NO_DIRECTION),
    "hammer": Candle("CDLHAMMER", 11, 2, BULLISH),
    "hanging_man": Candle("CDLHANGINGMAN", 11, 2, BEARISH),
    "harami": Candle("CDLHARAMI", 11, 2, EITHER),
    "harami_cross": Candle("CDLHARAMICROSS", 11, 2, EITHER),
    "high_wave": Candle("CDLHIGHWAVE", 10, 1, COLOUR),
    "hikkake": Candle("CDLHIKKAKE", 5, 3, EITHER),
    "homing_pigeon": Candle("CDLHOMINGPIGEON", 11, 2, BULLISH),
    "identical_three_crows": Candle("CDLIDENTICAL3CROWS", 12, 3, BEARISH),
    "in_neck": Candle("CDLINNECK", 11, 2, BEARISH),
    "inverted_hammer": Candle("CDLINVERTEDHAMMER", 11, 2, BULLISH),
    "kicking": Candle("CDLKICKING", 11, 2, EITHER),
    "kicking_by_length": Candle("CDLKICKINGBYLENGTH", 11, 2, EITHER),
    "ladder_bottom": Candle("CDLLADDERBOTTOM", 14, 5, BULLISH),
    "long_legged_doji": Candle("CDLLONGLEGGEDDOJI", 10, 1, NO_DIRECTION),
    "long_line": Candle("CDLLONGLINE", 10, 1, COLOUR),
    "marubozu": Candle("CDLMARUBOZU", 10, 1, EITHER),
    "mat_hold": Candle("CDLMATHOLD", 14, 5, BULLISH, 0.5),
    "matching_low": Candle("CDLMATCHINGLOW", 6, 2, BULLISH),
    "modified_hikkake": Candle("CDLHIKKAKEMOD", 10, 4, EITHER),
    "morning_doji_star": Candle("CDLMORNINGDOJISTAR", 12, 3, BULLISH, 0.3),
    "morning_star": Candle("CDLMORNINGSTAR", 12, 3, BULLISH, 0.3),
    "on_neck": Candle("CDLONNECK", 11, 2, BEARISH),
    "piercing_line": Candle("CDLPIERCING", 11, 2, BULLISH),
    "rickshaw_man": Candle("CDLRICKSHAWMAN", 10, 1, NO_DIRECTION),
    "separating_lines": Candle("CDLSEPARATINGLINES", 11, 2, EITHER),
    "shooting_star": Candle("CDLSHOOTINGSTAR", 11, 2, BEARISH),
    "short_line": Candle("CDLSHORTLINE", 10, 1, COLOUR),
    "spinning_top": Candle("CDLSPINNINGTOP", 10, 1, COLOUR),
    "stalled_pattern": Candle("CDLSTALLEDPATTERN", 12, 3, BEARISH),
    "stick_sandwich": Candle("CDLSTICKSANDWICH", 7, 3, BULLISH),
    "takuri": Candle("CDLTAKURI", 10, 1, BULLISH),
    "tasuki_gap": Candle("CDLTASUKIGAP", 7, 3, EITHER),
    "three_black_crows": Candle("CDL3BLACKCROWS", 13, 4, BEARISH),
    "three_inside": Candle("CDL3INSIDE", 12, 3, EITHER),
    "three_line_strike": Candle("CDL3LINESTRIKE", 8, 4, EITHER),
    "three_methods": Candle("CDLRISEFALL3METHODS", 14, 5, EITHER),
    "three_outside": Candle("CDL3OUTSIDE", 3, 3, EITHER),
    "three_stars_in_the_south": Candle("CDL3STARSINSOUTH", 12, 3, BULLISH),
    "three_white_soldiers": Candle("CDL3WHITESOLDIERS", 12, 3, BULLISH),
    "thrusting": Candle("CDLTHRUSTING", 11, 2, BEARISH),
    "tristar": Candle("CDLTRISTAR", 12, 3, EITHER),
    "two_crows": Candle("CDL2CROWS", 12, 3, BEARISH),
    "unique_three_river": Candle("CDLUNIQUE3RIVER", 12, 3, BULLISH),
    "upside_gap_two_crows": Candle("CDLUPSIDEGAP2CROWS", 12, 3, BEARISH),
}
