"""Smart-Money structure of a whole series, against smartmoneyconcepts."""

from benchmarks import peer_environment
from benchmarks.children import Child
from benchmarks.figures import Figure, lower, median

SWING = 5
SHORT, LONG, LONGEST = 10_000, 100_000, 1_000_000


def seconds(child: Child, bars: int) -> float:
    return float(child.ask(bars=bars, swing=SWING)["seconds"])


def measure(*, is_quick: bool) -> dict[str, Figure]:
    rounds = 2 if is_quick else 5
    with (
        Child("benchmarks.ours.structure") as ours,
        Child("benchmarks.peers.smc_package", python=peer_environment.python()) as package,
    ):
        # The first calls pay for what a running program has warm: caches, and numba's translation,
        # which is asked for once enough bars came in long pieces.
        for bars in (1000, LONG):
            seconds(ours, bars)
        seconds(package, 1000)
        pairs = [(seconds(ours, SHORT), seconds(package, SHORT)) for _ in range(rounds)]
        long = median([seconds(ours, LONG) for _ in range(rounds)])
        longest = median([seconds(ours, LONGEST) for _ in range(rounds)])
        # Once: it takes the package some ten seconds.
        peer_long = seconds(package, LONG)
    short, peer = median([mine for mine, _ in pairs]), median([theirs for _, theirs in pairs])
    return {
        "smc_10k": lower(short, "s", peer=peer, goal="ratio >= 20"),
        "smc_100k": lower(long, "s", peer=peer_long, goal="ratio >= 100"),
        "smc_1m": lower(longest, "s"),
        "smc_growth_10k_to_100k": lower(
            long / short, "x", peer=peer_long / peer, goal="ours <= 13"
        ),
        "smc_growth_100k_to_1m": lower(longest / long, "x", goal="ours <= 20"),
    }
