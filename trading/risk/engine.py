"""Decide whether an order may be. A sell only reduces what is held, so every lock lets it pass."""

from collections.abc import Callable

from mystic.lib.units import LARGEST_UNITS
from trading.execution.arithmetic import PARTS, share
from trading.execution.terms import Side, Terms
from trading.risk.arithmetic import dearest, default_stop, default_take, loss_budget, spendable
from trading.risk.reasons import Reason
from trading.risk.values import AccountState, Limits, Request, Sizing, Verdict

type Check = Callable[[Request, AccountState, Limits], Verdict | None]

APPROVED = Verdict(Reason.APPROVED)
# A market order never trades further than this from the price it was approved at.
MARKET_BAND_PPM = 5_000
LOCKS = {
    "no_new_entries": Reason.LOCKED_ENTRIES,
    "reduce_only": Reason.LOCKED_REDUCE,
    "flatten": Reason.LOCKED_FLATTEN,
    "halt": Reason.LOCKED_HALT,
}


def assess(request: Request, state: AccountState, limits: Limits) -> Verdict:
    """Return the first reason against the order, or approval.

    Parameters
    ----------
    request : Request
        The order with the price it is expected to trade at; an entry carries its stop.
    state : AccountState
        The account under its lock; nothing else may change it meanwhile.
    limits : Limits
        The account's limits.
    """
    checks = ORDER_CHECKS + (EXIT_CHECKS if request.side == Side.SELL else ENTRY_CHECKS)
    for check in checks:
        verdict = check(request, state, limits)
        if verdict is not None:
            return verdict
    return APPROVED


def is_daily_loss_reached(equity: int, opening_equity: int, limits: Limits) -> bool:
    """Tell whether the day's loss, open positions included, has reached the limit."""
    return opening_equity - equity >= limits.max_daily_loss


def stops_attached(
    price: int, stop: int | None, take: int | None, *, terms: Terms, limits: Limits
) -> tuple[int, int]:
    """Return stop and take of an entry at `price`, with the defaults where none is given."""
    if stop is None:
        stop = default_stop(price, limits.stop_ppm, terms.tick)
    if take is None:
        take = default_take(price, stop, limits.take_milli, terms.tick)
    return stop, take


def worst_price(request: Request, state: AccountState, limits: Limits) -> int:
    """Return the price a market order may trade at in the worst case, in price units.

    A buy is also bounded so that the position's cap holds whatever the market does meanwhile.
    """
    price = request.price or 0
    if request.side == Side.SELL:
        return share(price, PARTS - MARKET_BAND_PPM, PARTS)
    room = limits.position_cap(state.equity) - state.position_value
    terms = request.terms
    return dearest(price, request.quantity, room, MARKET_BAND_PPM, terms.split, terms.grow)


def size(request: Request, state: AccountState, limits: Limits) -> Sizing:
    """Return the largest step multiple that `assess` would approve, and what bounds it.

    The request's own quantity is not looked at. Nought means that nothing may be bought; the
    binding reason then says why.
    """
    if request.price is None or request.price <= 0:
        return Sizing(0, Reason.NO_QUOTE)
    one = max(request.terms.step, request.terms.min_quantity)
    refused = _standing_refusal(request, state, limits)
    if refused is not None:
        return Sizing(0, refused.reason_code)
    rooms = {
        Reason.POSITION_NOTIONAL: limits.position_cap(state.equity) - state.position_value,
        Reason.EXPOSURE: limits.exposure_cap(state.equity) - state.exposure,
        Reason.BALANCE: _without_fee(state.cash, request),
    }
    sizes = {
        reason: request.terms.quantity_for(room, request.price) for reason, room in rooms.items()
    }
    sizes[Reason.DAILY_LOSS_BUDGET] = _budget_quantity(request, state, limits)
    binding = min(sizes, key=lambda reason: sizes[reason])
    quantity = sizes[binding]
    if quantity < one:
        return Sizing(0, binding)
    if request.terms.paid(quantity, request.price) < request.terms.min_notional:
        return Sizing(0, Reason.MIN_NOTIONAL)
    return Sizing(quantity, binding)


def _standing_refusal(request: Request, state: AccountState, limits: Limits) -> Verdict | None:
    """Return what forbids an entry of any size."""
    checks = (_tradable, _currency, _open, _source, _freshness, *STANDING_CHECKS, _stop_side)
    return next((v for check in checks if (v := check(request, state, limits))), None)


def _without_fee(cash: int, request: Request) -> int:
    """Return the notional that `cash` pays with its fee, when the worst market price comes."""
    band_ppm = MARKET_BAND_PPM if request.is_market else 0
    fee_ppm = max(request.fees.maker_ppm, request.fees.taker_ppm)
    return spendable(cash, fee_ppm, band_ppm)


def _budget_quantity(request: Request, state: AccountState, limits: Limits) -> int:
    distance = (request.price or 0) - (request.stop or 0)
    room = _loss_budget(state, limits)
    return request.terms.quantity_for(room, distance) if distance > 0 else 0


def _loss_budget(state: AccountState, limits: Limits) -> int:
    """Return what may still be put at risk before the day's limit is reached, all stops hit."""
    return loss_budget(state.equity, state.opening_equity, state.open_risk, limits.max_daily_loss)


def _tradable(request: Request, _state: AccountState, _limits: Limits) -> Verdict | None:
    if request.is_trading:
        return None
    return Verdict(Reason.NOT_TRADING, "The instrument does not trade at its venue now.")


def _open(request: Request, _state: AccountState, _limits: Limits) -> Verdict | None:
    """Refuse a market entry while the market is closed; an exit or a limit waits for it."""
    if not (request.closed_reason and request.is_market and request.side == Side.BUY):
        return None
    return Verdict(Reason.MARKET_CLOSED, request.closed_reason)


def _currency(request: Request, _state: AccountState, _limits: Limits) -> Verdict | None:
    if request.is_currency_right:
        return None
    wanted, held = request.quote_asset, request.account_currency
    if not wanted or not held or wanted == held:
        return Verdict(Reason.CURRENCY, "The instrument is priced in another currency.")
    sentence = (
        f"It is priced in {wanted} and this account holds {held}: trade it with a {wanted} account."
    )
    return Verdict(Reason.CURRENCY, sentence)


def _quantity(request: Request, state: AccountState, _limits: Limits) -> Verdict | None:
    quantity, terms = request.quantity, request.terms
    if quantity <= 0:
        return Verdict(Reason.QUANTITY, "The quantity must be positive.")
    if quantity > LARGEST_UNITS or (request.price or 0) > LARGEST_UNITS:
        return Verdict(Reason.TOO_LARGE, "The quantity or price is larger than can be counted.")
    if request.side == Side.SELL and quantity == state.position_quantity:
        return None  # the whole of what is held may always go, whatever is left of a step
    if quantity % terms.step:
        return Verdict(Reason.STEP, "The quantity is not a whole number of lot steps.")
    if quantity < terms.min_quantity:
        return Verdict(Reason.MIN_QUANTITY, "The quantity is below the venue's minimum.")
    return None


def _tick(request: Request, _state: AccountState, _limits: Limits) -> Verdict | None:
    prices = [request.stop, request.take] + ([] if request.is_market else [request.price])
    if any(price is not None and price <= 0 for price in prices):
        return Verdict(Reason.TICK, "A price must be positive.")
    if any(price is not None and price % request.terms.tick for price in prices):
        return Verdict(Reason.TICK, "A price is not a whole number of ticks.")
    return None


def _source(request: Request, _state: AccountState, _limits: Limits) -> Verdict | None:
    if request.quote_is_replay is None or request.quote_is_replay == request.venue_is_replay:
        return None
    return Verdict(Reason.SOURCE, "A replay's quote never meets a live instrument, nor a live one.")


def _freshness(request: Request, _state: AccountState, _limits: Limits) -> Verdict | None:
    """Refuse a market entry without a fresh price; an exit waits for one instead."""
    if not request.is_market or request.side == Side.SELL:
        return None
    age = request.quote_age_ms
    if request.price is None or age is None:
        return Verdict(Reason.NO_QUOTE, "There is no quote for the instrument.")
    if age > request.max_quote_age_ms:
        return Verdict(Reason.NO_QUOTE, f"The newest quote is {age / 1000:.1f} s old.")
    return None


def _short(request: Request, state: AccountState, _limits: Limits) -> Verdict | None:
    if request.quantity <= state.position_quantity:
        return None
    if request.is_reduce_only:
        return Verdict(Reason.REDUCE_ONLY, "There is less to reduce than the order would sell.")
    return Verdict(Reason.SHORT, "A sale may only reduce what the position holds.")


def _reduce_only(request: Request, _state: AccountState, _limits: Limits) -> Verdict | None:
    if not request.is_reduce_only:
        return None
    return Verdict(Reason.REDUCE_ONLY, "A purchase cannot reduce a position.")


def _agreed(request: Request, _state: AccountState, _limits: Limits) -> Verdict | None:
    """Refuse an entry while sources disagree on the price; exits pass."""
    if not request.pause_reason:
        return None
    return Verdict(Reason.SOURCES_DISAGREE, request.pause_reason)


def _locked(_request: Request, state: AccountState, _limits: Limits) -> Verdict | None:
    if not state.lock_level:
        return None
    reason = LOCKS[state.lock_level]
    return Verdict(reason, f"Entries are locked: {state.lock_level.replace('_', ' ')}.")


def _halted(_request: Request, state: AccountState, limits: Limits) -> Verdict | None:
    if state.is_halted or is_daily_loss_reached(state.equity, state.opening_equity, limits):
        return Verdict(
            Reason.DAILY_LOSS_HALT, "The daily loss limit is reached; entries wait for tomorrow."
        )
    return None


def _positions(_request: Request, state: AccountState, limits: Limits) -> Verdict | None:
    if not state.opens_position or state.open_positions < limits.max_open_positions:
        return None
    return Verdict(
        Reason.OPEN_POSITIONS, f"{state.open_positions} positions are open or about to be."
    )


def _stop_side(request: Request, _state: AccountState, _limits: Limits) -> Verdict | None:
    price = request.price or 0
    if request.stop is None or request.stop >= price:
        return Verdict(Reason.STOP_SIDE, "The stop of a purchase lies below its price.")
    if request.take is None or request.take <= price:
        return Verdict(Reason.TAKE_SIDE, "The target of a purchase lies above its price.")
    return None


def _min_notional(request: Request, _state: AccountState, _limits: Limits) -> Verdict | None:
    if request.terms.paid(request.quantity, request.price or 0) >= request.terms.min_notional:
        return None
    return Verdict(Reason.MIN_NOTIONAL, "The order is worth less than the venue's minimum.")


def _position_notional(request: Request, state: AccountState, limits: Limits) -> Verdict | None:
    worth = state.position_value + request.terms.paid(request.quantity, request.price or 0)
    if worth <= limits.position_cap(state.equity):
        return None
    return Verdict(
        Reason.POSITION_NOTIONAL, "The position would be larger than the account's limit allows."
    )


def _exposure(request: Request, state: AccountState, limits: Limits) -> Verdict | None:
    worth = state.exposure + request.terms.paid(request.quantity, request.price or 0)
    if worth <= limits.exposure_cap(state.equity):
        return None
    return Verdict(Reason.EXPOSURE, "All positions together would exceed the exposure limit.")


def _daily_loss_budget(request: Request, state: AccountState, limits: Limits) -> Verdict | None:
    price = request.price or 0
    at_risk = request.terms.paid(request.quantity, max(price - (request.stop or 0), 0))
    if at_risk <= _loss_budget(state, limits):
        return None
    return Verdict(
        Reason.DAILY_LOSS_BUDGET, "If every stop were hit, the daily loss limit would be passed."
    )


def _balance(request: Request, state: AccountState, limits: Limits) -> Verdict | None:
    price = worst_price(request, state, limits) if request.is_market else request.price or 0
    needed = request.fees.with_fee(request.terms.paid(request.quantity, price))
    if needed <= state.cash:
        return None
    return Verdict(Reason.BALANCE, "The account's free balance does not pay for it.")


ORDER_CHECKS: tuple[Check, ...] = (
    _tradable,
    _currency,
    _quantity,
    _tick,
    _open,
    _source,
    _freshness,
)
EXIT_CHECKS: tuple[Check, ...] = (_short,)
STANDING_CHECKS: tuple[Check, ...] = (_reduce_only, _agreed, _locked, _halted, _positions)
ENTRY_CHECKS: tuple[Check, ...] = (
    *STANDING_CHECKS,
    _stop_side,
    _min_notional,
    _position_notional,
    _exposure,
    _daily_loss_budget,
    _balance,
)
