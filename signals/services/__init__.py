"""What signals does: keep the strategies, decide on closed bars, remember what is to be drawn."""

from signals.services.evaluation import evaluate, evaluate_waiting
from signals.services.patterns import patterns_resume, patterns_store
from signals.services.strategies import pair_resume, strategies_sync

__all__ = [
    "evaluate",
    "evaluate_waiting",
    "pair_resume",
    "patterns_resume",
    "patterns_store",
    "strategies_sync",
]
