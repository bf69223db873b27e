"""The Smart-Money pass as a column: what is known after each close, as numbers."""

from collections.abc import Sequence

import numpy as np

from signals.columns.series import Floats
from signals.smc import Pass, layout

MEMORY = layout.MEMORY
"""Bars after which a confirmed thing is forgotten, wherever the calculation began."""
ROOM = 128
"""Bars before the memory in which structure settles: pools reach so far back, and trends."""

STRUCTURE = (
    "trend",
    "swing_high",
    "swing_high_age",
    "swing_low",
    "swing_low_age",
    "bullish_bos_age",
    "bearish_bos_age",
    "bullish_choch_age",
    "bearish_choch_age",
)
BLOCK = ("", "_top", "_bottom", "_age", "_touches", "_gap")
ZONE = ("", "_top", "_bottom", "_age")
RANGE = ("range_high", "range_low", "equilibrium", "range_position", "premium", "discount")


def _both(name: str, parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{side}_{name}{part}" for side in ("bullish", "bearish") for part in parts)


FIELDS = (
    *STRUCTURE,
    *_both("ob", BLOCK),
    *_both("fvg", ZONE),
    "swing_high_strength",
    "swing_low_strength",
    *RANGE,
    *_both("ob", ("_quality",)),
    *_both("breaker", ZONE),
    *_both("open_fvg", (*ZONE, "_fill")),
    *(f"high_pool{part}" for part in (*ZONE, "_count")),
    *(f"low_pool{part}" for part in (*ZONE, "_count")),
    *_both("sweep", ("_age", "_level")),
)
"""In the order of `signals.smc.kernel.describe`; `docs/smc.md` says what each is. `trend` is 1 or
-1, missing before the first break; the names of zones alone are conditions (there is one), and the
columns that follow describe the nearest."""

ZONES = ("ob", "fvg", "breaker", "open_fvg")
FLAGS = frozenset(
    (
        *(name for zone in ZONES for name in _both(zone, ("",))),
        *_both("ob", ("_gap",)),
        "high_pool",
        "low_pool",
        "premium",
        "discount",
    )
)


def history(swing: int) -> int:
    """Return the bars before the current one that the pass is given."""
    return MEMORY + max(ROOM, 24 * swing)


class SmcOp:
    """Push bars through the pass; one row of `FIELDS` a bar."""

    def __init__(self, swing: int) -> None:
        self._pass = Pass(swing)

    def push(self, inputs: Sequence[Floats]) -> Floats:
        times = np.zeros(len(inputs[0]), dtype=np.int64)
        return self._pass.describe((times, *inputs))
