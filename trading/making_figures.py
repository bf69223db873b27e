"""What a person is shown of a market maker; money in quote units, exact."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet, Sum

from markets.selectors import quote_provenance
from mystic.lib.provenance import Provenance
from mystic.models import User
from trading.market import current_view
from trading.models import Fill, MarketMaker, Order, Position
from trading.services.making import fills_uncounted, spread_of, working_orders
from trading.valuation import mark_of, worth


@dataclass(frozen=True, slots=True)
class MakerFigures:
    """One maker with what it holds and what came of it since it was made.

    `bid` and `ask` are what rests now, in price units. Profit is spread captured plus what the
    inventory gained or lost, less fees. `unrealised`, and with it `inventory_profit` and `profit`,
    is None while something is held that has no mark.
    """

    maker: MarketMaker
    inventory: int
    value: int | None
    bid: int | None
    ask: int | None
    fills: int
    fees: int
    spread_captured: int
    unrealised: int | None
    realised: int
    provenance: Provenance | None

    @property
    def profit(self) -> int | None:
        return None if self.unrealised is None else self.realised + self.unrealised

    @property
    def inventory_profit(self) -> int | None:
        """What moves of the price did to what was bought and sold, adverse selection included."""
        return None if self.profit is None else self.profit + self.fees - self.spread_captured

    @property
    def holds(self) -> list[str]:
        """Why a side is withdrawn now, in words."""
        return [code.replace("_", " ") for code in self.maker.hold.split(",") if code]


def makers_for(*, user: User) -> QuerySet[MarketMaker]:
    """Return the user's market makers; another's looks like an absent one."""
    return MarketMaker.objects.filter(account__owner=user).select_related(
        "account", "instrument__venue"
    )


def figures_for(*, user: User) -> list[MakerFigures]:
    return [figures_of(maker) for maker in makers_for(user=user)]


def figures_of(maker: MarketMaker) -> MakerFigures:
    """Return what a maker holds now and what came of it."""
    positions = Position.objects.filter(deployment=maker.deployment_id)
    sums = positions.aggregate(realised=Sum("realised"), fees=Sum("fees"))
    held = positions.filter(closed_at=None).select_related("instrument").first()
    value = 0 if held is None else _value(held)
    fills = Fill.objects.filter(order__deployment=maker.deployment_id)
    quote = current_view().latest(maker.instrument_id)
    resting = {order.side: order.limit_price for order in working_orders(maker)}
    return MakerFigures(
        maker=maker,
        inventory=0 if held is None else int(held.quantity),
        value=value,
        bid=resting.get(Order.Side.BUY),
        ask=resting.get(Order.Side.SELL),
        fills=int(fills.aggregate(count=Count("pk"))["count"]),
        fees=int(sums["fees"] or 0),
        spread_captured=int(maker.spread_captured) + spread_of(fills_uncounted(maker), maker),
        unrealised=None if value is None else value - (0 if held is None else int(held.cost)),
        realised=int(sums["realised"] or 0),
        provenance=None if quote is None else quote_provenance(quote),
    )


def _value(position: Position) -> int | None:
    mark = mark_of(position.instrument, current_view())
    return None if mark is None else worth(position, mark.price)
