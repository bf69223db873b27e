"""One market maker: it hears the market and says what it wants to rest in the book."""

from dataclasses import dataclass, replace

from signals.making.estimates import BPS, OrderFlowDecay, Volatility
from signals.making.parameters import Parameters
from signals.making.quoting import Grid, Quotes, quotes
from signals.making.withdrawal import Hold, MarketNow, is_void, withdrawal

# The seconds whose volatility is held against the usual one.
SPIKE_S = 10.0
PPM_PER_BPS = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should rest now; without quotes, or on a side that is None, nothing should."""

    quotes: Quotes | None
    holds: tuple[Hold, ...] = ()

    @property
    def bid(self) -> int | None:
        return None if self.quotes is None else self.quotes.bid

    @property
    def ask(self) -> int | None:
        return None if self.quotes is None else self.quotes.ask


class Maker:
    """The estimates of one instrument and the quotes that follow from them.

    Parameters
    ----------
    maker_fee_ppm : int
        What the venue takes of a maker's fill, in millionths of its worth.
    max_age_ms : int
        A quote older than this is no price.
    """

    def __init__(
        self, parameters: Parameters, grid: Grid, *, maker_fee_ppm: int, max_age_ms: int
    ) -> None:
        self.parameters = parameters
        self._grid = grid
        self._max_age_ms = max_age_ms
        edge_ppm = parameters.min_edge_bps * PPM_PER_BPS
        self._min_half_spread_ppm = maker_fee_ppm + round(edge_ppm)
        self._usual = Volatility(parameters.memory_s)
        self._recent = Volatility(SPIKE_S)
        self._flow = OrderFlowDecay(parameters.memory_s)

    @property
    def volatility(self) -> float | None:
        """Basis points per square root of a second."""
        return self._usual.bps

    @property
    def order_flow_decay(self) -> float | None:
        """The k in use: the one that is set, else the one that is measured."""
        return self.parameters.order_flow_decay or self._flow.per_bps

    def on_mid(self, mid: float, at_ms: int) -> None:
        self._usual.add(mid, at_ms)
        self._recent.add(mid, at_ms)

    def on_trade(self, price: float, mid: float, at_ms: int) -> None:
        """Hear a trade and the mid that stood before it, both in one unit."""
        self._flow.add(price, mid, at_ms)

    def on_cut(self) -> None:
        """Hear that the stream was interrupted: the next mid begins anew."""
        self._usual.cut()
        self._recent.cut()

    def wanted(self, market: MarketNow | None, inventory: int) -> Wanted:
        """Return what should rest at this moment, with `inventory` held in base units."""
        volatility, decay = self._usual.bps, self.order_flow_decay
        hold = withdrawal(
            market,
            max_age_ms=self._max_age_ms,
            volatility=volatility,
            recent_volatility=self._recent.bps,
            order_flow_decay=decay,
            spike=self.parameters.spike,
        )
        if market is None or hold is not None or volatility is None or decay is None:
            return Wanted(None, (hold or Hold.NO_QUOTE,))
        found = quotes(
            market.mid,
            inventory,
            volatility=volatility,
            risk_aversion=self.parameters.risk_aversion,
            order_flow_decay=decay,
            horizon_s=self.parameters.horizon_s,
            grid=self._grid,
            order_size=self.parameters.order_size,
            max_inventory=self.parameters.max_inventory,
            min_half_spread_ppm=self._min_half_spread_ppm,
            best_bid=market.bid,
            best_ask=market.ask,
        )
        return self._beside_voids(found, market)

    def _beside_voids(self, found: Quotes, market: MarketNow) -> Wanted:
        """Take away the side behind which the book is empty: price falls through to it."""
        holds = []
        width_bps = self.parameters.void_bps
        if found.bid is not None:
            within = (market.mid - found.bid) / market.mid * BPS
            if is_void(market.void_below, width_bps=width_bps, within_bps=within):
                found, holds = replace(found, bid=None, bid_size=0), [Hold.VOID_BELOW]
        if found.ask is not None:
            within = (found.ask - market.mid) / market.mid * BPS
            if is_void(market.void_above, width_bps=width_bps, within_bps=within):
                found = replace(found, ask=None, ask_size=0)
                holds.append(Hold.VOID_ABOVE)
        return Wanted(found, tuple(holds))


def is_moved(resting: int, wanted: int, replace_bps: float) -> bool:
    """Tell whether a resting price lies farther than the threshold from the wanted one."""
    return abs(resting - wanted) * BPS > replace_bps * wanted
