"""A change of the order book: applied, looked at, measured; against a bare dictionary."""

from benchmarks.children import Child
from benchmarks.figures import Figure, lower, median

# A change of BTC/USDT in 100 ms has sixteen levels in the median of a recorded stream.
LEVELS = 8


def measure(*, is_quick: bool) -> dict[str, Figure]:
    count, rounds = (5_000, 3) if is_quick else (20_000, 7)
    with Child("benchmarks.ours.book") as ours:
        found = [ours.ask(count=count, levels=LEVELS) for _ in range(rounds)]
    taken = {name: median([one[name] for one in found]) for name in found[0]}
    return {
        "book_update": lower(taken["applied"], "us", limit=taken["limit"], goal="ours <= 20"),
        "book_view": lower(taken["viewed"], "us"),
        "book_metrics": lower(taken["measured"], "us"),
    }
