"""What a person sets of a market maker, and within which bounds."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass


class ParametersError(ValueError):
    """Raised for a parameter that makes no sense; `name` says which."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Parameters:
    """How to quote; sizes in base units, distances in basis points of the mid.

    Attributes
    ----------
    risk_aversion : float
        Per basis point and order.
    horizon_s : float
        How long an inventory is expected to be held.
    min_edge_bps : float
        What a half spread earns at least beyond the maker's fee.
    order_flow_decay : float or None
        The k of the arrival intensity per basis point; None has it measured.
    refresh_ms : int
        Quotes are looked at at most this often.
    replace_bps : float
        A resting quote stays until its price is this far from where it should be.
    memory_s : float
        Over which time volatility and order flow are averaged.
    spike : float
        Quotes are withdrawn while the volatility of `SPIKE_S` is this many times the usual one.
    void_bps : float
        A gap in the book at least this wide withdraws the side before it.
    """

    order_size: int
    max_inventory: int
    risk_aversion: float = 0.05
    horizon_s: float = 60.0
    min_edge_bps: float = 1.0
    order_flow_decay: float | None = None
    refresh_ms: int = 1_000
    replace_bps: float = 1.0
    memory_s: float = 300.0
    spike: float = 4.0
    void_bps: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what cannot be quoted by."""
        if self.order_size <= 0:
            raise ParametersError("order_size", "it must be more than zero")
        if self.max_inventory < self.order_size:
            raise ParametersError("max_inventory", "it must hold at least one order")
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if value is None and name == "order_flow_decay":
                continue
            if not math.isfinite(value) or not low <= value <= high:
                raise ParametersError(name, f"it lies from {low:g} to {high:g}")

    def as_data(self) -> dict[str, float | int | None]:
        """Return everything but the sizes, for a row."""
        return {name: value for name, value in asdict(self).items() if name in BOUNDS}


BOUNDS: Mapping[str, tuple[float, float]] = {
    "risk_aversion": (0.0, 10.0),
    "horizon_s": (1.0, 86_400.0),
    "min_edge_bps": (0.0, 500.0),
    "order_flow_decay": (0.001, 1_000.0),
    "refresh_ms": (250, 60_000),
    "replace_bps": (0.0, 500.0),
    "memory_s": (10.0, 3_600.0),
    "spike": (1.5, 100.0),
    "void_bps": (0.1, 10_000.0),
}
