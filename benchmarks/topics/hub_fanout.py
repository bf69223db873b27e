"""200 open pages x 5 subjects x 10 a second: the hub against plain Channels groups."""

from benchmarks import peer_environment
from benchmarks.children import Child
from benchmarks.figures import Figure, higher, lower, median


def measure(*, is_quick: bool) -> dict[str, Figure]:
    seconds, rounds = (1.0, 1) if is_quick else (2.5, 3)
    with (
        Child("benchmarks.ours.hub") as ours,
        Child("benchmarks.peers.groups", python=peer_environment.python()) as groups,
    ):
        pairs = [(ours.ask(seconds=seconds), groups.ask(seconds=seconds)) for _ in range(rounds)]

    def middle(which: int, name: str) -> float:
        return median([pair[which][name] for pair in pairs])

    return {
        "hub_fanout_cpu": lower(
            middle(0, "us"), "us/delivery", peer=middle(1, "us"), goal="ratio >= 5"
        ),
        "hub_fanout_rate": higher(
            middle(0, "per_second"), "deliveries/s", peer=middle(1, "per_second"), limit=10_000.0
        ),
    }
