"""How the account of the oracle stands, and what its limits still allow; by fractions."""

from fractions import Fraction
from math import ceil, floor

from tests.trading.backtest.oracle_market import MILLION


class Judge:
    """Reads `told`, `cash`, `desks`, `opening` and `is_halted` of who inherits it."""

    def is_loss_reached(self, equity):
        return self.opening - equity >= self.told.limits.max_daily_loss

    def worth_now(self, desk):
        """Of the position at the last price, half the spread against it."""
        market = desk.market
        bid = floor(market.last * (1 - Fraction(market.half_spread, MILLION)))
        return floor(market.worth(desk.position.quantity, bid))

    def with_fee(self, market, notional):
        return notional + ceil(Fraction(notional * max(market.maker, market.taker), MILLION))

    def equity_now(self):
        return self.cash + sum(self.worth_now(desk) for desk in self.desks if desk.position)

    def position_room(self, desk):
        limits = self.told.limits
        cap = min(
            floor(max(self.equity_now(), 0) * Fraction(limits.position_ppm, MILLION)),
            limits.max_position_notional,
        )
        return cap - (self.worth_now(desk) if desk.position else 0)

    def stops(self, desk, wish, price):
        """Of the decision, else of the position, else of the limits."""
        limits, tick, stop, take = self.told.limits, desk.market.terms.tick, wish.stop, wish.take
        if desk.position and stop is None and take is None:
            return desk.position.stop, desk.position.take
        if stop is None:
            stop = floor(price * Fraction(MILLION - limits.stop_ppm, MILLION)) // tick * tick
        if take is None:
            take = price + floor((price - stop) * Fraction(limits.take_milli, 1_000))
            take = take // tick * tick
        return stop, take

    def standing(self):
        """Exposure, money at risk and free cash, what working entries set aside included."""
        exposure = risk = 0
        free = self.cash
        for desk in self.desks:
            if desk.position:
                worth = self.worth_now(desk)
                stopped = floor(desk.market.worth(desk.position.quantity, desk.position.stop))
                exposure += worth
                risk += max(worth - stopped, 0)
            if desk.entry:
                order = desk.entry
                exposure += order.aside
                risk += ceil(desk.market.worth(order.rest, abs(order.bound - order.stop)))
                free -= self.with_fee(desk.market, order.aside)
        return exposure, risk, free

    def refusal(self, desk, price, stop, take):
        """Why nothing may be bought, in the order in which paper asks."""
        taken = [one for one in self.desks if one.position or one.entry]
        if self.is_halted or self.is_loss_reached(self.equity_now()):
            return "daily_loss_halt"
        if desk not in taken and len(taken) >= self.told.limits.max_open_positions:
            return "risk_open_positions"
        if stop >= price:
            return "stop_wrong_side"
        return "take_wrong_side" if take <= price else ""

    def size(self, desk, price, stop, take):
        """What the limits allow, and which of them binds."""
        refused = self.refusal(desk, price, stop, take)
        if refused:
            return 0, refused
        limits, market = self.told.limits, desk.market
        equity = self.equity_now()
        exposure, risk, free = self.standing()
        fee, band = max(market.maker, market.taker), self.told.market_band_ppm
        spendable = floor(max(free - 2, 0) * Fraction(MILLION, MILLION + fee))
        spendable = floor(spendable * Fraction(MILLION, MILLION + band))
        lost = max(self.opening - equity, 0)
        budget = max(limits.max_daily_loss - lost - risk, 0)
        cap = floor(max(equity, 0) * Fraction(limits.exposure_ppm, MILLION))
        possible = {
            "risk_position_notional": market.largest(self.position_room(desk), price),
            "risk_exposure": market.largest(cap - exposure, price),
            "risk_balance": market.largest(spendable, price),
            "risk_daily_loss_budget": market.largest(budget, price - stop),
        }
        binding = min(possible, key=possible.get)
        quantity = possible[binding]
        if quantity < max(market.terms.step, market.terms.min_quantity):
            return 0, binding
        if ceil(market.worth(quantity, price)) < market.terms.min_notional:
            return 0, "risk_min_notional"
        return (0, "tick") if stop <= 0 or take <= 0 else (quantity, binding)
