"""Which values an assumption may have: told before a run is asked for, with the place."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from trading.backtest.assumptions import DIRECTIONS, ENTRIES, PARTS, STOPS, Assumptions
from trading.risk.values import Limits

LARGEST = 10**18
YEAR_S = 366 * 86_400
RANGES: dict[str, tuple[int, int]] = {
    "cash": (1, LARGEST),
    "scale": (0, 18),
    "maker_ppm": (0, PARTS // 2),
    "taker_ppm": (0, PARTS // 2),
    "half_spread_ppm": (0, PARTS // 2),
    "impact_ppm": (0, 100 * PARTS),
    "volume_share_ppm": (0, PARTS),
    "market_band_ppm": (0, PARTS // 2),
    "delay_bars": (0, 1_000),
    "patience_s": (0, YEAR_S),
    "entry_offset_ppm": (0, PARTS // 2),
    "limit_offset_ppm": (0, PARTS // 2),
    "entry_bars": (1, 10_000),
    "trailing_ppm": (0, PARTS - 1),
    "borrow_ppm": (0, 10 * PARTS),
    "fee_milli": (0, 100_000),
    "slippage_milli": (0, 100_000),
    "seed": (0, 2**32 - 1),
    "limits.position_ppm": (1, 100 * PARTS),
    "limits.max_position_notional": (1, LARGEST),
    "limits.max_open_positions": (1, 1_000),
    "limits.max_daily_loss": (1, LARGEST),
    "limits.exposure_ppm": (1, 100 * PARTS),
    "limits.stop_ppm": (1, PARTS - 1),
    "limits.take_milli": (1, 1_000_000),
}
WORDS = {"entry": ENTRIES, "stops": STOPS, "direction": DIRECTIONS}
FLAGS = ("is_post_only", "has_funding")
OPTIONAL = ("maker_ppm", "taker_ppm")


def faults_of(assumptions: Assumptions) -> list[tuple[str, str]]:
    """Return what cannot be: the place of each value as a JSON pointer, and a sentence."""
    inner = assumptions.limits
    limits = [(f"limits.{one.name}", getattr(inner, one.name)) for one in fields(Limits)]
    own = [(one.name, getattr(assumptions, one.name)) for one in fields(Assumptions)]
    found = []
    for name, value in [*own, *limits]:
        found += [(f"/{name.replace('.', '/')}", said) for said in _faults(name, value)]
    return found


def _faults(name: str, value: Any) -> Iterator[str]:
    if name in WORDS and value not in WORDS[name]:
        yield f"{name} must be one of {', '.join(WORDS[name])}, not {value!r}"
    elif name in FLAGS and not isinstance(value, bool):
        yield f"{name} must be true or false, not {value!r}"
    elif name == "currency" and not (isinstance(value, str) and 1 <= len(value) <= 20):
        yield f"currency must be a name like USDT, not {value!r}"
    elif name in RANGES and not (value is None and name in OPTIONAL):
        low, high = RANGES[name]
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not low <= value <= high:
            yield f"{name} must be a whole number from {low} to {high}, not {value!r}"
