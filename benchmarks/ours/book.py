"""A change of the order book applied, and what the book says then; asked through standard input."""

import random
import time
from typing import Any

from benchmarks.children import answer
from markets.book import BookEvent, LocalBook
from markets.microstructure import book_metrics


def prepared(seed: int = 1) -> tuple[LocalBook, random.Random, float]:
    """Return a book of a thousand levels a side."""
    chance = random.Random(seed)
    book = LocalBook()
    mid = 60_000.0
    bids = [(round(mid - 0.01 * n, 2), chance.random()) for n in range(1, 1001)]
    asks = [(round(mid + 0.01 * n, 2), chance.random()) for n in range(1, 1001)]
    book.load(1, bids, asks)
    return book, chance, mid


def work(count: int, levels: int) -> dict[str, Any]:
    """Return microseconds an update of `levels` levels a side, a view, its metrics cost.

    The limit is a bare dictionary that takes the same levels.
    """
    book, chance, mid = prepared()
    updates = []
    for number in range(count):
        sides = []
        for sign in (-1, 1):
            prices = [round(mid + sign * 0.01 * chance.randint(1, 900), 2) for _ in range(levels)]
            sides.append([(p, 0.0 if chance.random() < 0.3 else chance.random()) for p in prices])
        updates.append(BookEvent(number + 2, number + 2, *sides))
    began = time.process_time()
    for update in updates:
        book.apply(update)
    applied = time.process_time() - began
    bids, asks = book.view(20)
    began = time.process_time()
    for _ in range(count):
        book_metrics(bids, asks)
    measured = time.process_time() - began
    began = time.process_time()
    bare: tuple[dict[float, float], dict[float, float]] = ({}, {})
    for update in updates:
        for side, changes in zip(bare, (update.bids, update.asks), strict=True):
            for price, quantity in changes:
                side[price] = quantity
    limit = time.process_time() - began
    began = time.process_time()
    for _ in range(count):
        book.view(20)
    viewed = time.process_time() - began
    scale = 1e6 / count
    return {
        "applied": applied * scale,
        "measured": measured * scale,
        "viewed": viewed * scale,
        "limit": limit * scale,
    }


if __name__ == "__main__":
    answer(work)
