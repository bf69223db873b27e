"""What one chain says as a whole: the ladder around the money, put/call ratios, max pain."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Quoted(Protocol):
    """What a chain needs of a contract's quote; None where the source was silent."""

    @property
    def kind(self) -> str: ...
    @property
    def strike(self) -> float: ...
    @property
    def volume(self) -> int | None: ...
    @property
    def open_interest(self) -> int | None: ...
    @property
    def implied_volatility(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Rung[Q]:
    """One strike: its call and its put; None where the source lists only one of them."""

    strike: float
    call: Q | None
    put: Q | None
    spot: float | None = None

    @property
    def label(self) -> str:
        """The strike as people write it: `747.5`."""
        return f"{self.strike:.3f}".rstrip("0").rstrip(".")

    @property
    def is_call_in(self) -> bool:
        """Whether the call is in the money; False while no price is known."""
        return self.spot is not None and self.strike < self.spot

    @property
    def is_put_in(self) -> bool:
        return self.spot is not None and self.strike > self.spot


@dataclass(frozen=True, slots=True)
class SmilePoint:
    """Implied volatility of the out-of-the-money contract at a strike."""

    strike: float
    volatility: float
    kind: str


def ladder[Q: Quoted](quotes: Iterable[Q], spot: float | None = None) -> list[Rung[Q]]:
    """Return calls and puts side by side, the lowest strike first."""
    sides: dict[float, dict[str, Q]] = {}
    for quote in quotes:
        sides.setdefault(quote.strike, {})[str(quote.kind)] = quote
    return [
        Rung(strike, side.get("call"), side.get("put"), spot)
        for strike, side in sorted(sides.items())
    ]


def around[Q](rungs: Sequence[Rung[Q]], spot: float | None, count: int) -> list[Rung[Q]]:
    """Return up to `count` rungs on each side of the money; all where no price is known."""
    if spot is None:
        return list(rungs)
    above = next((n for n, rung in enumerate(rungs) if rung.strike >= spot), len(rungs))
    return list(rungs[max(0, above - count) : above + count])


def ratio(quotes: Iterable[Quoted], name: str) -> float | None:
    """Return puts by calls of `volume` or `open_interest`.

    None where no call has any, or the source said nothing of one side.
    """
    sums: dict[str, int] = {}
    for quote in quotes:
        value: int | None = getattr(quote, name)
        if value is not None:
            sums[str(quote.kind)] = sums.get(str(quote.kind), 0) + value
    return sums["put"] / sums["call"] if "put" in sums and sums.get("call") else None


def max_pain(quotes: Sequence[Quoted]) -> float | None:
    """Return the listed strike at which all open contracts together would pay least.

    None where no contract is known to be open. It is a sum over open interest, no forecast.
    """
    held = [(str(q.kind), q.strike, q.open_interest) for q in quotes if q.open_interest]
    strikes = sorted({quote.strike for quote in quotes})
    if not held:
        return None

    def paid(at: float) -> float:
        return sum(
            max(0.0, at - strike if kind == "call" else strike - at) * count
            for kind, strike, count in held
        )

    return min(strikes, key=paid)


def smile(quotes: Iterable[Quoted], spot: float | None) -> list[SmilePoint]:
    """Return the implied volatilities of the out-of-the-money side, the lowest strike first."""
    if spot is None:
        return []
    return sorted(
        (
            SmilePoint(quote.strike, quote.implied_volatility, str(quote.kind))
            for quote in quotes
            if quote.implied_volatility is not None
            and (quote.strike >= spot) is (str(quote.kind) == "call")
        ),
        key=lambda point: point.strike,
    )
