"""A mix of frames of ten pairs from the decoder to the hub, every listener wired."""

import tempfile

from benchmarks.children import Child
from benchmarks.figures import Figure, higher, median
from benchmarks.ours.platform import environment

PAIRS = 10


def measure(*, is_quick: bool) -> dict[str, Figure]:
    count, rounds = (20_000, 2) if is_quick else (100_000, 5)
    with tempfile.TemporaryDirectory(prefix="mystic-") as folder:
        settings = environment(folder, [f"L{number:02}/USDT" for number in range(PAIRS)])
        with Child("benchmarks.ours.hub_path", environment=settings) as child:
            rates = [child.ask(count=count)["rate"] for _ in range(rounds)]
    return {"hub_path": higher(median(rates), "frames/CPU s", goal="ours >= 20000")}
