"""Measure the goals of docs/performance.md: `benchmarks/run.py [--quick] [NAME ...]`."""

import argparse
import importlib
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import report  # noqa: E402  the folder of the project comes first
from benchmarks.figures import Figure  # noqa: E402

TOPICS = (
    "decode",
    "feed",
    "book_update",
    "smc",
    "indicators",
    "forecast",
    "backtest",
    "options_greeks",
    "options_iv",
    "hub_fanout",
    "hub_path",
    "paper_order",
    "bar_close",
    "minute_close",
    "candles",
    "start",
    "memory",
    "frame_to_browser",
)


def main() -> int:
    options = arguments()
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs"
    print(f"{machine}{', a short run' if options.quick else ''}\n", flush=True)
    rows: dict[str, dict[str, Any]] = {}
    failed = []
    for topic in options.names or TOPICS:
        began = time.monotonic()
        try:
            found = measure(topic, is_quick=options.quick)
        except Exception as fault:  # noqa: BLE001  one that fails must not hide the others
            failed.append(topic)
            print(f"{topic} failed: {type(fault).__name__}: {fault}\n", flush=True)
            continue
        rows |= {name: figure.row() for name, figure in found.items()}
        print(f"{topic} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"\n{report.table(rows)}")
    if options.quick:
        print("\na short run is not written down")
    else:
        report.write(rows, machine, is_all=not options.names)
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TOPICS)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds; writes no file")
    options = parser.parse_args()
    unknown = set(options.names) - set(TOPICS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(TOPICS)}")
    return options


def measure(topic: str, *, is_quick: bool) -> dict[str, Figure]:
    module = importlib.import_module(f"benchmarks.topics.{topic}")
    found: dict[str, Figure] = module.measure(is_quick=is_quick)
    return found


if __name__ == "__main__":
    sys.exit(main())
