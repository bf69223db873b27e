"""A paper market order, from the call to the booked fill, risk and ledger included."""

import tempfile

from benchmarks.children import Child
from benchmarks.figures import Figure, lower, percentile
from benchmarks.ours.platform import environment


def measure(*, is_quick: bool) -> dict[str, Figure]:
    with tempfile.TemporaryDirectory(prefix="mystic-") as folder:
        settings = environment(folder, ["L00/USDT"])
        with Child("benchmarks.ours.paper_order", environment=settings) as child:
            found = child.ask(count=100 if is_quick else 500)
    print(f"  an order reads {found['reads']} and writes {found['writes']} times")
    took, bare = found["booked"], found["limit"]
    return {
        "paper_order_p50": lower(percentile(took, 50), "ms", limit=percentile(bare, 50)),
        "paper_order_p99": lower(
            percentile(took, 99), "ms", limit=percentile(bare, 99), goal="ours <= 10"
        ),
        "paper_order_told_p99": lower(percentile(found["told"], 99), "ms"),
    }
