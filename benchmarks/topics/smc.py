"""Smart-Money structure of a whole series, against smartmoneyconcepts."""

from benchmarks import peer_environment
from benchmarks.children import Child
from benchmarks.figures import Figure, lower, median

SWING = 5
SHORT, LONG = 10_000, 100_000


def seconds(child: Child, bars: int) -> float:
    return float(child.ask(bars=bars, swing=SWING)["seconds"])


def measure(*, is_quick: bool) -> dict[str, Figure]:
    rounds = 2 if is_quick else 5
    with (
        Child("benchmarks.ours.structure") as ours,
        Child("benchmarks.peers.smc_package", python=peer_environment.python()) as package,
    ):
        # The first call pays for caches that a running program has warm.
        seconds(ours, 1000)
        seconds(package, 1000)
        pairs = [(seconds(ours, SHORT), seconds(package, SHORT)) for _ in range(rounds)]
        long = median([seconds(ours, LONG) for _ in range(rounds)])
        # Once: it takes the package some ten seconds.
        peer_long = None if is_quick else seconds(package, LONG)
    short, peer = median([mine for mine, _ in pairs]), median([theirs for _, theirs in pairs])
    growth = None if peer_long is None else peer_long / peer
    return {
        "smc_10k": lower(short, "s", peer=peer, goal="ratio >= 20"),
        "smc_100k": lower(long, "s", peer=peer_long),
        "smc_growth_10k_to_100k": lower(long / short, "x", peer=growth, goal="ours <= 13"),
    }
