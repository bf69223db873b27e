"""Swing highs and lows: fractals, known `length` bars after their bar."""


def is_high(highs: list[float], at: int, length: int) -> bool:
    """Say whether a high is above the `length` highs after it and not below those before."""
    high = highs[at]
    return high > max(highs[at + 1 : at + length + 1]) and high >= max(highs[at - length : at])


def is_low(lows: list[float], at: int, length: int) -> bool:
    """Say whether a low is below the `length` lows after it and not above those before."""
    low = lows[at]
    return low < min(lows[at + 1 : at + length + 1]) and low <= min(lows[at - length : at])
