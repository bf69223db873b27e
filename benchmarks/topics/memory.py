"""Resident memory of the one process: idle without a source, and under load."""

import tempfile
import time
from pathlib import Path

from benchmarks import load
from benchmarks.figures import Figure, lower
from benchmarks.memory_of import mebibytes
from tests.product import Product

IDLE_S = 20.0


def idle() -> float:
    with tempfile.TemporaryDirectory(prefix="mystic-") as folder:
        product = Product(Path(folder) / "data")
        try:
            product.start(60)
            time.sleep(IDLE_S)  # noqa: TID251  what is measured is waiting
            assert product.process is not None
            return mebibytes(product.process.pid)
        finally:
            product.kill()


def measure(*, is_quick: bool) -> dict[str, Figure]:
    return {
        "memory_idle": lower(idle(), "MiB", goal="ours <= 200"),
        "memory_under_load": lower(
            max(load.run(is_quick=is_quick).memory_mib), "MiB", goal="ours <= 300"
        ),
    }
