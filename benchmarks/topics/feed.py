"""From the socket to plain values: messages per second of processor time, against three clients.

cryptofeed's trades are the venue's aggregates, python-binance hands over bare dictionaries.
"""

import sys

from benchmarks import peer_environment
from benchmarks.children import Child
from benchmarks.figures import Figure, higher, median

NAMES = {"trade": "feed_trade", "kline": "feed_kline", "bookTicker": "feed_book_ticker"}
# peer: how many times faster Mystic's stream is to be
GOALS = {"ccxt": 10, "cryptofeed": 3, "python_binance": 5}


def measure(*, is_quick: bool) -> dict[str, Figure]:
    count, rounds = (10_000, 1) if is_quick else (40_000, 5)
    python = peer_environment.python()
    # cryptofeed needs a newer Python than Mystic does.
    peers = [name for name in GOALS if name != "cryptofeed" or sys.version_info >= (3, 13)]
    found: dict[str, Figure] = {}
    with Child("benchmarks.flood") as flood, Child("benchmarks.ours.feed") as ours:
        children = {name: Child(f"benchmarks.peers.feed_{name}", python=python) for name in peers}
        for kind, name in NAMES.items():
            rates: dict[str, list[float]] = {one: [] for one in ("ours", *peers)}
            for _ in range(rounds):
                for one, child in (("ours", ours), *children.items()):
                    port = flood.ask(kind=kind, count=count)["port"]
                    asked = {"url": f"ws://127.0.0.1:{port}", "kind": kind, "count": count}
                    rates[one].append(child.ask(**asked)["rate"])
            rate = median(rates["ours"])
            for peer in peers:
                goal = f"ratio >= {GOALS[peer]}"
                other = median(rates[peer])
                found[f"{name}_{peer}"] = higher(rate, "messages/s", peer=other, goal=goal)
        for child in children.values():
            child.__exit__(None, None, None)
    return found
