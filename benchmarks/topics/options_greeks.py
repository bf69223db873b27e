"""Price and five greeks of 10,000 contracts, after the first call."""

from benchmarks.children import Child
from benchmarks.figures import Figure, lower, median

COUNT = 10_000


def measure(*, is_quick: bool) -> dict[str, Figure]:
    rounds = 20 if is_quick else 200
    with (
        Child("benchmarks.ours.option_values") as ours,
        Child("benchmarks.ours.options_bare") as bare,
    ):
        pairs = [
            (
                ours.ask(name="greeks", count=COUNT)["seconds"],
                bare.ask(count=COUNT)["seconds"],
            )
            for _ in range(rounds)
        ][3:]
    mine, limit = (median([1000 * pair[which] for pair in pairs]) for which in (0, 1))
    return {"options_greeks": lower(mine, "ms", limit=limit, goal="ours <= 1")}
