"""Hold the fills of a deployment's signals against what a backtest assumes of them.

A backtest fills a market order at the first price after the decision's bar: the open of the next
stored bar, and worse than it by half the spread and by the impact of its share of that bar's
volume. Stops and targets are watched on quotes, which are not stored: their fills are not compared.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from markets.models import Candle
from mystic.lib.units import from_units, price_units
from trading.backtest.assumptions import PARTS, Assumptions
from trading.backtest.prices import at_least, at_most
from trading.execution.fees import PAPER
from trading.models import Deployment, Fill, Order
from trading.parity import Gap, fill_gap

# A bar that opens later than this after the decision is not the first price after it.
NEXT_WITHIN_S = 900


@dataclass(frozen=True, slots=True)
class Filled:
    """What a signal's order was filled at on average, and what the backtest would have given."""

    order: Order
    price: float
    fee_ppm: float
    assumed: float
    assumed_fee_ppm: float
    bar_open: int
    gap: Gap


def fills_compared(
    deployment: Deployment, *, from_open: int, through_open: int, base: int
) -> Iterator[Filled]:
    """Yield the filled orders of the span's signals, each beside what its backtest assumes."""
    step = deployment.strategy.timeframe
    orders = (
        Order.objects.filter(
            deployment=deployment,
            type=Order.Type.MARKET,
            filled__gt=0,
            signal__bar_close__gte=from_open + step,
            signal__bar_close__lte=through_open + step,
        )
        .select_related("signal__decision", "instrument")
        .prefetch_related("fills")
        .order_by("instrument_id", "signal__bar_close")
    )
    by_instrument: dict[int, list[Order]] = {}
    for order in orders:
        by_instrument.setdefault(order.instrument_id, []).append(order)
    for pk, found in by_instrument.items():
        closes = [order.signal.bar_close for order in found if order.signal]
        bars = _bars(pk, base, closes[0], closes[-1] + NEXT_WITHIN_S)
        times = [bar[0] for bar in bars]
        for order, close in zip(found, closes, strict=True):
            place = bisect_left(times, close)
            if place < len(bars) and times[place] <= close + NEXT_WITHIN_S:
                yield _compared(order, *bars[place][1:])


def _bars(instrument_id: int, base: int, low: int, high: int) -> list[tuple[int, float, float]]:
    rows = Candle.objects.filter(
        instrument_id=instrument_id, timeframe=base, open_time__gte=low, open_time__lte=high
    )
    return list(rows.order_by("open_time").values_list("open_time", "open", "volume"))


def _compared(order: Order, opened_at: float, volume: float) -> Filled:
    side = 1 if order.side == Order.Side.BUY else -1
    scale = order.instrument.price_scale
    fills: list[Fill] = list(order.fills.all())
    quantity = sum(fill.quantity for fill in fills)
    notional = sum(fill.notional for fill in fills)
    price = sum(fill.quantity * fill.price for fill in fills) / quantity
    paid = float(from_units(round(price), scale))
    whole = float(from_units(quantity, order.instrument.base_scale))
    told = _assumed(price_units(opened_at, scale), side, whole / volume if volume else 1.0, order)
    assumed = float(from_units(told, scale))
    return Filled(
        order=order,
        price=paid,
        fee_ppm=PARTS * sum(fill.fee for fill in fills) / notional if notional else 0.0,
        assumed=assumed,
        assumed_fee_ppm=float(PAPER.taker_ppm),
        bar_open=order.signal.decision.bar_open if order.signal else 0,
        gap=fill_gap(side=side, filled=paid, assumed=assumed),
    )


def _assumed(price: int, side: int, share: float, order: Order) -> int:
    """Return what a backtest fills at, price units: on the grid, against the order."""
    rules, tick = Assumptions(), order.instrument.tick
    part = rules.half_spread_ppm + round(rules.impact_ppm * min(share, 1.0) ** 2)
    if side > 0:
        return at_least(price, PARTS + part, tick)
    return at_most(price, PARTS - part, tick)
