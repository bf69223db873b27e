"""From a frame on the venue's socket to the frame on the page's, 200 messages/s, 10 symbols."""

from benchmarks import load, peer_environment
from benchmarks.figures import Figure, lower, percentile


def measure(*, is_quick: bool) -> dict[str, Figure]:
    ours = load.run(is_quick=is_quick)
    peer = load.run_peer(peer_environment.python(), is_quick=is_quick)
    for name, seen in (("Mystic", ours), ("plain groups", peer)):
        print(
            f"  {name}: {seen.messages / seen.seconds:.0f} messages/s, "
            f"{len(seen.latencies_ms)} of {seen.quotes} quotes reached the page"
        )

    def both(percent: float, goal: str = "") -> Figure:
        mine, theirs = (percentile(seen.latencies_ms, percent) for seen in (ours, peer))
        return lower(mine, "ms", peer=theirs, goal=goal)

    return {
        "frame_to_browser_p50": both(50),
        "frame_to_browser_p99": both(99, "ours <= 50"),
    }
