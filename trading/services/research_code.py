"""Which code a result follows from: the strategy's version and the engine's own sources."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

from signals.strategies.base import LANGUAGE

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    "mystic/lib/units.py",
    "markets/bars.py",
    "signals/columns",
    "signals/indicators",
    "signals/smc",
    "trading/backtest",
    "trading/execution",
    "trading/performance",
    "trading/risk",
)


@functools.cache
def engine_hash() -> str:
    """Hash every source that decides, fills, books and measures; once a process."""
    digest = hashlib.sha256()
    for place in SOURCES:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{file.relative_to(ROOT).as_posix()}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def code_hash(version: str, models: Mapping[str, int]) -> str:
    """Hash a strategy's version, the language, the engine, and the models that it asks."""
    digest = hashlib.sha256(f"{version} language {LANGUAGE} {engine_hash()}".encode())
    for name, number in sorted(models.items()):
        digest.update(f" {name} v{number}".encode())
    return digest.hexdigest()
