"""Signals for open pages."""

from typing import Any

from markets.types import TIMEFRAME_NAMES
from mystic.lib.clock import iso, now_ms
from mystic.lib.live import hub
from signals.events import ConsensusReached, SignalRaised
from signals.models import Consensus, Signal
from signals.selectors_rules import is_private


def signal_payload(signal: Signal) -> dict[str, Any]:
    """Return the whole message that a page gets about one signal."""
    return {
        "type": "signal",
        "data": {
            "id": signal.pk,
            "symbol": signal.instrument.symbol,
            "strategy": signal.strategy.name,
            "strategy_id": signal.strategy_id,
            "side": signal.side,
            "confidence": signal.confidence,
            "price": signal.price,
            "stop": signal.stop,
            "take": signal.take,
            "reason": signal.reason,
            "bar_close": signal.bar_close,
            "late_reason": signal.late_reason,
        },
        "timestamp": iso(now_ms()),
        "source": signal.source,
        "is_live": signal.is_live,
        "as_of": iso(signal.bar_close * 1000),
    }


def on_signal(event: SignalRaised) -> None:
    """Give a new signal to every page that listens; one of a private strategy to its owner's."""
    signal = (
        Signal.objects.select_related("instrument", "strategy").filter(pk=event.signal_id).first()
    )
    if signal is None:
        return
    strategy = signal.strategy
    subject = f"user:{strategy.owner_id}" if is_private(strategy) else "signals"
    hub.publish_event(subject, signal_payload(signal))


def consensus_payload(row: Consensus) -> dict[str, Any]:
    """Return the whole message about a vote: a signal of all voters together."""
    return {
        "type": "signal",
        "data": {
            "consensus_id": row.pk,
            "symbol": row.instrument.symbol,
            "timeframe": TIMEFRAME_NAMES.get(row.timeframe, f"{row.timeframe} s"),
            "signal_type": row.signal_type,
            "confidence": row.confidence,
            "reasoning": row.reasoning,
            "price": row.price,
            "voters": len(row.votes),
            "bar_close": row.bar_open + row.timeframe,
        },
        "timestamp": iso(now_ms()),
        "source": row.source,
        "is_live": row.provenance.is_live,
        "as_of": iso((row.bar_open + row.timeframe) * 1000),
    }


def on_consensus(event: ConsensusReached) -> None:
    """Tell open pages of a vote that says something else than the one before."""
    if not event.is_changed:
        return
    row = Consensus.objects.select_related("instrument").filter(pk=event.consensus_id).first()
    if row is not None:
        hub.publish_event("signals", consensus_payload(row))
