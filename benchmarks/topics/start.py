"""Seconds to the first page, on an empty data folder and again; seconds to a clean stop."""

import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, lower, median
from tests.product import Product


class StopError(Exception):
    """Raised where SIGTERM does not end the product with exit code 0."""


def stop(product: Product) -> float:
    began = time.monotonic()
    code = product.stop(timeout_s=30)
    if code != 0:
        raise StopError(f"exit code {code}:\n{product.log.read_text()[-2000:]}")
    return time.monotonic() - began


def measure(*, is_quick: bool) -> dict[str, Figure]:
    first, second, stops = [], [], []
    for _ in range(1 if is_quick else 3):
        with tempfile.TemporaryDirectory(prefix="mystic-") as folder:
            product = Product(Path(folder) / "data")
            try:
                first.append(product.start(60))
                time.sleep(1)  # noqa: TID251  the parts come up after the first page
                stops.append(stop(product))
                second.append(product.start(60))
                stops.append(stop(product))
            finally:
                product.kill()
    return {
        "start_first": lower(median(first), "s", goal="ours <= 15"),
        "start_second": lower(median(second), "s", goal="ours <= 5"),
        "stop": lower(max(stops), "s", goal="ours <= 5"),
    }
