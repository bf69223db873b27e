"""Binance frames into plain values: messages a second of one core, against ccxt.pro."""

from benchmarks import peer_environment
from benchmarks.children import Child
from benchmarks.figures import Figure, higher, median

# kind: (name of the figure, times faster than ccxt.pro)
GOALS = {
    "trade": ("decode_trade", 25),
    "kline": ("decode_kline", 10),
    "bookTicker": ("decode_book_ticker", 25),
}
SHARE_OF_LIMIT = "ratio >= 0.7"


def measure(*, is_quick: bool) -> dict[str, Figure]:
    count, rounds = (5_000, 3) if is_quick else (20_000, 7)
    found: dict[str, Figure] = {}
    with (
        Child("benchmarks.ours.decoding") as ours,
        Child("benchmarks.peers.ccxt_handlers", python=peer_environment.python()) as ccxt,
    ):
        for kind, (name, times) in GOALS.items():
            answers = [
                (ours.ask(kind=kind, count=count), ccxt.ask(kind=kind, count=count))
                for _ in range(rounds)
            ]
            rate = median([mine["rate"] for mine, _ in answers])
            peer = median([theirs["rate"] for _, theirs in answers])
            limit = median([mine["limit"] for mine, _ in answers])
            goal = f"ratio >= {times}"
            found[name] = higher(rate, "messages/s", peer=peer, limit=limit, goal=goal)
            found[f"{name}_of_limit"] = higher(rate, "messages/s", limit=limit, goal=SHARE_OF_LIMIT)
    return found
