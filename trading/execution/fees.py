"""What a venue charges for a fill."""

from dataclasses import dataclass

from trading.execution.arithmetic import PARTS, share_up


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Fee rates of a venue in millionths of the notional, charged in the quote asset.

    A maker's order was resting when it filled, a taker's was not.
    """

    maker_ppm: int
    taker_ppm: int

    def fee(self, notional: int, *, is_maker: bool) -> int:
        """Return the fee in quote units, rounded up: the payer never gains from rounding."""
        rate = self.maker_ppm if is_maker else self.taker_ppm
        return share_up(notional, rate, PARTS)

    def with_fee(self, notional: int) -> int:
        """Return notional plus the larger of both fees: what must be held for it."""
        rate = max(self.maker_ppm, self.taker_ppm)
        return notional + share_up(notional, rate, PARTS)


PAPER = FeeSchedule(maker_ppm=1_000, taker_ppm=1_000)

PUBLISHED: dict[str, FeeSchedule] = {
    "binance": FeeSchedule(maker_ppm=1_000, taker_ppm=1_000),
    "coinbase": FeeSchedule(maker_ppm=6_000, taker_ppm=12_000),
    "kraken": FeeSchedule(maker_ppm=2_500, taker_ppm=4_000),
    "alpaca": FeeSchedule(maker_ppm=0, taker_ppm=0),
    "massive": FeeSchedule(maker_ppm=0, taker_ppm=0),
    "yahoo": FeeSchedule(maker_ppm=0, taker_ppm=0),
}
"""Spot fees of the lowest tier by venue; where they come from: docs/backtests.md.

Stocks are traded without commission, as at Alpaca, whoever tells their prices.
"""


def schedule_for(venue: str) -> FeeSchedule:
    """Return the published fees of a venue's code; those of paper where none are known.

    A replay pays what its venue asks: `replay:binance` as `binance`, `ccxt-kraken` as `kraken`.
    """
    return PUBLISHED.get(venue.removeprefix("replay:").removeprefix("ccxt-"), PAPER)
