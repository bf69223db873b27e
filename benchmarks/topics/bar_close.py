"""The column engine alone at the close of a bar: one strategy, and ten on 100 instruments."""

from benchmarks.children import Child
from benchmarks.figures import Figure, lower


def measure(*, is_quick: bool) -> dict[str, Figure]:
    with Child("benchmarks.ours.bar_close") as child:
        one = child.ask(instruments=1, strategies=1, closes=50 if is_quick else 600)
        many = child.ask(instruments=100, strategies=10, closes=3 if is_quick else 20)
    return {
        "bar_close_one": lower(one["median"], "ms", goal="ours <= 1"),
        "bar_close_one_worst": lower(one["worst"], "ms"),
        "bar_close_1000": lower(many["worst"], "ms", goal="ours <= 1000"),
        "bar_close_1000_median": lower(many["median"], "ms"),
        "bar_close_1000_after_a_start": lower(many["cold"], "ms"),
    }
