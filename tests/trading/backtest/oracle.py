"""A slow backtest with plain objects and fractions: long positions, entries at the market.

It is written from docs/backtesting.md and from what paper does, not from the kernel; it shares no
arithmetic with it. `test_oracle.py` compares both.
"""

from collections import Counter
from fractions import Fraction
from math import ceil, floor, inf

from tests.trading.backtest.oracle_desk import Desk, Order, Position
from tests.trading.backtest.oracle_market import MILLION, Market, down_to
from tests.trading.backtest.oracle_risk import Judge

DAY = 86_400


class Oracle(Judge):
    def __init__(self, listings, slots, told):
        self.told, self.cash = told, told.cash
        self.markets = [Market(listing, told) for listing in listings]
        self.desks = [Desk(n, slot, self.markets[slot.listing]) for n, slot in enumerate(slots)]
        self.desks.sort(key=lambda desk: (desk.slot.listing, desk.number))
        self.day, self.opening, self.is_halted = None, told.cash, False
        self.marked_equity = told.cash
        self.times, self.equity, self.cashes, self.exposure = [], [], [], []
        self.fills, self.trades, self.denied = [], [], Counter()
        self.lives, self.orders = {}, 0

    def run(self):
        moments = {at for m in self.markets for bar in m.bars for at in (bar.begins, bar.ends)}
        for now in sorted(moments):
            ending = [m for m in self.markets if m.bar and m.bar.ends == now]
            if ending:
                self.open_day(now - 1)
                for market in ending:
                    self.end(market, now - 1)
                self.mark(now)
            begun = []
            for market in self.markets:
                bar = next((bar for bar in market.bars if bar.begins == now), None)
                if bar:
                    self.open_day(now)
                    market.begin(bar)
                    begun.append(market)
            desks = [desk for desk in self.desks if desk.market in begun]
            for desk in desks:
                self.hear(desk, now)
                self.leave_at_open(desk, now)
            for desk in desks:
                self.enter_at_open(desk, now)
        for desk in self.desks:
            if desk.position:
                worth = self.worth_now(desk)
                bars = len(desk.market.bars) - desk.position.opened_row
                self.write(desk, None, bars, desk.position.flow + worth, "open")
        self.trades.sort(key=lambda trade: (trade["opened_at"], trade["slot"]))
        return self

    # The account.

    def open_day(self, moment):
        if self.day is None or moment // DAY > self.day:
            self.day, self.opening, self.is_halted = moment // DAY, self.marked_equity, False

    def mark(self, now):
        worths = [self.worth_now(desk) for desk in self.desks if desk.position]
        self.marked_equity = self.cash + sum(worths)
        self.times.append(now)
        self.equity.append(self.marked_equity)
        self.cashes.append(self.cash)
        self.exposure.append(sum(worths))
        if self.is_loss_reached(self.marked_equity):
            self.halt(now)

    def halt(self, now):
        if not self.is_halted:
            self.is_halted = True
            for desk in self.desks:
                self.withdraw_entry(desk, now, "daily_loss_halt")

    def step(self, order, now, event, reason=""):
        self.lives.setdefault(order.number, []).append((now, event, reason))

    def new_order(self, **more):
        self.orders += 1
        return Order(self.orders, **more)

    def working(self, now, **more):
        order = self.new_order(**more)
        self.step(order, now, "approve")
        self.step(order, now, "accept")
        return order

    # Entries.

    def withdraw_entry(self, desk, now, reason):
        if desk.entry:
            self.step(desk.entry, now, "cancel", reason)
            desk.entry = None

    def hear(self, desk, now):
        while desk.wishes and desk.wishes[0].row <= desk.market.bar.row:
            wish = desk.wishes.pop(0)
            if wish.is_entry:
                desk.wanted = wish
                continue
            desk.wanted = None
            self.withdraw_entry(desk, now, "replaced_by_exit")
            desk.is_leaving = desk.position is not None

    def enter_at_open(self, desk, now):
        if desk.entry and desk.wanted:
            self.withdraw_entry(desk, now, "replaced")
        elif desk.entry:
            self.buy(desk, now)
        is_busy = desk.position is not None and desk.position.exit_order is not None
        if desk.wanted and not is_busy:
            wish, desk.wanted = desk.wanted, None
            self.ask(desk, now, wish)

    def ask(self, desk, now, wish):
        if wish.is_stale:
            self.deny(now, "stale_signal")
            return
        market = desk.market
        price = market.bought_at(market.bar.open, 0)
        stop, take = self.stops(desk, wish, price)
        quantity, reason = self.size(desk, price, stop, take)
        if quantity and market.impact:
            price = market.bought_at(market.bar.open, market.fillable(quantity))
            again, reason = self.size(desk, price, stop, take)
            quantity = min(quantity, again)
        if not quantity:
            self.deny(now, reason)
            if reason == "daily_loss_halt":
                self.halt(now)
            return
        band = Fraction(self.told.market_band_ppm, MILLION)
        bound = floor(price * (1 + band))
        # No more is set aside than the position may grow by.
        room = self.position_room(desk)
        dearest = price if not band else min(bound, floor(room / market.worth(quantity, 1)))
        aside = ceil(market.worth(quantity, dearest))
        desk.entry = self.working(
            now, rest=quantity, bound=bound, aside=aside, stop=stop, take=take, wish=wish
        )
        self.buy(desk, now)

    def deny(self, now, reason):
        self.step(self.new_order(), now, "deny", reason)
        self.denied[reason] += 1

    def buy(self, desk, now):
        """Fill an entry at the open as far as the bar, its price bound and its money allow."""
        market, order = desk.market, desk.entry
        possible = market.fillable(order.rest)
        price = market.bought_at(market.bar.open, possible)
        if price > order.bound:
            self.step(order, now, "expire", "no_liquidity")
            desk.entry = None
            return
        if not possible:
            return
        quantity, cost = possible, ceil(market.worth(possible, price))
        if cost > order.aside or self.with_fee(market, cost) > self.cash:
            fee = max(market.maker, market.taker)
            paid = floor(Fraction(max(self.cash - 2, 0) * MILLION, MILLION + fee))
            quantity = min(possible, market.largest(min(order.aside, paid), price))
        if not quantity:
            self.step(order, now, "expire", "no_liquidity")
            desk.entry = None
            return
        order.rest -= quantity
        order.aside -= ceil(market.worth(quantity, price))
        self.step(order, now, "fill" if not order.rest else "fill_part")
        if not desk.position:
            desk.position = Position(order.wish, now, market.bar.row, price)
        position = desk.position
        self.book(desk, now, order, 1, quantity, price, is_maker=False)
        position.entries.append((quantity, price))
        position.quantity += quantity
        position.stop, position.take, position.is_trailed = order.stop, order.take, False
        self.see(desk, price)
        self.trail(desk, position.best_price)
        if not position.stop_order:
            position.stop_order, position.take_order = self.working(now), self.working(now)
        if not order.rest:
            desk.entry = None

    # Money.

    def book(self, desk, now, order, side, quantity, price, *, is_maker):
        market, position = desk.market, desk.position
        worth = market.worth(quantity, price)
        notional = ceil(worth) if side > 0 else floor(worth)
        fee = market.fee(notional, is_maker)
        self.cash += -side * notional - fee
        position.flow += -side * notional - fee
        position.fees += fee
        market.bar.left -= quantity
        row = (order.number, desk.number, now, side, quantity, price, notional, fee, int(is_maker))
        self.fills.append(row)

    def see(self, desk, price):
        position = desk.position
        worth = floor(desk.market.worth(position.quantity, price))
        position.profits.append(position.flow + worth)

    def trail(self, desk, price):
        position, told = desk.position, self.told
        if told.trailing_ppm:
            position.best_price = max(position.best_price, price)
            below = floor(position.best_price * Fraction(MILLION - told.trailing_ppm, MILLION))
            stop = down_to(below, desk.market.terms.tick)
            if stop > position.stop:
                position.stop, position.is_trailed = stop, True

    # Exits.

    def leave_at_open(self, desk, now):
        position = desk.position
        if not position:
            desk.is_leaving = False
            return
        if not position.exit_order:
            if not desk.is_leaving:
                return
            for order in (position.stop_order, position.take_order):
                self.step(order, now, "cancel", "replaced_by_exit")
            position.stop_order = position.take_order = None
            position.exit_order, position.leave = self.working(now), "signal"
        self.withdraw_entry(desk, now, "replaced_by_exit")
        market = desk.market
        quantity = market.fillable(position.quantity)
        price = market.sold_at(market.bar.open, quantity)
        bars = market.bar.row - position.opened_row
        self.sell(desk, now, position.exit_order, quantity, price, bars)

    def sell(self, desk, now, order, quantity, price, bars, *, is_maker=False):
        position = desk.position
        if not quantity:
            return
        self.see(desk, price)
        self.book(desk, now, order, -1, quantity, price, is_maker=is_maker)
        position.quantity -= quantity
        position.exits.append((quantity, price))
        self.step(order, now, "fill_part" if position.quantity else "fill")
        if position.quantity:
            return
        for other in (position.stop_order, position.take_order):
            if other and other is not order:
                self.step(other, now, "cancel", "other_filled")
        self.write(desk, now, bars, position.flow, position.leave)
        desk.position, desk.is_leaving = None, False

    def end(self, market, now):
        bar = market.bar
        market.last = bar.close
        for desk in self.desks:
            if desk.market is market and desk.position:
                if not desk.position.exit_order:
                    self.test(desk, bar, now)
                if desk.position:
                    self.see(desk, bar.low)
                    self.see(desk, bar.high)
                    self.trail(desk, bar.high)
        market.bar = None

    def test(self, desk, bar, now):
        position = desk.position
        is_taken, is_stopped = bar.high > position.take, bar.low <= position.stop
        is_taken_at_open = bar.open > position.take
        is_stopped_at_open = bar.open <= position.stop
        if is_taken_at_open or (is_taken and not is_stopped):
            self.take(desk, bar, now, is_at_open=is_taken_at_open)
            if desk.position and is_stopped:  # what no volume was left for
                self.stop(desk, bar, now, is_ambiguous=False)
        elif is_stopped:
            self.stop(desk, bar, now, is_ambiguous=is_taken and not is_stopped_at_open)

    def take(self, desk, bar, now, *, is_at_open):
        position, market = desk.position, desk.market
        quantity = market.fillable(position.quantity)
        if not quantity:
            return
        price, is_maker = position.take, True
        if is_at_open:
            met = market.sold_at(bar.open, quantity)
            if met > price:
                price, is_maker = met, False
        else:
            self.see(desk, bar.low)  # which may have come before
        position.leave = "take"
        self.withdraw_entry(desk, now, "other_filled")
        bars = bar.row - position.opened_row + 1
        self.sell(desk, now, position.take_order, quantity, price, bars, is_maker=is_maker)

    def stop(self, desk, bar, now, *, is_ambiguous):
        position, market = desk.position, desk.market
        self.withdraw_entry(desk, now, "other_filled")
        order, quantity = position.stop_order, market.fillable(position.quantity)
        price = market.sold_at(min(position.stop, bar.open), quantity)
        if is_ambiguous:
            outcomes = []
            for at, is_maker in ((position.take, True), (price, False)):
                notional = floor(market.worth(quantity, at))
                outcomes.append(notional - market.fee(notional, is_maker))
            position.other += outcomes[0] - outcomes[1]
        position.leave = "trailing" if position.is_trailed else "stop"
        if quantity < position.quantity:
            self.step(position.take_order, now, "cancel", "other_filled")
            position.stop_order = position.take_order = None
            position.exit_order = order
        bars = bar.row - position.opened_row + 1
        self.sell(desk, now, order, quantity, price, bars)

    def write(self, desk, now, bars, profit, leave):
        position = desk.position
        decisions, index = desk.slot.decisions, position.wish.index
        self.trades.append(
            {
                "slot": desk.number,
                "side": 1,
                "decided_at": int(decisions.bar_open[index]),
                "opened_at": position.opened_at,
                "closed_at": now,
                "bars": bars,
                "quantity": sum(quantity for quantity, _ in position.entries),
                "entry_price": average(position.entries),
                "exit_price": None if now is None else average(position.exits),
                "fees": position.fees,
                "carry": 0,
                "profit": profit,
                "other_profit": profit + position.other,
                "worst": min(position.profits, default=inf),
                "best": max(position.profits, default=-inf),
                "leave": leave,
                "reason": decisions.reasons.get(index, ""),
            }
        )


def average(fills):
    """Average price to the nearest unit, a half up."""
    quantity = sum(one for one, _ in fills)
    return floor(Fraction(sum(one * price for one, price in fills), quantity) + Fraction(1, 2))
