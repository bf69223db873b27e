"""One backtest of half a million bars, and a search of two hundred points, against the peers."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks import peer_environment
from benchmarks.children import Child
from benchmarks.crossing import BARS
from benchmarks.figures import Figure, higher, lower, median

OURS = "benchmarks.ours.backtest"


class DifferError(AssertionError):
    """Raised where two programs did not do the same."""


def measure(*, is_quick: bool) -> dict[str, Figure]:
    rounds = 2 if is_quick else 5
    bars = 50_000 if is_quick else BARS
    python = peer_environment.python("backtest")
    with Child(OURS) as ours:
        for form in ("rules", "rules", "slipping", "decide", "account", "bare"):
            ours.ask(form=form, bars=bars)  # what a running program has warm
        found = {
            form: [ours.ask(form=form, bars=bars) for _ in range(rounds)]
            for form in ("slipping", "decide", "bare")
        }
        like_theirs = {form: ours.ask(form=form, bars=bars) for form in ("rules", "account")}
    with Child("benchmarks.peers.backtesting_cross", python=python) as backtesting:
        backtesting.ask(bars=2_000)
        first = backtesting.ask(bars=bars)
    with Child("benchmarks.peers.freqtrade_cross", python=python) as freqtrade:
        freqtrade.ask(bars=2_000)
        second = freqtrade.ask(bars=bars)
    same(like_theirs["rules"], first)
    same(like_theirs["account"], second)
    seconds = {name: median([one["seconds"] for one in runs]) for name, runs in found.items()}
    rules, decide, bare = seconds["slipping"], seconds["decide"], seconds["bare"]
    return {
        "backtest_rules": lower(rules, "s", peer=first["seconds"], goal="ratio >= 20"),
        "backtest_rules_freqtrade": lower(rules, "s", peer=second["seconds"], goal="ratio >= 100"),
        "backtest_rules_of_limit": lower(rules, "s", limit=bare, goal="ratio >= 0.2"),
        "backtest_decide": lower(decide, "s", peer=first["seconds"], goal="ratio >= 5"),
        **sweeps(rounds, python),
    }


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Refuse to compare the speed of different work; a peer leaves out a trade open at the end."""
    mine, others = ours["entries"], theirs["entries"]
    if mine[: len(others)] != others or len(mine) - len(others) > 1:
        parts = f"{len(mine)} entries and {len(others)}"
        raise DifferError(f"the peer trades otherwise: {parts}")


def sweeps(rounds: int, python: Any) -> dict[str, Figure]:
    with Child("benchmarks.peers.vectorbt_sweep", python=python) as vectorbt:
        vectorbt.ask(is_warm=True)
        peer = vectorbt.ask(is_warm=False)
    with Child(OURS) as one, Child(OURS) as two:
        for child in (one, two):
            child.ask(form="sweep", share=(0, 10))
        alone = [one.ask(form="sweep") for _ in range(rounds)]
        together = [both(one, two) for _ in range(rounds)]
    wall = median([run["wall"] for run in alone])
    return {
        "sweep_200": lower(
            median([run["seconds"] for run in alone]), "s", peer=peer["seconds"], goal="ours <= 1"
        ),
        "sweep_200_memory": lower(
            max(run["mib"] for run in alone), "MiB", peer=peer["mib"], goal="ours <= 300"
        ),
        "sweep_two_workers": higher(
            200 / median(together), "points/s", peer=200 / wall, goal="ratio >= 1.8"
        ),
    }


def both(one: Child, two: Child) -> float:
    """Return the seconds that the slower of two workers takes for its half."""
    with ThreadPoolExecutor(2) as pool:
        halves = pool.map(
            lambda told: told[0].ask(form="sweep", share=(told[1], 2)), ((one, 0), (two, 1))
        )
        return max(float(half["wall"]) for half in halves)
