"""Implied volatility of 10,000 contracts, after the first call."""

from benchmarks.children import Child, ChildError
from benchmarks.figures import Figure, lower, median

COUNT = 10_000


def measure(*, is_quick: bool) -> dict[str, Figure]:
    rounds = 10 if is_quick else 50
    with Child("benchmarks.ours.option_values") as ours:
        found = [ours.ask(name="volatility", count=COUNT) for _ in range(rounds)][3:]
    if any(one["known"] < 0.97 * COUNT or one["apart"] > 1e-8 for one in found):
        raise ChildError(f"the volatilities do not come back: {found[0]}")
    return {
        "options_iv": lower(
            median([1000 * one["seconds"] for one in found]), "ms", goal="ours <= 20"
        )
    }
