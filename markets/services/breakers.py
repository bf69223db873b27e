"""Keep breakers, latencies and counts of the sources' operations in rows."""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from markets.circuits import Circuits, Record, circuits
from markets.models import Breaker
from mystic.lib.circuit import CircuitState
from mystic.lib.clock import from_ms, now_ms


def breakers_write(held: Circuits = circuits) -> int:
    """Write the operations that were asked since the last call; returns how many rows changed."""
    with held.lock:
        changed = {key: one for key, one in held.records().items() if one.is_changed}
        told = {key: _told(one) for key, one in changed.items()}
        counts = {key: (one.calls, one.errors) for key, one in changed.items()}
    if not changed:
        return 0
    with transaction.atomic():
        for (source, operation), facts in told.items():
            calls, errors = counts[source, operation]
            Breaker.objects.get_or_create(source=source, operation=operation)
            Breaker.objects.filter(source=source, operation=operation).update(
                **facts, calls=F("calls") + calls, errors=F("errors") + errors
            )
    with held.lock:
        for key, record in changed.items():
            record.calls -= counts[key][0]
            record.errors -= counts[key][1]
            record.written_state = CircuitState(str(told[key]["state"]))
    return len(changed)


def is_breaker_turned(held: Circuits = circuits) -> bool:
    """Tell whether a breaker opened or closed since it was written."""
    return any(record.is_turned for record in held.records().values())


def breakers_restore(held: Circuits = circuits) -> None:
    """Hold the breakers open that another process opened, or this one before it was restarted."""
    now_s = now_ms() / 1000
    rows = Breaker.objects.filter(state=Breaker.State.OPEN, retry_at__gt=timezone.now())
    for row in rows:
        if row.retry_at is None or row.opened_at is None:
            continue
        with held.lock:
            record = held.record(row.source, row.operation)
            opened_s = row.opened_at.timestamp()
            is_news = record.last_success_ms is None or record.last_success_ms / 1000 < opened_s
            if record.circuit.state is CircuitState.CLOSED and is_news:
                record.circuit.open(now_s, row.retry_at.timestamp() - now_s, row.reason)
                record.circuit.opened_at_s = opened_s
                record.written_state = CircuitState.OPEN


def breakers_reconcile(held: Circuits = circuits) -> None:
    """Close the breakers that another process, or a person, closed after they had opened here."""
    closed = {
        (row.source, row.operation): row.updated_at.timestamp()
        for row in Breaker.objects.filter(state=Breaker.State.CLOSED)
    }
    with held.lock:
        for key, record in held.records().items():
            opened_s = record.circuit.opened_at_s
            if opened_s is not None and not record.is_turned and closed.get(key, 0.0) > opened_s:
                record.circuit.succeeded()
                record.written_state = CircuitState.CLOSED


def breaker_close(row: Breaker) -> None:
    """Let requests pass again before the time is over, as when a key was put right.

    Processes hear of it within half a minute.
    """
    row.state, row.reason, row.updated_at = Breaker.State.CLOSED, "", timezone.now()
    row.opened_at = row.retry_at = None
    row.save(update_fields=["state", "reason", "updated_at", "opened_at", "retry_at"])


def _told(record: Record) -> dict[str, object]:
    """Return the columns of a record; what this process has not seen stays as it is."""
    circuit = record.circuit
    facts: dict[str, object] = {
        "state": str(circuit.state),
        "failures": circuit.failures(now_ms() / 1000),
        "reason": circuit.reason,
        "opened_at": _at(circuit.opened_at_s),
        "retry_at": _at(circuit.retry_at_s),
        "updated_at": timezone.now(),
    }
    if record.latency_ms is not None:
        facts["latency_ms"] = record.latency_ms
    if record.last_success_ms is not None:
        facts["last_success_at"] = from_ms(record.last_success_ms)
    if record.last_error_ms is not None:
        facts["last_error"] = record.last_error
        facts["last_error_at"] = from_ms(record.last_error_ms)
    return facts


def _at(epoch_s: float | None) -> datetime | None:
    return None if epoch_s is None else from_ms(int(epoch_s * 1000))
