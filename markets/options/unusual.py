"""Contracts that trade far beyond their open interest or their own history.

Each reason has its points, at most 3, and says the figures it is made of. Premium and nearness to
expiry alone are no reason: the large chains always have both. They only add to a contract whose
volume stands out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

LEAST_VOLUME = 100
OPEN_INTEREST_RATIO = 2.0
LEAST_DAYS = 5
LEAST_DEVIATIONS = 5.0
LEAST_MULTIPLE = 3.0
LARGE_PREMIUM = 1_000_000.0
NEAR_DAYS = 7
OUT_OF_MONEY = 0.05
CONCENTRATION = 0.3
MOST_POINTS = 3.0
LEAST_SCORE = 1.5
# The median absolute deviation of a normal distribution, in standard deviations.
DEVIATIONS_PER_MAD = 1.4826


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one contract today; None where the source was silent.

    Attributes
    ----------
    past : sequence of int
        Its volume on each stored day before.
    premium : float or None
        Volume x mid x shares, in the quote asset.
    days : int
        Calendar days to expiry.
    moneyness : float or None
        How far out of the money, as a fraction of the underlying's price; negative inside.
    side_volume : int
        Volume of all contracts of its kind and expiry that are out of the money.
    """

    contract: str
    volume: int
    open_interest: int | None
    past: Sequence[int]
    premium: float | None
    days: int
    moneyness: float | None
    side_volume: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a contract stands out; `value` is what was found, `limit` what is usual at most."""

    code: str
    text: str
    value: float
    limit: float
    points: float


@dataclass(frozen=True, slots=True)
class Unusual:
    """A contract that stands out; `typical_volume` None while too few days are stored."""

    contract: str
    score: float
    reasons: tuple[Reason, ...]
    typical_volume: float | None


def judge(seen: Seen) -> Unusual | None:
    """Return why a contract's trading is unusual, or None where it is not."""
    if seen.volume < LEAST_VOLUME:
        return None
    relative = [one for one in (_by_interest(seen), _by_history(seen)) if one is not None]
    if not relative:
        return None
    added = [one for one in (_by_premium(seen), _by_concentration(seen)) if one is not None]
    reasons = tuple(relative + added)
    score = round(sum(one.points for one in reasons), 2)
    if score < LEAST_SCORE:
        return None
    return Unusual(seen.contract, score, reasons, typical(seen.past))


def typical(past: Sequence[int]) -> float | None:
    """Return the median volume of the stored days, None while there are fewer than five."""
    return float(median(past)) if len(past) >= LEAST_DAYS else None


def _by_interest(seen: Seen) -> Reason | None:
    interest = seen.open_interest
    if interest is None:
        return None
    if interest == 0:
        text = f"volume {seen.volume:,} where no contract was open"
        return Reason("no_open_interest", text, float(seen.volume), 0.0, OPEN_INTEREST_RATIO)
    ratio = seen.volume / interest
    if ratio < OPEN_INTEREST_RATIO:
        return None
    text = f"volume {seen.volume:,} is {ratio:.1f} times the open interest of {interest:,}"
    points = min(MOST_POINTS, math.log2(ratio))
    return Reason("volume_over_open_interest", text, ratio, OPEN_INTEREST_RATIO, points)


def _by_history(seen: Seen) -> Reason | None:
    """Compare with the median of the stored days in robust deviations, at least one contract."""
    middle = typical(seen.past)
    if middle is None:
        return None
    spread = median(abs(one - middle) for one in seen.past) * DEVIATIONS_PER_MAD
    deviations = (seen.volume - middle) / max(spread, math.sqrt(middle), 1.0)
    if deviations < LEAST_DEVIATIONS or seen.volume < LEAST_MULTIPLE * middle:
        return None
    text = (
        f"volume {seen.volume:,} against a median of {middle:,.0f} over {len(seen.past)} stored"
        f" days, {deviations:.0f} robust deviations above"
    )
    points = min(MOST_POINTS, math.log2(seen.volume / max(middle, 1.0)))
    return Reason("volume_over_typical", text, deviations, LEAST_DEVIATIONS, points)


def _by_premium(seen: Seen) -> Reason | None:
    if seen.premium is None or seen.premium < LARGE_PREMIUM:
        return None
    text = f"premium of {seen.premium:,.0f} (volume x mid x 100)"
    points = min(MOST_POINTS, 1.0 + math.log10(seen.premium / LARGE_PREMIUM))
    return Reason("large_premium", text, seen.premium, LARGE_PREMIUM, points)


def _by_concentration(seen: Seen) -> Reason | None:
    if seen.days > NEAR_DAYS or seen.moneyness is None or seen.moneyness < OUT_OF_MONEY:
        return None
    share = seen.volume / seen.side_volume if seen.side_volume else 0.0
    if share < CONCENTRATION:
        return None
    text = (
        f"{share:.0%} of the out-of-the-money volume of its kind, {seen.moneyness:.1%} out of"
        f" the money, {seen.days} days to expiry"
    )
    return Reason("near_expiry_concentration", text, share, CONCENTRATION, 1.0)
