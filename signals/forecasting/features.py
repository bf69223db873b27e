"""What models look at unless told otherwise: expressions of the column language, in one place."""

from collections.abc import Sequence

CRYPTO = "crypto"
STOCK = "stock"
LEADER = "BTC/USDT"
DAY = 86_400

SHAPE = {
    "return_1": "close / close.lag(1) - 1",
    "return_3": "close / close.lag(3) - 1",
    "return_12": "close / close.lag(12) - 1",
    "return_48": "close / close.lag(48) - 1",
    "rsi": "close.rsi(14)",
    "range": "atr(14) / close",
    "zscore": "close.zscore(48)",
    "away_12": "close / close.ema(12) - 1",
    "away_48": "close / close.ema(48) - 1",
    "place": "(close - low) / (high - low)",
    "body": "(close - open) / atr(14)",
    "volume": "volume.zscore(48)",
}
CLOCK = {"hour": "hour()", "weekday": "weekday()"}
# The longer timeframe whose trend is looked at.
LONGER = {60: "15m", 300: "1h", 900: "4h", 3600: "1d", 14_400: "1d"}
MOOD = {"fear_greed": 'feed("fear_greed")'}
MACRO = {"vix": 'macro("VIXCLS")', "ten_years": 'macro("DGS10")'}


def default_features(
    asset_class: str, timeframe: int, symbols: Sequence[str], feeds: Sequence[str] = ()
) -> dict[str, str]:
    """Return the expressions by name, in the order of the trees' columns.

    Parameters
    ----------
    timeframe : int
        Seconds.
    symbols : sequence of str
        What the model is trained on; alone, Bitcoin is not led by itself.
    feeds : sequence of str
        What is read beside prices here, of fear_greed, macro:VIXCLS, macro:DGS10.
    """
    chosen = dict(SHAPE)
    if timeframe < DAY:
        chosen |= CLOCK
    if timeframe in LONGER:
        chosen["trend"] = f'tf("{LONGER[timeframe]}", close / close.sma(24) - 1)'
    if asset_class == CRYPTO and set(symbols) != {LEADER}:
        chosen["leader"] = f'symbol("{LEADER}", close / close.lag(3) - 1)'
    if asset_class == CRYPTO and "fear_greed" in feeds:
        chosen |= MOOD
    if asset_class == STOCK:
        read = {"vix": "macro:VIXCLS", "ten_years": "macro:DGS10"}
        chosen |= {name: text for name, text in MACRO.items() if read[name] in feeds}
    return chosen
