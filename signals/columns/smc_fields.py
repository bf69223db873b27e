"""The Smart-Money detector as a column: what is known after each close, as numbers."""

from collections.abc import Sequence
from math import isnan, nan

import numpy as np

from signals.columns.series import Floats
from signals.smc.detector import Detector, Found
from signals.smc.events import BEARISH, BULLISH, Event, Kind

MEMORY = 384
"""Bars after which a confirmed thing is forgotten, wherever the calculation began."""
HISTORY = 512
"""Bars before the current one that the detector is given: its memory, and room to settle."""

FIELDS = (
    "trend",
    "swing_high",
    "swing_high_age",
    "swing_low",
    "swing_low_age",
    "bullish_bos_age",
    "bearish_bos_age",
    "bullish_choch_age",
    "bearish_choch_age",
    "bullish_ob",
    "bullish_ob_top",
    "bullish_ob_bottom",
    "bullish_ob_age",
    "bullish_ob_touches",
    "bullish_ob_gap",
    "bearish_ob",
    "bearish_ob_top",
    "bearish_ob_bottom",
    "bearish_ob_age",
    "bearish_ob_touches",
    "bearish_ob_gap",
    "bullish_fvg",
    "bullish_fvg_top",
    "bullish_fvg_bottom",
    "bullish_fvg_age",
    "bearish_fvg",
    "bearish_fvg_top",
    "bearish_fvg_bottom",
    "bearish_fvg_age",
)
"""`trend` is 1 or -1, missing before the first break; `*_ob` and `*_fvg` are conditions: there is
an unmitigated one, and the columns that follow describe the nearest. `*_ob_touches` counts the bars
that reached into it since it was known, the current one included; `*_ob_gap` says that the move
from the block to its break left a fair value gap."""

FLAGS = frozenset(
    ("bullish_ob", "bearish_ob", "bullish_ob_gap", "bearish_ob_gap", "bullish_fvg", "bearish_fvg")
)
BREAKS = (
    (Kind.BOS, BULLISH),
    (Kind.BOS, BEARISH),
    (Kind.CHOCH, BULLISH),
    (Kind.CHOCH, BEARISH),
)
NO_BLOCK = (0.0, nan, nan, nan, nan, nan)
NO_GAP = (0.0, nan, nan, nan)
NO_LEVEL = (nan, nan)


class SmcOp:
    """Push bars through a detector; one row of `FIELDS` a bar."""

    def __init__(self, swing: int) -> None:
        self._detector = Detector(swing)
        self._last_gap: dict[int, Event] = {}
        # By the bar that made a block known: at most one block becomes known on a bar.
        self._touches: dict[int, int] = {}
        self._left_gap: dict[int, bool] = {}

    def push(self, inputs: Sequence[Floats]) -> Floats:
        rows = zip(*(one.tolist() for one in inputs), strict=True)
        table = [self._row(*row) for row in rows]
        return np.array(table, dtype=np.float64).reshape(len(table), len(FIELDS))

    def _row(self, open_: float, high: float, low: float, close: float) -> tuple[float, ...]:
        detector = self._detector
        found = detector.push(0, open_, high, low, close)
        now = detector.count - 1
        blocks = detector.blocks
        if found.events or found.mitigations:
            self._follow(found)
        last = detector.last_breaks
        ages = [_age(last.get(key), now) for key in BREAKS]
        trend = nan if all(map(isnan, ages)) else float(detector.structure.trend)
        return (
            trend,
            *_level(detector.last_high, now),
            *_level(detector.last_low, now),
            *ages,
            *self._block(blocks.bullish, now, high, low),
            *self._block(blocks.bearish, now, high, low),
            *_gap(detector.gaps.bullish, now),
            *_gap(detector.gaps.bearish, now),
        )

    def _follow(self, found: Found) -> None:
        for event in found.events:
            if event.kind is Kind.FAIR_VALUE_GAP:
                self._last_gap[event.direction] = event
        for event in found.events:
            if event.kind is Kind.ORDER_BLOCK:
                gap = self._last_gap.get(event.direction)
                self._left_gap[event.confirmed_index] = gap is not None and gap.index > event.index
                self._touches[event.confirmed_index] = 0
        for mitigation in found.mitigations:
            if mitigation.event.kind is Kind.ORDER_BLOCK:
                del self._left_gap[mitigation.event.confirmed_index]
                del self._touches[mitigation.event.confirmed_index]

    def _block(
        self, blocks: Sequence[Event], now: int, high: float, low: float
    ) -> tuple[float, ...]:
        if not blocks or now - blocks[-1].confirmed_index > MEMORY:
            return NO_BLOCK
        block = blocks[-1]
        known = block.confirmed_index
        if known < now and low <= block.top and high >= block.bottom:
            self._touches[known] += 1
        return (
            1.0,
            block.top,
            block.bottom,
            float(now - known),
            float(self._touches[known]),
            float(self._left_gap[known]),
        )


def _age(event: Event | None, now: int) -> float:
    if event is None or now - event.confirmed_index > MEMORY:
        return nan
    return float(now - event.confirmed_index)


def _level(event: Event | None, now: int) -> tuple[float, float]:
    if event is None or now - event.confirmed_index > MEMORY:
        return NO_LEVEL
    return (event.top, float(now - event.confirmed_index))


def _gap(zones: Sequence[Event], now: int) -> tuple[float, ...]:
    if not zones or now - zones[-1].confirmed_index > MEMORY:
        return NO_GAP
    zone = zones[-1]
    return (1.0, zone.top, zone.bottom, float(now - zone.confirmed_index))
