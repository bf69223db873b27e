"""What a venue charges for a fill."""

from dataclasses import dataclass

PARTS = 1_000_000


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
        return -(-notional * rate // PARTS)

    def with_fee(self, notional: int) -> int:
        """Return notional plus the larger of both fees: what must be held for it."""
        rate = max(self.maker_ppm, self.taker_ppm)
        return notional - (-notional * rate // PARTS)


PAPER = FeeSchedule(maker_ppm=1_000, taker_ppm=1_000)
