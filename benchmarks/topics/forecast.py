"""What a trained model says about one live bar: through the language, and the bare trees."""

from benchmarks.children import Child
from benchmarks.figures import Figure, lower, median, percentile


def measure(*, is_quick: bool) -> dict[str, Figure]:
    rounds = 200 if is_quick else 2000
    with Child("benchmarks.ours.forecast") as ours:
        live, bare = (
            [1000 * one for one in ours.ask(name=name, rounds=rounds)["seconds"]]
            for name in ("live", "bare")
        )
    return {
        "forecast_p50": lower(median(live), "ms", limit=median(bare)),
        "forecast_p99": lower(
            percentile(live, 99), "ms", limit=percentile(bare, 99), goal="ours <= 5"
        ),
    }
