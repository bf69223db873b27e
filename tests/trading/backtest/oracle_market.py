"""What trading in a bar costs and how much of it there is, by fractions; for the oracle."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

MILLION = 10**6


def up_to(price, tick):
    return ceil(Fraction(price) / tick) * tick


def down_to(price, tick):
    return max(floor(Fraction(price) / tick) * tick, tick)


def stressed(figure, milli):
    return ceil(Fraction(figure * milli, 1_000))


@dataclass
class Bar:
    row: int
    begins: int
    ends: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    left: int = 0


class Market:
    """One instrument: its bars in units, and what trading in the bar of now costs."""

    def __init__(self, listing, told):
        self.terms, self.told, self.listing = listing.terms, told, listing
        bars, scale = listing.bars, 10**listing.terms.price_scale
        times = bars.open_time.tolist()
        self.bars = []
        for row, begins in enumerate(times):
            prices = [
                round(Fraction(repr(float(column[row]))) * scale)
                for column in (bars.open, bars.high, bars.low, bars.close)
            ]
            ends = min([begins + listing.timeframe, *times[row + 1 : row + 2]])
            volume = round(Fraction(repr(float(bars.volume[row]))) * 10**listing.terms.base_scale)
            self.bars.append(Bar(row, begins, ends, *prices, volume))
        self.bar = None
        self.last = None
        self.half_spread = stressed(told.half_spread_ppm, told.slippage_milli)
        self.impact = stressed(told.impact_ppm, told.slippage_milli)
        fees = listing.fees
        self.maker, self.taker = (
            stressed(theirs if mine is None else mine, told.fee_milli)
            for theirs, mine in (
                (fees.maker_ppm, told.maker_ppm),
                (fees.taker_ppm, told.taker_ppm),
            )
        )

    def worth(self, quantity, price):
        terms = self.terms
        return Fraction(quantity * price * 10**terms.quote_scale) / 10 ** (
            terms.base_scale + terms.price_scale
        )

    def fee(self, notional, is_maker):
        return ceil(Fraction(notional * (self.maker if is_maker else self.taker), MILLION))

    def slippage(self, quantity):
        """Fraction of the price; the order's share of the volume is counted to the millionth."""
        part = 1
        if self.bar.volume:
            millionths = floor(Fraction(quantity * MILLION, self.bar.volume)) + 1
            part = min(Fraction(millionths, MILLION), 1)
        millionths = self.half_spread
        if self.impact:
            millionths = min(millionths + ceil(self.impact * part**2), MILLION // 2)
        return Fraction(millionths, MILLION)

    def bought_at(self, price, quantity):
        return up_to(ceil(price * (1 + self.slippage(quantity))), self.terms.tick)

    def sold_at(self, price, quantity):
        return down_to(floor(price * (1 - self.slippage(quantity))), self.terms.tick)

    def fillable(self, quantity):
        return min(quantity, self.bar.left) if self.told.volume_share_ppm else quantity

    def begin(self, bar):
        self.bar, self.last = bar, bar.open
        allowed = floor(Fraction(bar.volume * self.told.volume_share_ppm, MILLION))
        bar.left = allowed // self.terms.step * self.terms.step

    def largest(self, money, price):
        """Largest multiple of the step that costs no more than the money."""
        if money <= 0 or price <= 0:
            return 0
        return floor(money / self.worth(1, price)) // self.terms.step * self.terms.step
