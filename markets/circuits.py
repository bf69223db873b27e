"""How each operation of each source did in this process: breaker, latency, counts; no database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mystic.lib.circuit import Circuit, CircuitState, Fault
from mystic.lib.clock import from_ms, monotonic_ms, now_ms
from mystic.lib.http import Blocked, RateLimited, Refused, SourceError

# The share of the newest request in the smoothed latency.
SMOOTHING = 0.2
REASON_LENGTH = 300


@dataclass(slots=True)
class Record:
    """One operation of one source; `calls` and `errors` count since they were written last."""

    circuit: Circuit = field(default_factory=Circuit)
    latency_ms: float | None = None
    calls: int = 0
    errors: int = 0
    last_success_ms: int | None = None
    last_error: str = ""
    last_error_ms: int | None = None
    written_state: CircuitState = CircuitState.CLOSED

    @property
    def is_changed(self) -> bool:
        return self.calls > 0 or self.is_turned

    @property
    def is_turned(self) -> bool:
        """Whether the breaker is in another state than was written."""
        return self.circuit.state is not self.written_state


class Circuits:
    """The records of this process, by source and operation; safe for any thread."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], Record] = {}
        self.lock = threading.RLock()

    def record(self, source: str, operation: str) -> Record:
        with self.lock:
            return self._records.setdefault((source, operation), Record())

    def records(self) -> dict[tuple[str, str], Record]:
        with self.lock:
            return dict(self._records)

    def forget(self) -> None:
        with self.lock:
            self._records.clear()

    def refusal(self, source: str, operation: str) -> str:
        """Return why an operation may not be asked now and when it may; empty where it may."""
        with self.lock:
            circuit = self.record(source, operation).circuit
            if circuit.admits(now_ms() / 1000):
                return ""
            if circuit.state is CircuitState.HALF_OPEN:
                return "one request is trying whether it works again"
            again = from_ms(int((circuit.retry_at_s or 0) * 1000))
            return f"left alone until {again:%Y-%m-%d %H:%M:%S} UTC: {circuit.reason}"

    @contextmanager
    def watched(self, source: str, operation: str, *, is_breaking: bool = True) -> Iterator[None]:
        """Note how the request inside went; its error passes on.

        Without `is_breaking` failures are counted but open no breaker: whoever asks has a back-off
        of its own.
        """
        begun_ms = monotonic_ms()
        try:
            yield
        except SourceError as fault:
            self._failed(source, operation, fault, is_breaking=is_breaking)
            raise
        except BaseException:
            with self.lock:
                self.record(source, operation).circuit.abandoned()
            raise
        self._succeeded(source, operation, monotonic_ms() - begun_ms)

    def _succeeded(self, source: str, operation: str, latency_ms: float) -> None:
        with self.lock:
            record = self.record(source, operation)
            record.circuit.succeeded()
            record.calls += 1
            record.last_success_ms = now_ms()
            before = latency_ms if record.latency_ms is None else record.latency_ms
            record.latency_ms = before + SMOOTHING * (latency_ms - before)

    def _failed(
        self, source: str, operation: str, fault: SourceError, *, is_breaking: bool
    ) -> None:
        """Note a failure; what is no fault of the service leaves its breaker as it is."""
        at_ms, reason = now_ms(), str(fault)[:REASON_LENGTH]
        with self.lock:
            record = self.record(source, operation)
            record.calls += 1
            record.errors += 1
            record.last_error, record.last_error_ms = reason, at_ms
            if not is_breaking:
                return
            if isinstance(fault, RateLimited) and not fault.is_ban:
                record.circuit.abandoned()  # the budget keeps the silence
            elif isinstance(fault, Refused) and fault.status != 401:
                record.circuit.succeeded()  # it answered; the question was wrong
            else:
                hold_s = fault.retry_after_s if isinstance(fault, RateLimited) else None
                record.circuit.failed(at_ms / 1000, _kind(fault), reason, hold_s or 0.0)


def _kind(fault: SourceError) -> Fault:
    if isinstance(fault, Blocked):
        return Fault.REFUSED
    return Fault.BANNED if isinstance(fault, RateLimited) else Fault.FAILED


circuits = Circuits()


class WatchedRest:
    """The request side of a streamed source whose requests are noted, and not held back."""

    OPERATIONS = frozenset({"exchange_info", "klines", "tickers", "depth"})

    def __init__(self, rest: Any, source: str) -> None:
        self._rest = rest
        self._source = source

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._rest, name)
        if name not in self.OPERATIONS:
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            with circuits.watched(self._source, name, is_breaking=False):
                return await found(*args, **kwargs)

        return call
