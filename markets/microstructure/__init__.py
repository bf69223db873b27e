"""What an order book and its trades say beyond the best price; pure, without clock or database."""

from markets.microstructure.flow import CumulativeDelta, OrderFlow, Touch, touch_flow
from markets.microstructure.metrics import (
    BookMetrics,
    Level,
    Levels,
    book_metrics,
    cumulative,
    imbalance,
    imbalance_within,
    micro_price,
)
from markets.microstructure.voids import Void, nearest_void, voids_of

__all__ = [
    "BookMetrics",
    "CumulativeDelta",
    "Level",
    "Levels",
    "OrderFlow",
    "Touch",
    "Void",
    "book_metrics",
    "cumulative",
    "imbalance",
    "imbalance_within",
    "micro_price",
    "nearest_void",
    "touch_flow",
    "voids_of",
]
