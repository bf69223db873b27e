"""Start, tend and stop market makers; every order goes the way of all orders.

All that counts is in rows, read under the lock of the account: a maker that does not run, whoever
stopped it, has no order at work after the next look.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from markets.models import Instrument
from signals.making import Hold, Parameters, Quotes, Wanted
from signals.making.maker import is_moved
from signals.models import Strategy
from trading.models import Account, Deployment, Fill, MakerQuote, MarketMaker, Order, Position
from trading.services.orders import order_cancel, order_place
from trading.tickets import Ticket
from trading.valuation import terms_of

ACTOR = "market maker"
CLASS_NAME = "MarketMaking"
# Whatever the settings say, an account is not flooded with orders.
MOST_ORDERS = 60
RATE_WINDOW = timedelta(minutes=1)
EXITED = "position_exited"

State = MarketMaker.State
BUY, SELL = Order.Side.BUY, Order.Side.SELL


class MakingError(ValueError):
    """Raised for a market maker that cannot be; the message is for the person who asked."""


@dataclass(frozen=True, slots=True)
class _Book:
    """What a maker has in the market: its position and its working orders."""

    position: Position | None
    orders: list[Order]

    @property
    def inventory(self) -> int:
        return 0 if self.position is None else int(self.position.quantity)

    def on_side(self, side: str) -> list[Order]:
        return [order for order in self.orders if order.side == side]


def maker_start(*, account: Account, instrument: Instrument, parameters: Parameters) -> MarketMaker:
    """Let a market maker quote the instrument; one that is there already takes the parameters.

    Raises
    ------
    MakingError
        If the account or the instrument cannot be quoted, or an order would be too small.
    """
    _check(account, instrument, parameters)
    with transaction.atomic():
        locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        maker = MarketMaker.objects.filter(account=locked, instrument=instrument).first()
        now = timezone.now()
        if maker is None:
            maker = MarketMaker(
                account=locked, instrument=instrument, deployment=_deployment(locked, instrument)
            )
        else:
            _withdraw(working_orders(maker), "started anew", "maker_restarted")
        maker.order_size = parameters.order_size
        maker.max_inventory = parameters.max_inventory
        maker.params = parameters.as_data()
        maker.state, maker.reason_code, maker.reason, maker.hold = State.RUNNING, "", "", ""
        maker.started_at = maker.changed_at = now
        maker.save()
    return maker


def maker_stop(*, maker: MarketMaker, actor: str) -> bool:
    """Stop a maker and cancel its orders; its position keeps stop and target.

    Return whether it was not stopped before.
    """
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=maker.account_id)
        stopped = MarketMaker.objects.filter(pk=maker.pk).exclude(state=State.STOPPED)
        changed = stopped.update(
            state=State.STOPPED,
            reason_code="stopped",
            reason=f"Stopped by {actor}."[:300],
            hold="",
            changed_at=timezone.now(),
        )
        _withdraw(working_orders(maker), f"stopped by {actor}", "maker_stopped")
    return bool(changed)


def makers_clear(*, cause: str) -> int:
    """Cancel every working order of every maker, as at each start and end of the process.

    Return how many there were.
    """
    makers = Order.objects.filter(
        deployment__maker__isnull=False, status__in=Order.WORKING
    ).values_list("deployment__maker", flat=True)
    return sum(_cleared(maker_id, cause) for maker_id in sorted(set(makers)))


def orphans_clear() -> int:
    """Cancel what makers that do not run still have at work; return how many orders."""
    makers = Order.objects.filter(
        deployment__maker__isnull=False, status__in=Order.WORKING
    ).exclude(deployment__maker__state=State.RUNNING)
    found = set(makers.values_list("deployment__maker", flat=True))
    return sum(_cleared(maker_id, "it does not run") for maker_id in sorted(found))


def maker_tend(maker_id: int, decide: Callable[[int], Wanted]) -> MarketMaker:
    """Bring a maker's orders to what should rest, in one transaction; return it as it stands.

    Parameters
    ----------
    decide : callable
        Given the inventory in base units, says what should rest now; quick, and without I/O.
    """
    with transaction.atomic():
        maker = _locked(maker_id)
        if maker.state != State.RUNNING:
            _withdraw(working_orders(maker), "it does not run", "maker_stopped")
            return maker
        _count_spread(maker)
        left = _exit_of(maker)
        if left is not None:
            cause = left.events.order_by("seq").values_list("cause", flat=True).first()
            _pause(maker, EXITED, f"Its position was sold at the market: {cause}.")
            return maker
        book = _Book(_position(maker), working_orders(maker))
        wanted = decide(book.inventory)
        holds = list(wanted.holds)
        _tend_side(maker, book, wanted.quotes, BUY, holds)
        if maker.state == State.RUNNING:
            _tend_side(maker, book, wanted.quotes, SELL, holds)
        _say(maker, holds)
    return maker


def working_orders(maker: MarketMaker) -> list[Order]:
    """Return the limit orders of a maker that still work; an exit at the market is not its own."""
    found = Order.objects.filter(
        deployment=maker.deployment_id, type=Order.Type.LIMIT, status__in=Order.WORKING
    )
    return list(found.select_related("account", "instrument").order_by("id"))


def spread_of(fills: Iterable[Fill], maker: MarketMaker) -> int:
    """Return what the fills earned against the mid on which each was quoted, in quote units."""
    terms = terms_of(maker.instrument)
    held = list(fills)
    quotes = MakerQuote.objects.filter(order__in=[fill.order_id for fill in held])
    mids = dict(quotes.values_list("order", "mid"))
    total = 0
    for fill in held:
        at_mid = terms.received(fill.quantity, mids[fill.order_id])
        total += at_mid - fill.notional if fill.order.side == BUY else fill.notional - at_mid
    return total


def fills_uncounted(maker: MarketMaker) -> list[Fill]:
    """Return the fills of the maker's quotes that `spread_captured` does not hold yet."""
    found = Fill.objects.filter(order__maker_quote__maker=maker, pk__gt=maker.counted_fill)
    return list(found.select_related("order").order_by("pk"))


def _check(account: Account, instrument: Instrument, parameters: Parameters) -> None:
    if account.mode != Account.Mode.PAPER:
        raise MakingError("Market making is on paper only.")
    if instrument.asset_class != Instrument.AssetClass.CRYPTO:
        raise MakingError("Only crypto pairs have the order book that a market maker needs.")
    if instrument.quote != account.currency:
        raise MakingError(
            f"It is priced in {instrument.quote} and this account holds {account.currency}."
        )
    if parameters.order_size % instrument.step or parameters.max_inventory % instrument.step:
        raise MakingError("Sizes are whole numbers of lot steps.")
    if parameters.order_size < instrument.min_quantity:
        raise MakingError("An order would be below the venue's minimum.")


def _deployment(account: Account, instrument: Instrument) -> Deployment:
    """Return a deployment that names the maker's own orders and positions; it is never active."""
    strategy, _ = Strategy.objects.get_or_create(
        class_name=CLASS_NAME,
        version="streamer",
        timeframe=1,
        owner=None,
        defaults={
            "name": "Market making",
            "is_active": False,
            "about": "Quotes both sides of a book; served by the process that streams.",
        },
    )
    now = timezone.now()
    return Deployment.objects.create(
        account=account,
        strategy=strategy,
        symbols=[instrument.symbol],
        state=Deployment.State.STOPPED,
        stopped_at=now,
    )


def _locked(maker_id: int) -> MarketMaker:
    account_id = MarketMaker.objects.values_list("account", flat=True).get(pk=maker_id)
    Account.objects.select_for_update(no_key=True).get(pk=account_id)
    return MarketMaker.objects.select_related("account", "instrument__venue").get(pk=maker_id)


def _cleared(maker_id: int, cause: str) -> int:
    with transaction.atomic():
        return _withdraw(working_orders(_locked(maker_id)), cause, "maker_stopped")


def _withdraw(orders: Iterable[Order], cause: str, reason_code: str) -> int:
    count = 0
    for order in orders:
        order_cancel(order=order, actor=ACTOR, cause=cause, reason_code=reason_code)
        count += 1
    return count


def _position(maker: MarketMaker) -> Position | None:
    return Position.objects.filter(deployment=maker.deployment_id, closed_at=None).first()


def _exit_of(maker: MarketMaker) -> Order | None:
    """Return a sale at the market since the start: a stop, a target, a lock or the owner."""
    return (
        Order.objects.filter(
            deployment=maker.deployment_id,
            type=Order.Type.MARKET,
            side=SELL,
            created_at__gte=maker.started_at,
        )
        .order_by("-id")
        .first()
    )


def _tend_side(
    maker: MarketMaker, book: _Book, quotes: Quotes | None, side: str, holds: list[Hold]
) -> None:
    """Keep the side's order where it is near enough, else cancel it and place the wanted one."""
    price, size = _wanted(maker, book, quotes, side, holds)
    resting = book.on_side(side)
    kept = None
    if price is not None and resting and _may_stay(maker, resting[-1], price, size):
        kept = resting.pop()
    cause = "withdrawn" if price is None else "moved"
    _withdraw(resting, f"{cause}: {', '.join(holds)}" if holds else cause, f"maker_{cause}")
    if kept is not None or price is None or quotes is None:
        return
    if _is_rate_spent(maker):
        holds.append(Hold.ORDER_RATE)
        return
    order = _place(maker, book, side, price, size)
    if order.status == Order.Status.DENIED:
        decision = order.risk_decision
        _pause(maker, decision.reason_code, decision.detail)
        return
    MakerQuote.objects.create(maker=maker, order=order, mid=quotes.mid)


def _wanted(
    maker: MarketMaker, book: _Book, quotes: Quotes | None, side: str, holds: list[Hold]
) -> tuple[int | None, int]:
    """Return price and size that should rest on a side; None where nothing should."""
    if quotes is None:
        return None, 0
    if side == SELL:
        return quotes.ask, min(quotes.ask_size, book.inventory)
    price, size = quotes.bid, quotes.bid_size
    if price is None:
        return None, 0
    stop = None if book.position is None else book.position.stop_price
    if stop is not None and price <= stop:
        holds.append(Hold.STOP_NEAR)
        return None, 0
    terms = terms_of(maker.instrument)
    if size < maker.order_size and terms.paid(size, price) < terms.min_notional:
        return None, 0  # what is missing to the most inventory is too little to order
    return price, size


def _may_stay(maker: MarketMaker, order: Order, price: int, size: int) -> bool:
    open_quantity = order.quantity - order.filled
    replace_bps = float(maker.params["replace_bps"])
    return open_quantity <= size and not is_moved(order.limit_price or 0, price, replace_bps)


def _is_rate_spent(maker: MarketMaker) -> bool:
    since = timezone.now() - RATE_WINDOW
    placed = Order.objects.filter(deployment=maker.deployment_id, created_at__gt=since)
    return placed.count() >= MOST_ORDERS


def _place(maker: MarketMaker, book: _Book, side: str, price: int, size: int) -> Order:
    """Place a quote; a bid takes the account's stop, an ask only reduces what is held."""
    is_ask = side == SELL
    ticket = Ticket(
        account_id=maker.account_id,
        instrument_id=maker.instrument_id,
        side=side,
        type=Order.Type.LIMIT,
        quantity=size,
        limit_price=price,
        is_reduce_only=is_ask,
        deployment_id=maker.deployment_id,
        position_id=book.position.pk if is_ask and book.position is not None else None,
        actor=ACTOR,
        cause=f"market maker {maker.pk}",
    )
    return order_place(ticket)


def _pause(maker: MarketMaker, reason_code: str, reason: str) -> None:
    """Let the maker rest until its owner starts it again; nothing of it stays at work."""
    maker.state, maker.hold = State.PAUSED, ""
    maker.reason_code, maker.reason = reason_code, reason[:300]
    maker.changed_at = timezone.now()
    maker.save(update_fields=["state", "hold", "reason_code", "reason", "changed_at"])
    _withdraw(working_orders(maker), reason, "maker_paused")


def _say(maker: MarketMaker, holds: list[Hold]) -> None:
    told = ",".join(dict.fromkeys(holds))[:80]
    if maker.state == State.RUNNING and maker.hold != told:
        maker.hold = told
        maker.save(update_fields=["hold"])


def _count_spread(maker: MarketMaker) -> None:
    fills = fills_uncounted(maker)
    if not fills:
        return
    maker.spread_captured += spread_of(fills, maker)
    maker.counted_fill = fills[-1].pk
    maker.save(update_fields=["spread_captured", "counted_fill"])
